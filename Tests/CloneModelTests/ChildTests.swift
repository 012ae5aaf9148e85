import CloneModel
import Histograms
import Records
import Reports
import Support
import Tasks
import Testing

/// What becomes of children, without a kernel.
struct ChildTests {
  private let parent = CloneInterval.ParentKey(tgid: 7, comm: Comm("a"))

  private let coverage = {
    var coverage = CloneCoverage()
    coverage.children = true
    return coverage
  }()

  private func tracker(_ filter: CloneFilter = CloneFilter()) -> CloneTracker {
    CloneTracker(filter: filter, start: 100)
  }

  /// Of process 7, from then on.
  private func born(
    _ id: UInt32, at begin: UInt64, _ change: (inout sonde_clone) -> Void = { _ in }
  ) -> sonde_clone {
    clone(time: begin) {
      $0.child = id
      change(&$0)
    }
  }

  @Test func oneExecsAndOneDoesNot() throws {
    var tracker = tracker()
    feed(born(20, at: 1000), to: &tracker)
    feed(born(21, at: 4000), to: &tracker)
    feed(child(SONDE_CHILD_EXEC, 20, of: 1000, at: 5000), to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 21, of: 4000, at: 9000, written: 77), to: &tracker)
    let interval = tracker.close(at: 10_000)
    let sum = try #require(interval.parents[parent])
    #expect(sum == interval.children.with(most: 2))
    #expect(sum.born == 2 && sum.copied == 2 && sum.cloneNs == 2000)
    #expect(sum.exec.full == histogram(4000) && sum.life.full == histogram(5000))
    #expect(sum.written == 77 && sum.counted == 1 && sum.saved == 0)
    #expect(sum.living == 1 && sum.lingering == 0 && sum.unfollowed == 0)
  }

  /// The child's records come first where the parent waits for it, and may come first anyway.
  @Test func beforeTheRecordOfTheClone() throws {
    var tracker = tracker()
    feed(child(SONDE_CHILD_EXEC, 20, of: 1000, at: 1500), to: &tracker)
    feed(born(20, at: 1000) { $0.flags = 0x4100 }, to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 21, of: 3000, at: 3500), to: &tracker)
    feed(born(21, at: 3000), to: &tracker)
    feed(child(SONDE_CHILD_EXEC, 22, of: 5000, at: 5100), to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 22, of: 5000, at: 5500, hasExeced: true), to: &tracker)
    #expect(tracker.open.children.exec.count == 1)
    feed(born(22, at: 5000), to: &tracker)
    let sum = tracker.close(at: 10_000).children
    #expect(sum.born == 3 && sum.copied == 2 && sum.exec.count == 2 && sum.life.count == 1)
    #expect(sum.living == 1 && sum.unfollowed == 0)
  }

  @Test func onlyTheFirstExecCounts() {
    var tracker = tracker()
    feed(born(20, at: 1000), to: &tracker)
    for time in [2000, 3000] as [UInt64] {
      feed(child(SONDE_CHILD_EXEC, 20, of: 1000, at: time), to: &tracker)
    }
    feed(child(SONDE_CHILD_EXIT, 20, of: 1000, at: 9000, hasExeced: true), to: &tracker)
    let sum = tracker.close(at: 10_000).children
    #expect(sum.exec.full == histogram(1000) && sum.life.count == 0 && sum.living == 0)
  }

  /// In the interval in which it happens; the whole is the sum, but for who is there.
  @Test func overIntervals() throws {
    var tracker = tracker()
    feed(born(20, at: 1000), to: &tracker)
    feed(born(21, at: 3000), to: &tracker)
    var whole = tracker.close(at: 10_000)
    feed(child(SONDE_CHILD_EXIT, 20, of: 1000, at: 11_000), to: &tracker)
    let second = tracker.close(at: 4_000_000_000)
    #expect(whole.children.living == 2 && second.children.living == 1)
    #expect(second.children.born == 0 && second.children.life.full == histogram(10_000))
    #expect(second.children.lingering == 1 && second.parents[parent]?.most == 2)
    feed(child(SONDE_CHILD_EXIT, 21, of: 3000, at: 5_000_000_000), to: &tracker)
    let third = tracker.close(at: 6_000_000_000)
    #expect(third.children.living == 0 && third.parents[parent]?.most == 1)
    whole.append(second)
    #expect(whole.parents[parent]?.living == 1)
    whole.append(third)
    whole.append(tracker.close(at: 7_000_000_000))
    let sum = try #require(whole.parents[parent])
    #expect(sum.born == 2 && sum.life.count == 2 && sum.living == 0 && sum.lingering == 0)
    #expect(sum.most == 2 && sum == whole.children.with(most: 2))
  }

  @Test func anIdComesAgain() {
    var tracker = tracker()
    feed(born(20, at: 1000), to: &tracker)
    // The record of its end was lost.
    feed(born(20, at: 5000), to: &tracker)
    feed(child(SONDE_CHILD_EXEC, 20, of: 1000, at: 7000), to: &tracker)
    feed(child(SONDE_CHILD_EXEC, 20, of: 5000, at: 7000), to: &tracker)
    // Nor is it whose clone another process made.
    feed(child(SONDE_CHILD_EXIT, 20, of: 5000, tgid: 8, at: 7500), to: &tracker)
    let sum = tracker.close(at: 9000).children
    #expect(sum.born == 2 && sum.unfollowed == 1 && sum.exec.full == histogram(2000))
    #expect(sum.living == 1)
  }

  /// Where its record was lost, when it called exec isn't known.
  @Test func anExecThatOnlyTheExitTellsOf() {
    var tracker = tracker()
    feed(born(20, at: 1000), to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 20, of: 1000, at: 7000, hasExeced: true), to: &tracker)
    let sum = tracker.close(at: 9000).children
    #expect(sum.unfollowed == 1 && sum.life.count == 0 && sum.exec.count == 0 && sum.living == 0)
  }

  @Test func notFollowedByTheKernelSide() {
    var tracker = tracker()
    feed(born(20, at: 1000) { $0.header.flags = UInt8(SONDE_CLONE_UNFOLLOWED) }, to: &tracker)
    let sum = tracker.close(at: 5_000_000_000).children
    #expect(sum.born == 1 && sum.unfollowed == 1 && sum.living == 0 && sum.use == .unknown)
  }

  /// Neither threads nor children of clones that failed or don't count.
  @Test func whoseChildrenCount() {
    var filter = CloneFilter()
    filter.comms = [Comm("a")]
    filter.threads = true
    var tracker = tracker(filter)
    feed(born(20, at: 1000) { $0.flags = 0x10100 }, to: &tracker)
    feed(born(21, at: 3000) { $0.error = 11 }, to: &tracker)
    feed(child(SONDE_CHILD_EXEC, 22, of: 5000, at: 5100), to: &tracker)
    feed(clone(time: 5000, comm: "b") { $0.child = 22 }, to: &tracker)
    feed(child(SONDE_CHILD_EXIT, 22, of: 5000, at: 9000), to: &tracker)
    let interval = tracker.close(at: 10_000)
    #expect(interval.children == ChildSum() && interval.parents.isEmpty)
  }

  @Test func whatTheyWrite() throws {
    var tracker = tracker()
    for (id, written) in [(20, 2 << 20), (21, 9 << 20), (22, UInt64.max)] as [(UInt32, UInt64)] {
      let begin = UInt64(id) * 10_000
      // 4 MiB.
      feed(
        born(id, at: begin) { ($0.anonymous_pages, $0.hugetlb_pages) = (512, 512) }, to: &tracker)
      feed(
        child(SONDE_CHILD_EXIT, id, of: begin, at: begin + 5000, written: written), to: &tracker)
    }
    let sum = tracker.close(at: 1_000_000).children
    #expect(sum.life.count == 3 && sum.counted == 2 && sum.written == 11 << 20 && sum.saved == 1)
    #expect(sum.fates.writtenBytes == 11 << 20)
    var uncounted = ChildSum()
    uncounted.life.record(1)
    #expect(uncounted.fates.writtenBytes == nil && ChildSum().fates.writtenBytes == 0)
  }

  @Test func byStack() throws {
    var tracker = tracker()
    for (id, begin) in [(20, 1000), (21, 5000)] as [(UInt32, UInt64)] {
      feed(stack(tid: 7, at: begin, [UInt64(id)]), to: &tracker)
      feed(born(id, at: begin), to: &tracker)
    }
    #expect(tracker.takeNew().stacks.count == 2)
    feed(child(SONDE_CHILD_EXEC, 20, of: 1000, at: 7000), to: &tracker)
    var whole = tracker.close(at: 10_000)
    feed(child(SONDE_CHILD_EXIT, 21, of: 5000, at: 12_000), to: &tracker)
    let next = tracker.close(at: 20_000)
    // It has no clones of its own: there is no row for it.
    #expect(stackParts(next, coverage) { _ in ["f"] }.isEmpty)
    whole.append(next)
    let parts = stackParts(whole, coverage) { $0.stack.addresses.map { "f\($0)" } }
    #expect(parts.map(\.use) == [.execAtOnce, .serve])
    #expect(stackParts(whole, CloneCoverage()) { _ in ["f"] }.map(\.use) == [nil])
  }

  /// A million processes that each make a child, and ten thousand whose children stay.
  @Test func whatIsKeptIsBounded() {
    var tracker = tracker()
    var whole = CloneInterval(start: 0, end: 0)
    for round in 0..<40 as Range<UInt32> {
      for index in 0..<1000 as Range<UInt32> {
        let (tid, begin) = (round * 1000 + index + 1, UInt64(round) * 1_000_000)
        feed(clone(tid: tid, time: begin) { $0.child = tid + 100_000 }, to: &tracker)
        guard index % 4 > 0 else { continue }
        feed(
          child(SONDE_CHILD_EXEC, tid + 100_000, of: begin, tgid: tid, at: begin + 10), to: &tracker
        )
        feed(
          child(
            SONDE_CHILD_EXIT, tid + 100_000, of: begin, tgid: tid, at: begin + 20, hasExeced: true),
          to: &tracker)
      }
      whole.append(tracker.close(at: UInt64(round) * 1_000_000 + 900_000))
    }
    #expect(whole.parents.count < 10_000 + 3000)
    #expect(whole.children.born == 40_000 && whole.children.exec.count == 30_000)
    let groups = whole.childGroups
    #expect(groups.reduce(0) { $0 + $1.value.sum.born } == 40_000)
    #expect(groups.reduce(0) { $0 + $1.value.sum.living } == 10_000)
    let execed = groups.first { $0.key.use == .execAtOnce }?.value
    #expect(execed?.sum.exec.count == 30_000 && execed?.processes == 30_000)
    let parts = childrenParts(whole, coverage, period: nil)
    #expect(parts.map(\.use) == [.execAtOnce, .unknown] && parts[0].pid == nil)
  }

  /// Where the records of ends are lost the oldest are given up, and told of.
  @Test func tooManyToHold() {
    var tracker = tracker()
    for id in 1...40_000 as ClosedRange<UInt32> {
      feed(born(id, at: UInt64(id) * 2000), to: &tracker)
    }
    let sum = tracker.close(at: 1 << 30).children
    #expect(sum.born == 40_000 && sum.living < 33_000 && sum.living + sum.unfollowed == 40_000)
  }

  /// Events of children whose clone never comes, in any order, with anything in them.
  @Test(arguments: 0..<20 as Range<UInt64>) func hostileRecords(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var tracker = tracker()
    var whole = CloneInterval(start: 0, end: 0)
    var births: UInt64 = 0
    for round in 0..<3000 {
      let id = UInt32.random(in: 0...20, using: &random)
      let begin = random.once(in: 3) ? random.next() >> 1 : UInt64.random(in: 0...9, using: &random)
      if random.once(in: 3) {
        births += 1
        feed(born(id, at: begin) { $0.begin = begin }, to: &tracker)
      } else {
        var record = child(SONDE_CHILD_EXEC, id, of: begin, at: random.next())
        record.header.aux = UInt16.random(in: 0...3, using: &random)
        record.header.flags = UInt8.random(in: 0...3, using: &random)
        if random.once(in: 2) { record.ns = random.value() }
        record.written = random.value()
        feed(record, to: &tracker)
      }
      if round % 100 == 0 { whole.append(tracker.close(at: random.value())) }
    }
    whole.append(tracker.close(at: .max))
    let sum = whole.children
    #expect(sum.born == births && sum.exec.count <= births && sum.life.count <= births)
    #expect(sum.life.count + sum.unfollowed + sum.living <= births)
    #expect(!childrenParts(whole, coverage, period: nil).isEmpty)
  }

  /// As no kernel says it: no event.
  @Test func impossibleEvents() {
    var tracker = tracker()
    feed(born(20, at: 1000), to: &tracker)
    feed(child(SONDE_CHILD_EXEC, 20, of: 1000, at: 900), to: &tracker)
    var record = child(SONDE_CHILD_EXEC, 20, of: 1000, at: 5000)
    record.ns = 4001
    feed(record, to: &tracker)
    record = child(SONDE_CHILD_EXEC, 20, of: 1000, at: 5000)
    record.header.aux = 3
    feed(record, to: &tracker)
    #expect(tracker.close(at: 9000).children.exec.count == 0)
  }

  private func histogram(_ value: UInt64) -> Histogram {
    var histogram = Histogram()
    histogram.record(value)
    return histogram
  }
}

extension ChildSum {
  /// The sum of all parents has no number of one of them.
  fileprivate func with(most: UInt64) -> ChildSum {
    var sum = self
    sum.most = most
    return sum
  }
}
