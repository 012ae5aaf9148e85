import CloneModel
import Histograms
import Reports
import Tasks
import Testing

/// What is made of samples and of stacks that not each clone has.
struct EstimateTests {
  /// 5,000 forks of 30 us, of which few samples are taken, and one of 300 ms.
  private func interval() -> CloneInterval {
    var interval = CloneInterval(start: 0, end: 1)
    for _ in 0..<5000 { interval.clone.record(30_000) }
    interval.clone.record(300_000_000)
    interval.strata[0].count = 5000
    interval.strata[0].ns = 150_000_000
    interval.strata[0].onCPUNs = 140_000_000
    interval.strata[3].count = 1
    interval.strata[3].ns = 300_000_000
    interval.strata[3].onCPUNs = 300_000_000
    interval.offCPUNs = 10_000_000
    return interval
  }

  private var bySamples: CloneCoverage {
    var coverage = CloneCoverage()
    coverage.samples = true
    return coverage
  }

  /// The article's fork: 52 ms for 4 GiB, 97 % of it page tables.
  @Test func pageTablesAndTheirSpeed() {
    var interval = CloneInterval(start: 0, end: 1)
    interval.clone.record(52_000_000)
    interval.entries = 1 << 20
    interval.pageTableBytes = 8 << 20
    (interval.large.count, interval.large.ns, interval.large.pages) = (1, 52_000_000, 1 << 20)
    interval.large.tableNs = 50_331_648
    var coverage = CloneCoverage()
    coverage.measuresMappings = true
    let part = pageTablesPart(interval, [], coverage, pageSize: 4096)
    #expect(part.bytes == 8 << 20 && part.entries == 1 << 20 && part.residentBytes == 4 << 30)
    #expect(part.nsPerEntry == 48 && part.msPerGiB == 13)
    #expect(abs((part.gbPerS ?? 0) - 82.595) < 0.001 && part.grade == "good")
  }

  @Test func shortAndLongClonesAreSampledApart() throws {
    var interval = interval()
    interval.strata[0].samples[KernelPhases.Phase.pageTables.rawValue] = 2
    interval.strata[0].samples[KernelPhases.Phase.taskSetup.rawValue] = 6
    interval.strata[3].samples[KernelPhases.Phase.pageTables.rawValue] = 270
    interval.strata[3].samples[KernelPhases.Phase.mappings.rawValue] = 30
    let parts = phaseParts(interval, bySamples)
    func part(_ phase: ClonePhase) throws -> PhasePart {
      try #require(parts.first { $0.phase == phase })
    }
    let tables = try part(.pageTables)
    #expect(tables.ns == 305_000_000 && tables.count == 272 && tables.how == .sampled)
    let task = try part(.taskSetup)
    #expect(task.ns == 105_000_000 && task.count == 6)
    #expect(try part(.mappings).ns == 30_000_000)
    // The few samples are what is uncertain: of 140 ms a third, and of 300 ms a thirtieth.
    #expect((35_000_000...50_000_000).contains(task.uncertaintyNs!))
    #expect((35_000_000...55_000_000).contains(tables.uncertaintyNs!))
    let off = try part(.offCPU)
    #expect(off.ns == 10_000_000 && off.how == .measured)
    #expect(parts.last?.how == .derived && parts.last?.ns == 0)
    #expect(parts.reduce(0) { $0 + $1.ns } == interval.clone.sum)
  }

  @Test func whatNoSampleIsInIsUnattributed() {
    var interval = interval()
    interval.strata[3].samples[KernelPhases.Phase.pageTables.rawValue] = 300
    let parts = phaseParts(interval, bySamples)
    #expect(parts.map(\.phase) == [.pageTables, .offCPU, .unattributed])
    #expect(parts.map(\.ns) == [300_000_000, 10_000_000, 140_000_000])
  }

  @Test func stacksStandForThoseThatWereNotTaken() {
    var interval = interval()
    let (a, b) = (
      CloneInterval.StackKey(tgid: 1, stack: UserStack([1])),
      CloneInterval.StackKey(tgid: 2, stack: UserStack([]))
    )
    var (one, two) = (
      CloneInterval.StackSum(comm: Comm("a")), CloneInterval.StackSum(comm: Comm("b"))
    )
    for _ in 0..<30 { one.add(ns: 30_000) }
    for _ in 0..<20 { two.add(ns: 30_000) }
    one.add(ns: 300_000_000)
    interval.stacks = [a: one, b: two]
    (interval.strata[0].stackCount, interval.strata[0].stackNs) = (50, 1_500_000)
    (interval.strata[3].stackCount, interval.strata[3].stackNs) = (1, 300_000_000)
    let parts = stackParts(interval, CloneCoverage()) { $0.stack.addresses.map { "f\($0)" } }
    #expect(
      parts == [
        StackPart(comm: "a", frames: ["f1"], count: 3001, ns: 390_000_000),
        StackPart(comm: "b", frames: [], count: 2000, ns: 60_000_000),
      ])
  }
}
