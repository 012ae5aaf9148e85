import Histograms
import LoadModel
import Testing
import Support

/// Where nothing is lost, every figure is the true one.
struct LosslessTests {
  static var histograms: [(String, KeyPath<LoadInterval, Histogram>)] {
    [
      ("runQueueLatency", \.runQueueLatency), ("onCPU", \.onCPU),
      ("blockedUninterruptible", \.blockedUninterruptible),
      ("blockedInterruptible", \.blockedInterruptible),
    ]
  }

  static func expectEqualHistograms(_ told: LoadInterval, _ truth: LoadInterval) {
    for (name, histogram) in histograms {
      let (told, truth) = (told[keyPath: histogram], truth[keyPath: histogram])
      #expect(told.count == truth.count, "\(name)")
      #expect(told.sum == truth.sum, "\(name)")
      // Spelled out they would fill screens.
      let areEqual = told == truth
      #expect(areEqual, "\(name)")
    }
  }

  /// All that is exact; of the largest counts, what is known.
  static func expectTrue(_ both: Watched.Both) {
    let (told, truth) = (both.told, both.truth)
    #expect(told.start == truth.start && told.end == truth.end)
    #expect(told.switches == truth.switches)
    #expect(told.preemptions == truth.preemptions)
    expectEqualHistograms(told, truth)
    #expect(told.runnable.total == truth.runnable.total)
    #expect(told.uninterruptible.total == truth.uninterruptible.total)
    #expect(told.runnable.now == truth.runnable.now)
    #expect(told.uninterruptible.now == truth.uninterruptible.now)
    #expect(told.runnable.maximum >= both.sampled.runnable)
    #expect(told.runnable.maximum <= truth.runnable.maximum)
    #expect(told.uninterruptible.maximum >= both.sampled.uninterruptible)
    #expect(told.uninterruptible.maximum <= truth.uninterruptible.maximum)
  }

  @Test(arguments: 0..<30 as Range<UInt64>) func everyFigure(seed: UInt64) {
    var watched = Watched(seed: seed)
    var switches: UInt64 = 0
    for _ in 0..<4 {
      let both = watched.interval(100_000_000)
      Self.expectTrue(both)
      switches += both.truth.switches
    }
    #expect(switches > 1000)
  }

  @Test(arguments: 0..<10 as Range<UInt64>) func ofTasksKnownByTheirBirthOnly(seed: UInt64) {
    var options = Simulator.Options()
    options.tellsFromStart = true
    var watched = Watched(seed: seed, options)
    for _ in 0..<3 { Self.expectTrue(watched.interval(100_000_000)) }
  }

  @Test(arguments: 0..<10 as Range<UInt64>) func ofSomeProcesses(seed: UInt64) {
    var watched = Watched(seed: seed, processes: 3)
    var waits: UInt64 = 0
    for _ in 0..<4 {
      let both = watched.interval(100_000_000)
      Self.expectTrue(both)
      waits += both.truth.runQueueLatency.count
    }
    #expect(waits > 100)
  }

  /// A kernel side that tells of every arrival as if it counted in `pcount`, which those of tasks
  /// that were preempted on their way to sleep don't, and which surveys show.
  @Test(arguments: 0..<10 as Range<UInt64>) func whereAllArrivalsAreToldAsCounted(seed: UInt64) {
    var options = Simulator.Options()
    options.tellsAllArrivals = true
    var watched = Watched(seed: seed, options)
    for _ in 0..<4 { Self.expectTrue(watched.interval(100_000_000)) }
  }

  /// At a load sample, and all the time before it.
  @Test(arguments: 0..<20 as Range<UInt64>) func whoIsActive(seed: UInt64) {
    var watched = Watched(seed: seed)
    var corrected = 0
    for _ in 0..<8 {
      let end =
        watched.simulator.now + .random(in: 1...40_000_000, using: &watched.simulator.random)
      watched.simulator.run(until: end)
      let truth = watched.simulator.truth
      watched.watch.take(watched.simulator.take(upTo: end))
      var seen: [ActiveTask] = []
      watched.watch.tracker.beginSample(at: end) { seen.append($0) }
      // Of whom it isn't known yet that they have been woken: by a pass, or as they are given a CPU.
      let runsOn = seed % 2 == 1
      if runsOn { watched.simulator.run(steps: 200) }
      watched.watch.take(watched.simulator.take(upTo: watched.simulator.now))
      watched.watch.survey(watched.simulator.survey(), boundary: watched.simulator.now)
      for late in watched.watch.tracker.endSample() {
        seen.append(late.task)
        guard let taken = late.taken else { continue }
        corrected += 1
        seen.remove(
          at: seen.firstIndex { $0.tid == taken.tid && $0.state == .uninterruptible }!)
      }
      #expect(seen.count { $0.state == .runnable } == truth.runnable)
      #expect(seen.count { $0.state == .uninterruptible } == truth.uninterruptible)
      #expect(Set(seen.map(\.tid)).count == seen.count)
      if runsOn { continue }
      let time = watched.watch.tracker.activeTime(at: end)
      #expect(time.runnable == truth.interval.runnable.total)
      #expect(time.uninterruptible == truth.interval.uninterruptible.total)
    }
    #expect(corrected > 0)
  }

  /// Random boundaries, and the longest of them longer than was planned.
  @Test(arguments: 0..<20 as Range<UInt64>) func intervalsAddUp(seed: UInt64) {
    var watched = Watched(seed: seed)
    var told: LoadInterval?
    var truth: LoadInterval?
    var largest = 0
    for _ in 0..<12 {
      let length = UInt64.random(in: 1...120_000_000, using: &watched.simulator.random)
      let both = watched.interval(length)
      told?.append(both.told)
      truth?.append(both.truth)
      told = told ?? both.told
      truth = truth ?? both.truth
      largest = max(largest, both.told.runnable.maximum)
      Self.expectEqualHistograms(both.told, both.truth)
      #expect(both.told.runnable.total == both.truth.runnable.total)
      #expect(both.told.runnable.maximum <= both.truth.runnable.maximum)
    }
    guard let told, let truth else { return }
    Self.expectEqualHistograms(told, truth)
    #expect(told.start == truth.start && told.end == truth.end)
    #expect(told.switches == truth.switches && told.preemptions == truth.preemptions)
    #expect(told.runnable.total == truth.runnable.total)
    #expect(told.uninterruptible.total == truth.uninterruptible.total)
    #expect(told.runnable.now == truth.runnable.now && told.runnable.maximum == largest)
  }

  /// Closing at boundaries changes no histogram against not closing at all.
  @Test(arguments: 0..<10 as Range<UInt64>) func boundariesLeaveNoTrace(seed: UInt64) {
    var cut = Watched(seed: seed)
    var whole = Watched(seed: seed)
    var parts = LoadInterval(start: cut.simulator.now, end: cut.simulator.now)
    for _ in 0..<10 {
      parts.append(cut.interval(25_000_000, surveyed: nil).told)
    }
    var random = whole.simulator.random
    // The same simulation, stopped at the same times.
    for _ in 0..<9 { whole.simulator.run(until: whole.simulator.now + 25_000_000) }
    let told = whole.interval(25_000_000, surveyed: nil).told
    random = whole.simulator.random
    #expect(random.state == cut.simulator.random.state)
    Self.expectEqualHistograms(parts, told)
    #expect(parts.switches == told.switches && parts.preemptions == told.preemptions)
    #expect(parts.start == told.start && parts.end == told.end)
    #expect(parts.runnable.now == told.runnable.now)
    #expect(parts.uninterruptible.now == told.uninterruptible.now)
  }
}

/// Which part of the truth is known only later.
struct WakeupTests {
  /// How long the tasks that were on their way as an interval ended had been, in it.
  static func late(
    _ woken: some Collection<SimulatedTask>, in interval: LoadInterval,
    where matches: (SimulatedTask) -> Bool
  ) -> UInt64 {
    woken.filter(matches).reduce(0) {
      $0 + interval.end - max(interval.start, $1.wokenAt ?? interval.end)
    }
  }

  /// Was in D until it was woken.
  static func wasInD(_ task: SimulatedTask) -> Bool {
    task.pcount > 0 && task.sleep.kind == .uninterruptible
  }

  /// A wakeup shows as the task is given a CPU. Without surveys those that wait at the end pass for
  /// what they were before.
  @Test(arguments: 0..<20 as Range<UInt64>) func withoutSurveys(seed: UInt64) {
    var watched = Watched(seed: seed)
    var some = 0
    for _ in 0..<10 {
      let both = watched.interval(25_000_000, surveyed: nil)
      let (told, truth, woken) = (both.told, both.truth, both.woken.values)
      let inD = woken.count(where: Self.wasInD)
      #expect(told.runnable.now == truth.runnable.now - woken.count)
      #expect(told.uninterruptible.now == truth.uninterruptible.now + inD)
      #expect(
        told.runnable.total == truth.runnable.total - Self.late(woken, in: truth) { _ in true })
      #expect(
        told.uninterruptible.total
          == truth.uninterruptible.total + Self.late(woken, in: truth, where: Self.wasInD))
      #expect(told.runQueueLatency == truth.runQueueLatency)
      #expect(told.onCPU == truth.onCPU)
      some += woken.count
    }
    #expect(some > 10)
  }

  /// A survey that comes after the boundary still tells who waited at it, unless that task has run
  /// more than once since, or waits again, or has another id, or is gone.
  @Test(arguments: 0..<30 as Range<UInt64>, [1, 30, 200]) func lateSurveys(
    seed: UInt64, steps: Int
  ) {
    var watched = Watched(seed: seed)
    for _ in 0..<6 {
      let both = watched.interval(50_000_000, surveyed: steps)
      let missed = both.woken.filter { index, task in
        let later = watched.simulator.tasks[index]
        if later.tid != task.tid { return true }
        switch later.place {
        case .queued: return later.pcount != task.pcount
        case .running, .blocked: return later.pcount != task.pcount + 1
        case .unstarted, .zombie, .gone: return true
        }
      }.values
      let (told, truth) = (both.told, both.truth)
      #expect(told.runnable.now <= truth.runnable.now)
      #expect(told.runnable.now >= truth.runnable.now - missed.count)
      #expect(told.uninterruptible.now >= truth.uninterruptible.now)
      #expect(told.uninterruptible.now <= truth.uninterruptible.now + missed.count)
      #expect(told.runnable.total <= truth.runnable.total)
      #expect(
        told.runnable.total
          >= truth.runnable.total - Self.late(missed, in: truth) { _ in true })
      #expect(told.uninterruptible.total >= truth.uninterruptible.total)
      #expect(
        told.uninterruptible.total
          <= truth.uninterruptible.total + Self.late(missed, in: truth, where: Self.wasInD))
      #expect(told.runQueueLatency == truth.runQueueLatency)
      #expect(told.onCPU == truth.onCPU)
    }
  }
}
