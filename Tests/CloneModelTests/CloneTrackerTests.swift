import CloneModel
import Histograms
import Records
import Support
import Tasks
import Testing

/// Records made into intervals, without a kernel.
struct CloneTrackerTests {
  private static let phases = KernelRanges<KernelPhases.Phase>([
    (start: 0x1000, end: 0x2000, part: .pageTables),
    (start: 0x2000, end: 0x3000, part: .taskSetup),
  ])

  private func tracker(_ filter: CloneFilter = CloneFilter()) -> CloneTracker {
    CloneTracker(filter: filter, phases: Self.phases, start: 100)
  }

  private func sample(
    tid: UInt32, of begin: UInt64 = 100, _ frames: [UInt64]
  ) -> sonde_sample {
    var record = sonde_sample()
    record.header.kind = UInt8(SONDE_KIND_SAMPLE.rawValue)
    record.header.tid = tid
    record.header.time = begin + 50
    record.begin = begin
    record.header.aux = fill(&record.frames, frames)
    return record
  }

  private func mapping(
    tid: UInt32, of begin: UInt64 = 100, start: UInt64 = 0x1000
  ) -> sonde_mapping {
    var record = sonde_mapping()
    record.header.kind = UInt8(SONDE_KIND_MAPPING.rawValue)
    (record.header.tid, record.header.time) = (tid, begin + 90)
    (record.begin, record.ns) = (begin, 70)
    (record.start, record.end) = (start, start + 0x2000)
    record.header.aux = UInt16(SONDE_MAPPING_STACK.rawValue)
    return record
  }

  @Test func callsByKind() {
    var tracker = tracker()
    feed(clone { $0.header.aux = UInt16(SONDE_CALL_FORK.rawValue) }, to: &tracker)
    feed(clone { $0.header.aux = UInt16(SONDE_CALL_CLONE3.rawValue) }, to: &tracker)
    feed(clone { $0.error = 11 }, to: &tracker)
    // A thread, which doesn't count unless it is asked for.
    feed(clone(flags: 0x10100), to: &tracker)
    let interval = tracker.close(at: 2000)
    #expect(interval.calls[Int(Clone.Call.fork.rawValue)] == 1)
    #expect(interval.calls[Int(Clone.Call.clone3.rawValue)] == 1)
    #expect(interval.failures == [11: 1] && interval.threads == 0)
    #expect(interval.clone.count == 2 && interval.clone.sum == 2000)
    #expect(interval.start == 100 && interval.end == 2000)
  }

  /// The wait of a vfork parent is not the clone's.
  @Test func theWaitStandsApart() {
    var tracker = tracker()
    feed(clone(ns: 5000, flags: 0x4100) { $0.wait_ns = 4000 }, to: &tracker)
    // More than the whole, as only a broken record says.
    feed(clone(ns: 5, flags: 0x4100) { $0.wait_ns = 4000 }, to: &tracker)
    let interval = tracker.close(at: 9000)
    #expect(interval.clone.sum == 1000 && interval.vforkWait.sum == 8000)
  }

  @Test func samplesWaitForTheirClone() {
    var filter = CloneFilter()
    filter.comms = [Comm("wanted")]
    var tracker = tracker(filter)
    feed(sample(tid: 1, [0x1800, 0x2800]), to: &tracker)
    feed(sample(tid: 1, [0x9000, 0x2000]), to: &tracker)
    feed(sample(tid: 1, [0x9000]), to: &tracker)
    feed(sample(tid: 1, []), to: &tracker)
    feed(sample(tid: 2, [0x1000]), to: &tracker)
    let before = tracker.close(at: 1000)
    #expect(KernelPhases.Phase.allCases.allSatisfy { before.samples(in: $0) == 0 })
    feed(clone(tid: 1, comm: "wanted"), to: &tracker)
    feed(clone(tid: 2, comm: "other"), to: &tracker)
    // The samples are all of the first.
    feed(clone(tid: 1, time: 1200, comm: "wanted"), to: &tracker)
    let interval = tracker.close(at: 9000)
    #expect(interval.samples(in: .pageTables) == 1)
    #expect(interval.samples(in: .taskSetup) == 1)
    #expect(interval.samples(in: .other) == 2)
    #expect(interval.count == 2)
  }

  /// What a record is about is the call that it names, whatever came before of the thread.
  @Test func twoClonesOfAThread() {
    var tracker = tracker()
    feed(sample(tid: 1, [0x1800]), to: &tracker)
    feed(clone(tid: 1), to: &tracker)
    feed(sample(tid: 1, of: 2000, [0x2800]), to: &tracker)
    feed(clone(tid: 1, time: 2000, ns: 200_000), to: &tracker)
    let strata = tracker.open.strata
    #expect(strata[0].count == 1 && strata[1].count == 1)
    #expect(strata[0].samples[KernelPhases.Phase.pageTables.rawValue] == 1)
    #expect(strata[1].samples[KernelPhases.Phase.taskSetup.rawValue] == 1)
    #expect(tracker.open.samples(in: .pageTables) == 1 && tracker.open.samples(in: .taskSetup) == 1)
  }

  /// What came of a call whose end was lost is nobody's.
  @Test func leftovers() {
    var tracker = tracker()
    feed(sample(tid: 1, of: 50, [0x1800]), to: &tracker)
    feed(mapping(tid: 1, of: 50), to: &tracker)
    feed(clone(tid: 1), to: &tracker)
    #expect(KernelPhases.Phase.allCases.allSatisfy { tracker.open.samples(in: $0) == 0 })
    #expect(tracker.open.mappings.isEmpty)
    // Nor is it where the next one's begin to come first.
    feed(mapping(tid: 1, of: 50), to: &tracker)
    feed(sample(tid: 1, of: 1200, [0x2800]), to: &tracker)
    feed(clone(tid: 1, time: 1200), to: &tracker)
    #expect(tracker.open.samples(in: .taskSetup) == 1 && tracker.open.samples(in: .pageTables) == 0)
    #expect(tracker.open.mappings.isEmpty)
    // Ten minutes are enough for any clone.
    feed(sample(tid: 2, [0x1800]), to: &tracker)
    feed(sample(tid: 3, of: 500_000_000_000, [0x1800]), to: &tracker)
    _ = tracker.close(at: 601_000_000_000)
    feed(clone(tid: 2, ns: 600_000_000_000), to: &tracker)
    feed(clone(tid: 3, time: 500_000_000_000, ns: 101_000_000_000), to: &tracker)
    #expect(tracker.open.count == 2 && tracker.open.samples(in: .pageTables) == 1)
  }

  /// Mappings of many calls at once, which end in any order, each with its own.
  @Test(arguments: 0..<10 as Range<UInt64>) func mappingsOfManyCalls(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var tracker = tracker()
    var expected: [UInt32: Int] = [:]
    var total = 0
    for round in 0..<50 as Range<UInt64> {
      let begin = 1000 * (round + 1)
      for _ in 0..<Int.random(in: 0...40, using: &random) {
        let tid = UInt32.random(in: 1...9, using: &random)
        feed(mapping(tid: tid, of: begin, start: random.next() >> 20), to: &tracker)
        expected[tid, default: 0] += 1
      }
      for tid in (1...9 as ClosedRange<UInt32>).shuffled(using: &random) {
        // Of some no end comes: what was theirs is dropped.
        if random.once(in: 5) { expected[tid] = 0; continue }
        let before = tracker.open.mappings.reduce(0) { $0 + Int($1.value.count) }
        feed(clone(tid: tid, time: begin), to: &tracker)
        let after = tracker.open.mappings.reduce(0) { $0 + Int($1.value.count) }
        #expect(after - before == expected[tid] ?? 0)
        total += expected[tid] ?? 0
        expected[tid] = 0
      }
    }
    let interval = tracker.close(at: 1 << 40)
    #expect(interval.mappings.reduce(0) { $0 + Int($1.value.count) } == total)
  }

  @Test func stacksAndWhatIsNew() {
    var tracker = tracker()
    feed(stack(tid: 1, [7, 8]), to: &tracker)
    feed(mapping(tid: 1), to: &tracker)
    feed(clone(tid: 1), to: &tracker)
    feed(stack(tid: 1, at: 2000, []), to: &tracker)
    feed(clone(tid: 1, time: 2000), to: &tracker)
    feed(clone(tid: 1, time: 4000), to: &tracker)
    let new = tracker.takeNew()
    #expect(Set(new.stacks.map(\.stack.addresses)) == [[7, 8], []] && new.mappings.count == 1)
    feed(stack(tid: 1, at: 6000, [7, 8]), to: &tracker)
    feed(clone(tid: 1, time: 6000), to: &tracker)
    #expect(tracker.takeNew().stacks.isEmpty)
    let interval = tracker.close(at: 9000)
    #expect(interval.stacks[.init(tgid: 1, stack: UserStack([7, 8]))]?.counts[0] == 2)
    #expect(interval.stacks[.init(tgid: 1, stack: UserStack([]))]?.ns == 1000)
    #expect(interval.strata[0].count == 4 && interval.strata[0].stackCount == 3)
  }

  @Test func timeOffTheCPU() {
    var tracker = tracker()
    feed(clone { $0.off_cpu_ns = 400 }, to: &tracker)
    // More than all of it, as the clocks of two CPUs may have it.
    feed(clone { $0.off_cpu_ns = 4000 }, to: &tracker)
    let interval = tracker.close(at: 2000)
    #expect(interval.offCPUNs == 1400 && interval.strata[0].onCPUNs == 600)
  }

  @Test func mappingsBelongToTheirProcess() {
    var tracker = tracker()
    for time in [100, 2000] as [UInt64] {
      feed(mapping(tid: 9, of: time), to: &tracker)
      feed(clone(tid: 9, time: time) { $0.tgid = 5 }, to: &tracker)
    }
    var broken = mapping(tid: 9, of: 4000)
    broken.header.aux = 99
    feed(broken, to: &tracker)
    feed(clone(tid: 9, time: 4000) { $0.tgid = 5 }, to: &tracker)
    let interval = tracker.close(at: 9000)
    let key = CloneInterval.MappingKey(tgid: 5, start: 0x1000, end: 0x3000)
    #expect(
      interval.mappings == [key: .init(comm: Comm("a"), kind: .stack, count: 2, ns: 140)])
  }

  /// Any bytes at all: nothing is made of what isn't a record, and nothing stops the program.
  @Test(arguments: 0..<50 as Range<UInt64>) func anyBytes(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var tracker = tracker()
    for _ in 0..<200 {
      let lengths = [
        0, 12, 16, MemoryLayout<sonde_clone>.size, MemoryLayout<sonde_mapping>.size,
        MemoryLayout<sonde_sample>.size, MemoryLayout<sonde_stack>.size,
      ]
      var bytes = (0..<lengths.randomElement(using: &random)!).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      if bytes.count > 12 { bytes[12] = UInt8.random(in: 15...20, using: &random) }
      unsafe tracker.consume(bytes.span.bytes)
    }
    let interval = tracker.close(at: 200)
    #expect(interval.slowest.count <= CloneInterval.slowestCount)
  }

  /// Random clones over random intervals: the intervals add up to the whole.
  @Test(arguments: 0..<20 as Range<UInt64>) func intervalsAddUp(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var tracker = tracker()
    var whole = CloneInterval(start: 100, end: 100)
    var sum: UInt64 = 0
    var longest: UInt64 = 0
    var time: UInt64 = 100
    for _ in 0..<10 {
      for _ in 0..<Int.random(in: 0...40, using: &random) {
        let ns = UInt64.random(in: 1...1 << 40, using: &random)
        sum += ns
        longest = max(longest, ns)
        let tid = UInt32.random(in: 1...9, using: &random)
        if Bool.random(using: &random) {
          feed(stack(tid: tid, at: time, [UInt64.random(in: 1...3, using: &random)]), to: &tracker)
        }
        feed(clone(tid: tid, time: time, ns: ns) { $0.anonymous_pages = 5000 }, to: &tracker)
      }
      time += 1 << 41
      whole.append(tracker.close(at: time))
    }
    #expect(whole.clone.sum == sum && whole.large.ns == sum && whole.end == time)
    #expect(whole.entries == 5000 * whole.count && whole.large.count == whole.count)
    let strata = whole.strata.indices.map { whole.strata[$0] }
    #expect(strata.reduce(0) { $0 + $1.ns } == sum)
    #expect(strata.reduce(0) { $0 + $1.count } == whole.count)
    #expect(strata.reduce(0) { $0 + $1.stackNs } == whole.stacks.reduce(0) { $0 + $1.value.ns })
    #expect(whole.slowest.first?.ns == longest)
    #expect(zip(whole.slowest, whole.slowest.dropFirst()).allSatisfy { $0.ns >= $1.ns })
  }

  /// A million processes, each with a mapping and a stack of its own: memory stays bounded.
  @Test func whatIsKeptIsBounded() {
    var whole = CloneInterval(start: 0, end: 0)
    for round in 0..<20 as Range<UInt32> {
      var next = CloneInterval(start: 0, end: 1)
      for index in 0..<1000 as Range<UInt32> {
        let tgid = round * 1000 + index
        next.mappings[.init(tgid: tgid, start: 0, end: 1)] = .init(
          comm: Comm("a"), kind: .heap, count: 1, ns: UInt64(tgid))
        next.stacks[.init(tgid: tgid, stack: UserStack([1])), default: .init(comm: Comm("a"))].add(
          ns: UInt64(tgid))
      }
      whole.append(next)
    }
    #expect(whole.mappings.count <= 5000 && whole.stacks.count <= 5000)
    #expect(whole.mappings[.init(tgid: 19_999, start: 0, end: 1)] != nil)
  }

  /// Also while an interval is open.
  @Test func anOpenIntervalIsBounded() {
    var tracker = tracker()
    for tid in 0..<10_000 as Range<UInt32> {
      feed(stack(tid: tid, [1]), to: &tracker)
      feed(mapping(tid: tid), to: &tracker)
      feed(clone(tid: tid), to: &tracker)
    }
    #expect(tracker.open.mappings.count < 5000 && tracker.open.stacks.count < 5000)
    #expect(tracker.count == 10_000)
  }
}
