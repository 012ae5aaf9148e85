import ForkTrace
import Histograms
import Records
import Testing
import Support

/// Records made into intervals, without a kernel.
struct CloneTrackerTests {
  private static let phases = KernelPhases([
    (start: 0x1000, end: 0x2000, phase: .pageTables), (start: 0x2000, end: 0x3000, phase: .task),
  ])

  private func tracker(_ filter: CloneFilter = CloneFilter()) -> CloneTracker {
    CloneTracker(filter: filter, phases: Self.phases, start: 100)
  }

  private func clone(
    tid: UInt32 = 7, ns: UInt64 = 1000, flags: UInt64 = 0, comm: String = "a",
    _ change: (inout sonde_clone) -> Void = { _ in }
  ) -> sonde_clone {
    var record = sonde_clone()
    record.kind = UInt8(SONDE_KIND_CLONE.rawValue)
    record.tid = tid
    record.tgid = tid
    record.ns = ns
    record.flags = flags
    record.stack = -1
    unsafe withUnsafeMutableBytes(of: &record.comm) { bytes in
      for (index, byte) in comm.utf8.prefix(15).enumerated() { unsafe bytes[index] = byte }
    }
    change(&record)
    return record
  }

  private func sample(tid: UInt32, _ frames: [UInt64]) -> sonde_sample {
    var record = sonde_sample()
    record.kind = UInt8(SONDE_KIND_SAMPLE.rawValue)
    record.tid = tid
    record.length = UInt64(frames.count * 8)
    unsafe withUnsafeMutableBytes(of: &record.frames) { bytes in
      for (index, frame) in frames.enumerated() {
        unsafe bytes.storeBytes(of: frame, toByteOffset: 8 * index, as: UInt64.self)
      }
    }
    return record
  }

  private func feed<Record: BitwiseCopyable>(_ record: Record, to tracker: inout CloneTracker) {
    let bytes = unsafe withUnsafeBytes(of: record) { unsafe Array($0) }
    unsafe tracker.consume(bytes.span.bytes)
  }

  @Test func callsByKind() {
    var tracker = tracker()
    feed(clone { $0.call = UInt8(SONDE_CALL_FORK.rawValue) }, to: &tracker)
    feed(clone { $0.call = UInt8(SONDE_CALL_CLONE3.rawValue) }, to: &tracker)
    feed(clone { $0.error = 11 }, to: &tracker)
    // A thread, which doesn't count unless it is asked for.
    feed(clone(flags: 0x10100), to: &tracker)
    let interval = tracker.close(at: 200)
    #expect(interval.calls[Int(Clone.Call.fork.rawValue)] == 1)
    #expect(interval.calls[Int(Clone.Call.clone3.rawValue)] == 1)
    #expect(interval.failures == [11: 1] && interval.threads == 0)
    #expect(interval.clone.count == 2 && interval.clone.sum == 2000)
    #expect(interval.start == 100 && interval.end == 200)
  }

  /// The wait of a vfork parent is not the clone's.
  @Test func theWaitStandsApart() {
    var tracker = tracker()
    feed(clone(ns: 5000, flags: 0x4100) { $0.wait_ns = 4000 }, to: &tracker)
    // More than the whole, as only a broken record says.
    feed(clone(ns: 5, flags: 0x4100) { $0.wait_ns = 4000 }, to: &tracker)
    let interval = tracker.close(at: 200)
    #expect(interval.clone.sum == 1000 && interval.vforkWait.sum == 8000)
  }

  @Test func samplesWaitForTheirClone() {
    var filter = CloneFilter()
    filter.comms = ["wanted"]
    var tracker = tracker(filter)
    feed(sample(tid: 1, [0x1800, 0x2800]), to: &tracker)
    feed(sample(tid: 1, [0x9000, 0x2000]), to: &tracker)
    feed(sample(tid: 1, [0x9000]), to: &tracker)
    feed(sample(tid: 1, []), to: &tracker)
    feed(sample(tid: 2, [0x1000]), to: &tracker)
    let before = tracker.close(at: 150)
    #expect(before.samples.indices.allSatisfy { before.samples[$0] == 0 })
    feed(clone(tid: 1, comm: "wanted"), to: &tracker)
    feed(clone(tid: 2, comm: "other"), to: &tracker)
    // Told of the first one only.
    feed(clone(tid: 1, comm: "wanted"), to: &tracker)
    let interval = tracker.close(at: 200)
    #expect(interval.samples[KernelPhases.Phase.pageTables.rawValue] == 1)
    #expect(interval.samples[KernelPhases.Phase.task.rawValue] == 1)
    #expect(interval.samples[KernelPhases.Phase.other.rawValue] == 2)
    #expect(interval.count == 2)
  }

  @Test func mappingsBelongToTheirProcess() {
    var tracker = tracker()
    var mapping = sonde_mapping()
    mapping.kind = UInt8(SONDE_KIND_MAPPING.rawValue)
    (mapping.tid, mapping.ns, mapping.start, mapping.end) = (9, 70, 0x1000, 0x3000)
    mapping.mapping_kind = UInt8(SONDE_MAPPING_STACK.rawValue)
    for _ in 0..<2 {
      feed(mapping, to: &tracker)
      feed(clone(tid: 9) { $0.tgid = 5 }, to: &tracker)
    }
    mapping.mapping_kind = 99
    feed(mapping, to: &tracker)
    feed(clone(tid: 9) { $0.tgid = 5 }, to: &tracker)
    let interval = tracker.close(at: 200)
    let key = CloneInterval.MappingKey(tgid: 5, start: 0x1000, end: 0x3000)
    #expect(
      interval.mappings == [key: .init(comm: "a", kind: .stack, count: 2, ns: 140)])
  }

  /// Any bytes at all: nothing is made of what isn't a record, and nothing stops the program.
  @Test(arguments: 0..<50 as Range<UInt64>) func anyBytes(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var tracker = tracker()
    for _ in 0..<200 {
      let lengths = [
        0, 23, 24, MemoryLayout<sonde_clone>.size, MemoryLayout<sonde_mapping>.size,
        MemoryLayout<sonde_sample>.size,
      ]
      var bytes = (0..<lengths.randomElement(using: &random)!).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      if bytes.count > 23 { bytes[23] = UInt8.random(in: 15...19, using: &random) }
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
        feed(
          clone(tid: UInt32.random(in: 1...9, using: &random), ns: ns) {
            $0.anonymous_pages = 5000
            $0.stack = Int32.random(in: -1...3, using: &random)
          }, to: &tracker)
      }
      time += 10
      whole.append(tracker.close(at: time))
    }
    #expect(whole.clone.sum == sum && whole.large.ns == sum && whole.end == time)
    #expect(whole.entries == 5000 * whole.count && whole.large.count == whole.count)
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
          comm: "a", kind: .heap, count: 1, ns: UInt64(tgid))
        next.stacks[.init(tgid: tgid, stack: 1)] = .init(comm: "a", count: 1, ns: UInt64(tgid))
      }
      whole.append(next)
    }
    #expect(whole.mappings.count <= 5000 && whole.stacks.count <= 5000)
    #expect(whole.mappings[.init(tgid: 19_999, start: 0, end: 1)] != nil)
  }
}
