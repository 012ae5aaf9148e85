import Histograms
import LoadModel
import Records
import Testing
import Support

/// Records that no kernel writes. Nothing may trap, and what is real stays what it is.
struct RobustnessTests {
  /// A tid that can be, now and then one that can't (PID_MAX_LIMIT is 4,194,304).
  private static func tid(_ random: inout SplitMix64) -> UInt32 {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: UInt32.random(in: 0...10, using: &random)
    case 1: UInt32.random(in: 4_194_300...4_194_310, using: &random)
    case 2: UInt32.random(in: 0...4_194_303, using: &random)
    default: UInt32(truncatingIfNeeded: random.next())
    }
  }

  private static func time(_ random: inout SplitMix64) -> UInt64 {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: random.next()
    case 1: [0, 1, .max, .max - 1, 1 << 63].randomElement(using: &random) ?? 0
    default: Script.start + UInt64.random(in: 0...1_000_000_000, using: &random)
    }
  }

  /// Any bytes, any length.
  @Test(arguments: 0..<20 as Range<UInt64>) func anyBytes(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var script = Script(cpus: 4)
    for round in 0..<4_000 {
      let count = [24, 32, 48, 88].randomElement(using: &random) ?? 32
      let length = random.once(in: 4) ? Int.random(in: 0...100, using: &random) : count
      var bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // A kind that there is, so that it is looked into.
      if length > 12, random.once(in: 2) { bytes[12] = UInt8.random(in: 1...7, using: &random) }
      let cpu = random.once(in: 10) ? Int.random(in: -2...9, using: &random) : round % 4
      unsafe script.tracker.consume(bytes.span.bytes, cpu: cpu)
      unsafe script.tracker.found(
        bytes.span.bytes, clockOffset: random.next(), boundary: random.next())
      if round % 500 == 0 {
        script.tracker.beginScan()
        script.tracker.endScan()
        _ = script.close(at: UInt64(round) * 1000)
      }
    }
    let last = script.close(at: 10_000_000)
    #expect(last.end == Script.start + 10_000_000)
  }

  /// Records as they should be, with anything in their fields; in intervals of any length.
  @Test(arguments: 0..<30 as Range<UInt64>) func anyFields(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var filter = TaskFilter()
    if random.once(in: 2) { filter.processes = [1, 2, 3, 4] }
    var script = Script(filter, cpus: 3)
    for _ in 0..<4_000 {
      let cpu = Int.random(in: 0..<3, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0:
        let kinds = [SONDE_KIND_NEW_TASK, SONDE_KIND_RENAME, SONDE_KIND_EXEC]
        script.told(
          kinds.randomElement(using: &random) ?? SONDE_KIND_EXEC,
          at: Self.time(&random) &- Script.start, Self.tid(&random), of: Self.tid(&random),
          oldTid: Self.tid(&random), cpu: cpu)
      case 1:
        var seen = sonde_task()
        seen.tid = Self.tid(&random)
        seen.tgid = Self.tid(&random)
        seen.pcount = UInt32(truncatingIfNeeded: random.next())
        seen.run_delay = Self.time(&random)
        seen.last_queued = Self.time(&random)
        seen.last_arrival = Self.time(&random)
        seen.last_ran = Self.time(&random)
        seen.state = UInt16(truncatingIfNeeded: random.next())
        seen.on_cpu = random.once(in: 3) ? 1 : 0
        seen.on_rq = UInt8.random(in: 0...2, using: &random)
        script.survey(
          at: Self.time(&random) % (1 << 40), boundary: Self.time(&random) % (1 << 40), [seen])
      case 2:
        let interval = script.close(at: Self.time(&random) % (1 << 40))
        #expect(interval.end >= interval.start)
      default:
        script.switched(
          at: Self.time(&random) &- Script.start, from: Self.tid(&random),
          UInt16(truncatingIfNeeded: random.next()),
          to: Script.next(
            Self.tid(&random), pcount: UInt32.random(in: 0...20, using: &random),
            runDelay: Self.time(&random)),
          cpu: cpu,
          flags: sonde_switch_flags(rawValue: UInt32.random(in: 0...7, using: &random)))
      }
    }
  }

  /// An id beyond PID_MAX_LIMIT is nobody's; the record says nothing.
  @Test(arguments: [4_194_304, 1 << 31, .max] as [UInt32]) func idsThatCannotBe(tid: UInt32) {
    var script = Script()
    script.switched(at: 10, to: Script.next(tid, pcount: 1))
    script.switched(at: 20, from: tid, 1, to: Script.next(7, pcount: 1))
    script.told(SONDE_KIND_NEW_TASK, at: 30, tid)
    script.told(SONDE_KIND_EXEC, at: 30, 8, oldTid: tid)
    script.told(SONDE_KIND_EXEC, at: 30, tid, oldTid: 8)
    script.survey(at: 40, [.asleep(tid, 2, since: 5), .asleep(0, 2, since: 5)])
    let interval = script.close(at: 50)
    #expect(script.tracker.taskCount == 1)
    #expect(interval.switches == 0 && interval.uninterruptible.now == 0)
    // The last that can be.
    script.switched(at: 60, to: Script.next(4_194_303, pcount: 1))
    #expect(script.close(at: 70).runnable.now == 1)
  }

  /// A kind that is not known yet is left out: it may be of any length.
  @Test func kindsThatAreNotKnown() {
    var script = Script()
    var record = sonde_switch()
    record.header.time = Script.start + 10
    record.header.tid = 7
    record.next_pcount = 1
    record.header.kind = 9
    unsafe script.tracker.consume(CollectionOfOne(record).span.bytes, cpu: 0)
    script.told(sonde_kind(rawValue: 9), at: 20, 8)
    #expect(script.close(at: 30).switches == 0 && script.tracker.taskCount == 0)
  }

  /// Nonsense between what is real does no more than a lost record would: to tasks that it isn't
  /// about, nothing.
  @Test(arguments: 0..<10 as Range<UInt64>) func nonsenseInBetween(seed: UInt64) {
    var options = Simulator.Options()
    options.execs = false
    var watched = Watched(seed: seed, options)
    var random = SplitMix64(seed: seed)
    var told = LoadInterval(start: watched.simulator.now, end: watched.simulator.now)
    var truth = told
    // What is nobody's id in the simulation.
    let others = 1...200 as ClosedRange<UInt32>
    for _ in 0..<4 {
      let both = watched.interval(40_000_000) { records in
        records.flatMap { record -> [Told] in
          guard random.once(in: 10) else { return [record] }
          var nonsense = sonde_switch()
          nonsense.header.time = record.time
          nonsense.prev_tid = others.randomElement(using: &random) ?? 1
          nonsense.header.tid = others.randomElement(using: &random) ?? 1
          nonsense.next_pcount = 1
          nonsense.header.aux = 1
          nonsense.header.kind = UInt8(SONDE_KIND_SWITCH.rawValue)
          let count = if case .switched(_, let count) = record.event { count } else { 0 as UInt64 }
          guard count > 0 else { return [record] }
          return [record, Told(cpu: record.cpu, event: .switched(nonsense, count: count))]
        }
      }
      told.append(both.told)
      truth.append(both.truth)
    }
    // The nonsense has no waits, and one run each at most.
    #expect(told.runQueueLatency.sum == truth.runQueueLatency.sum)
    #expect(told.blockedUninterruptible.sum == truth.blockedUninterruptible.sum)
    #expect(told.uninterruptible.total == truth.uninterruptible.total)
    #expect(told.onCPU.max ?? 0 <= watched.simulator.now - Simulator.start)
  }

  /// Clocks that jump back and forth by milliseconds.
  @Test(arguments: 0..<20 as Range<UInt64>) func timeGoesBackwards(seed: UInt64) {
    var options = Simulator.Options()
    options.lives = seed % 2 == 0
    options.execs = seed % 2 == 0
    var watched = Watched(seed: seed, options)
    _ = watched.interval(1_000_000)
    var random = SplitMix64(seed: seed)
    var told = LoadInterval(start: watched.simulator.now, end: watched.simulator.now)
    var truth = told
    let jump: UInt64 = 4_000_000
    for _ in 0..<6 {
      let both = watched.interval(40_000_000, surveyed: random.once(in: 2) ? 0 : nil) { records in
        records.map { record in
          var record = record
          let back = UInt64.random(in: 0...2 * jump, using: &random)
          record.time = record.time + jump - back
          return record
        }
      }
      let possible = UInt64(watched.simulator.tasks.count) * (both.told.end - both.told.start)
      #expect(both.told.runnable.total <= possible)
      #expect(both.told.uninterruptible.total <= possible)
      #expect(both.told.runnable.now <= watched.simulator.tasks.count)
      told.append(both.told)
      truth.append(both.truth)
    }
    let elapsed = watched.simulator.now - Simulator.start + 2 * jump
    for (name, histogram) in LosslessTests.histograms {
      #expect((told[keyPath: histogram].max ?? 0) <= elapsed, "\(name)")
    }
    #expect(told.longest.map { $0.duration <= elapsed } ?? true)
    // The kernel's account has nothing to do with it.
    if !options.lives {
      #expect(told.runQueueLatency.count <= truth.runQueueLatency.count + 60)
      #expect(told.runQueueLatency.sum <= truth.runQueueLatency.sum + 60 * 2 * jump)
    }
  }
}
