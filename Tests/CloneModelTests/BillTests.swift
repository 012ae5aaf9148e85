import CloneModel
import Records
import Reports
import Support
import Tasks
import Testing

/// What forks cost after the call, without a kernel.
struct BillTests {
  private let parent = CloneInterval.ParentKey(tgid: 7, comm: Comm("a"))
  private let ranges = KernelRanges<AfterFork.Place>([
    (start: 0x1000, end: 0x2000, part: .copyOnWrite),
    (start: 0x2000, end: 0x3000, part: .otherFaults),
    (start: 0x3000, end: 0x4000, part: .teardown),
  ])

  private func tracker(_ filter: CloneFilter = CloneFilter()) -> CloneTracker {
    CloneTracker(filter: filter, afterFork: ranges, start: 100)
  }

  private func born(
    _ id: UInt32, at begin: UInt64, _ change: (inout sonde_clone) -> Void = { _ in }
  ) -> sonde_clone {
    clone(time: begin) {
      $0.child = id
      change(&$0)
    }
  }

  /// Of the child of a clone that began then, or of the parent.
  private func sample(
    _ id: UInt32, of begin: UInt64 = 0, _ frames: [UInt64], flags: Int32 = 0
  ) -> sonde_after_fork {
    var record = sonde_after_fork()
    record.header.kind = UInt8(SONDE_KIND_AFTER_FORK.rawValue)
    record.header.tid = id
    record.header.flags = UInt8(flags)
    record.header.time = begin + 50
    record.header.aux = fill(&record.frames, frames)
    record.begin = begin
    record.tgid = 7
    return record
  }

  /// The innermost frame that stands for a place decides; before the clone's record, while the child is
  /// there, and on its way out.
  @Test func places() throws {
    var tracker = tracker()
    feed(sample(20, of: 1000, [0x1800, 0x2800]), to: &tracker)
    feed(born(20, at: 1000), to: &tracker)
    feed(sample(20, of: 1000, [0x9000, 0x2800]), to: &tracker)
    feed(sample(20, of: 1000, [0x9000]), to: &tracker)
    feed(sample(20, of: 1000, [], flags: SONDE_AFTER_FORK_USER), to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 20, of: 1000, at: 9000), to: &tracker)
    feed(sample(20, of: 1000, [0x9000, 0x3000]), to: &tracker)
    let interval = tracker.close(at: 10_000)
    let samples = try #require(interval.parents[parent]).samples
    for place in [.copyOnWrite, .otherFaults, .otherKernel, .user, .teardown] as [AfterFork.Place] {
      #expect(samples[place] == 1, "\(place)")
    }
    #expect(samples[.exec] == 0 && samples == interval.children.samples)
  }

  /// Of a parent only the copies that the fork has made needed; of others nothing.
  @Test func parents() {
    var tracker = tracker()
    feed(sample(7, [0x1800], flags: SONDE_AFTER_FORK_PARENT), to: &tracker)
    feed(born(20, at: 1000), to: &tracker)
    for frame in [0x1800, 0x2800, 0x9000] as [UInt64] {
      feed(sample(7, [frame], flags: SONDE_AFTER_FORK_PARENT), to: &tracker)
    }
    feed(sample(8, [0x1800], flags: SONDE_AFTER_FORK_PARENT), to: &tracker)
    let samples = tracker.close(at: 10_000).children.samples
    #expect(samples[.parentCopyOnWrite] == 1)
    #expect(AfterFork.Place.allCases.reduce(0) { $0 + samples[$1] } == 1)
  }

  /// Neither of who doesn't count, nor of another process that had the id.
  @Test func whoseTheyAre() {
    var filter = CloneFilter()
    filter.comms = [Comm("a")]
    var tracker = tracker(filter)
    feed(sample(20, of: 1000, [0x1800]), to: &tracker)
    feed(clone(time: 1000, comm: "b") { $0.child = 20 }, to: &tracker)
    feed(sample(20, of: 1000, [0x1800]), to: &tracker)
    feed(born(21, at: 3000), to: &tracker)
    feed(sample(21, of: 2000, [0x1800]), to: &tracker)
    let samples = tracker.close(at: 10_000).children.samples
    #expect(AfterFork.Place.allCases.allSatisfy { samples[$0] == 0 })
  }

  /// A fault that copies takes the old page out of the reverse mapping, too.
  @Test func reverseMapping() {
    let ranges = KernelRanges<AfterFork.Place>([
      (start: 0x1000, end: 0x2000, part: .copyOnWrite),
      (start: 0x3000, end: 0x4000, part: .teardown),
      (start: 0x5000, end: 0x6000, part: .reverseMapping),
    ])
    var tracker = CloneTracker(filter: CloneFilter(), afterFork: ranges, start: 100)
    feed(born(20, at: 1000), to: &tracker)
    feed(sample(20, of: 1000, [0x5000, 0x9000, 0x1800]), to: &tracker)
    feed(sample(20, of: 1000, [0x9000, 0x5000, 0x3000]), to: &tracker)
    let samples = tracker.close(at: 10_000).children.samples
    #expect(samples[.copyOnWrite] == 1 && samples[.reverseMapping] == 1 && samples[.teardown] == 0)
  }

  /// Of clones that copied, those whose child calls exec within 100 ms.
  @Test func discardedCopies() throws {
    var tracker = tracker()
    let later: UInt64 = 200_000_000
    for id in 20..<24 as Range<UInt32> {
      let begin = UInt64(id) * 1000
      feed(born(id, at: begin) { $0.address_space_ns = 300 }, to: &tracker)
      feed(
        child(SONDE_CHILD_EXEC, id, of: begin, at: id == 23 ? begin + later : begin + 5000),
        to: &tracker)
    }
    // It shares its parent's memory.
    feed(born(30, at: 60_000) { $0.flags = 0x4100 }, to: &tracker)
    feed(child(SONDE_CHILD_EXEC, 30, of: 60_000, at: 61_500), to: &tracker)
    feed(born(31, at: 70_000), to: &tracker)
    let interval = tracker.close(at: later * 2)
    #expect(interval.children.discardedCopies.count == 3)
    var coverage = CloneCoverage()
    coverage.children = true
    coverage.measuresCopies = true
    let part = try #require(childrenParts(interval, coverage, period: nil).first)
    #expect(part.discardedCopies == DiscardedCopiesPart(count: 3, ns: 900, how: .measured))
    #expect(part.bill == nil)
  }

  /// A sample stands for the time between two ticks.
  @Test func period() throws {
    var tracker = tracker()
    feed(born(20, at: 1000) { $0.off_cpu_ns = 400 }, to: &tracker)
    for _ in 0..<16 { feed(sample(20, of: 1000, [0x1800]), to: &tracker) }
    let interval = tracker.close(at: 1_000_000_100)
    let bill = try #require(
      childrenParts(interval, CloneCoverage(), period: 5_000_000).first?.bill)
    #expect(
      bill == [
        BillItemPart(item: .clone, ns: 600, count: 1, how: .measured),
        BillItemPart(
          item: .copyOnWrite, ns: 80_000_000, count: 16, how: .sampled, uncertaintyNs: 39_200_000),
      ])
  }

  /// Of a parent that only copies, of forks of before, there is no row.
  @Test func betweenForks() {
    var tracker = tracker()
    feed(born(20, at: 1000), to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 20, of: 1000, at: 9000), to: &tracker)
    _ = tracker.close(at: 10_000)
    feed(sample(7, [0x1800], flags: SONDE_AFTER_FORK_PARENT), to: &tracker)
    let interval = tracker.close(at: 20_000)
    #expect(interval.children.samples[.parentCopyOnWrite] == 1)
    #expect(childrenParts(interval, CloneCoverage(), period: 5).isEmpty)
  }

  /// So far, of the child of a clone that began then, or of the parent.
  private func faults(
    _ id: UInt32, of begin: UInt64 = 0, _ faults: UInt64, _ copied: UInt64, byParent: UInt64 = 0,
    flags: Int32 = 0
  ) -> sonde_write_faults {
    var record = sonde_write_faults()
    record.header.kind = UInt8(SONDE_KIND_WRITE_FAULTS.rawValue)
    record.header.tid = id
    record.header.flags = UInt8(flags)
    record.begin = begin
    (record.faults, record.copied, record.parent_copied) = (faults, copied, byParent)
    record.tgid = 7
    return record
  }

  /// Figures that grow count once, before the clone's record and after; of two forks the larger is the most.
  @Test func writeFaults() throws {
    var tracker = tracker()
    feed(faults(20, of: 1000, 3, 2), to: &tracker)
    feed(born(20, at: 1000), to: &tracker)
    feed(faults(20, of: 1000, 8, 6), to: &tracker)
    feed(faults(7, of: 1010, 4, 4, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    let first = try #require(tracker.close(at: 10_000).parents[parent])
    #expect(first.childFaults == WriteFaults(faults: 8, copied: 6))
    #expect(first.parentFaults == WriteFaults(faults: 4, copied: 4) && first.mostCopied == 6)
    feed(faults(20, of: 1000, 10, 7, byParent: 5), to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 20, of: 1000, at: 11_000), to: &tracker)
    feed(born(21, at: 12_000), to: &tracker)
    feed(faults(21, of: 12_000, 1, 1), to: &tracker)
    feed(faults(7, of: 1010, 9, 8, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    feed(faults(7, of: 1010, 9, 8, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    // Of none that is known: another's child, and another parent.
    feed(faults(22, of: 13_000, 100, 100), to: &tracker)
    feed(faults(8, of: 1010, 100, 100, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    let second = try #require(tracker.close(at: 20_000).parents[parent])
    #expect(second.childFaults == WriteFaults(faults: 3, copied: 2))
    #expect(second.parentFaults == WriteFaults(faults: 5, copied: 4) && second.mostCopied == 12)
  }

  /// What a parent had before counting began isn't new later; after an exec its figures begin anew.
  @Test func writeFaultsOfBeforeAndOfAnotherProgram() throws {
    var tracker = tracker()
    feed(faults(7, of: 50, 30, 30, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    feed(born(20, at: 1000), to: &tracker)
    feed(faults(7, of: 50, 34, 32, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    feed(faults(7, of: 2000, 5, 5, flags: SONDE_WRITE_FAULTS_PARENT), to: &tracker)
    let sum = try #require(tracker.close(at: 10_000).parents[parent])
    #expect(sum.parentFaults == WriteFaults(faults: 9, copied: 7))
  }
}
