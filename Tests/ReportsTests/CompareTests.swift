import Histograms
import Reports
import Testing

/// Two runs side by side: against figures computed by hand.
struct CompareTests {
  private func isClose(_ value: Double?, _ expected: Double, within: Double = 1e-3) -> Bool {
    value.map { abs($0 - expected) <= within * max(1, abs(expected)) } ?? false
  }

  /// Values below 64 have a bucket of their own: the spread is exact.
  @Test func theMeanAndItsBounds() throws {
    let mean = try #require(compare(measuredRun([10, 20, 30]), measuredRun([40, 40]))[.mean])
    let one = try #require(mean.baseline)
    // The standard deviation is 10, the standard error 10/sqrt(3), Student's t for 2 degrees 4.3027.
    #expect(one.value == 20 && isClose(one.low, -4.842) && isClose(one.high, 44.842))
    #expect(mean.compared.map { [$0.value, $0.low, $0.high] } == [40, 40, 40])
    #expect(mean.change == 20 && mean.factor == 2)
    // 20 is less than sqrt(24.842^2 + 0).
    #expect(mean.noise == .within)
    #expect(compare(measuredRun([10, 20, 30]), measuredRun([45, 45]))[.mean]?.noise == .exceeded)
  }

  /// 1,024 to 1,055 share a bucket: its own spread is that of the values.
  @Test func theSpreadWithinABucket() throws {
    let mean = try #require(
      compare(measuredRun(Array(1_024...1_055)), measuredRun([1, 2]))[.mean]?.baseline)
    // Squares of the distances from 1,039.5: 2,728; of 31 degrees t is 2.0395.
    let half = 2.0395 * (2_728.0 / 31 / 32).squareRoot()
    #expect(mean.value == 1_039.5 && isClose(mean.high.map { $0 - 1_039.5 }, half))
  }

  /// Published quantiles of Student's t, by the bounds that they make.
  @Test(arguments: [
    (2, 12.7062), (3, 4.3027), (4, 3.1824), (5, 2.7764), (6, 2.5706), (7, 2.4469), (11, 2.2281),
    (31, 2.0423), (121, 1.9799), (1_001, 1.9623),
  ])
  func studentsT(clones: Int, t: Double) throws {
    let values = (0..<clones).map { UInt64($0 % 2 == 0 ? 1 : 3) }
    let mean = values.reduce(0) { $0 + Double($1) } / Double(clones)
    let squares = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    let error = (squares / Double(clones - 1) / Double(clones)).squareRoot()
    let estimate = try #require(compare(measuredRun(values), measuredRun([]))[.mean]?.baseline)
    #expect(isClose(estimate.high, mean + t * error, within: 2e-3))
  }

  @Test func quantilesAndTheirBounds() throws {
    let few = compare(measuredRun(Array(1...20)), measuredRun(Array(21...40)))
    // Ranks 10 -+ 1.96 sqrt(5): 5.6 and 14.4.
    #expect(few[.median]?.baseline.map { [$0.value, $0.low, $0.high] } == [10, 5, 15])
    #expect(few[.median]?.noise == .exceeded && few[.median]?.change == 20)
    #expect(few[.p99]?.baseline?.value == 20 && few[.p99]?.baseline?.low == nil)
    #expect(few[.p99]?.noise == .unknown)
    // Of 1,000, ranks 990 -+ 1.96 sqrt(9.9): 983.8 and 996.2. The value of a rank is that less 960.
    let many = (1...1_000).map { UInt64(max(0, $0 - 960)) }
    let p99 = try #require(compare(measuredRun(many), measuredRun(many))[.p99])
    #expect(p99.baseline.map { [$0.value, $0.low, $0.high] } == [30, 23, 37])
    #expect(p99.noise == .within && p99.change == 0 && p99.factor == 1)
  }

  @Test func phasesThatAreHistograms() throws {
    // One of the three clones copied no page tables: values 0, 30, 30.
    let run = measuredRun([50, 50, 50], tables: [30, 30], copies: [40, 44], wake: 9)
    let comparison = compare(run, run)
    let tables = try #require(comparison[.phase, .pageTables]?.baseline)
    #expect(tables.value == 20)
    // Variance 300, standard error 10.
    #expect(isClose(tables.high, 20 + 43.027))
    // Of 0, 40 and 44: mean 28, variance 592; of a difference both together.
    let mappings = try #require(comparison[.phase, .mappings]?.baseline)
    #expect(mappings.value == 8)
    #expect(isClose(mappings.high, 8 + 43.027 + 4.3027 * (592.0 / 3).squareRoot()))
    #expect(comparison[.phase, .pageTables]?.noise == .within)
    for (phase, value) in [(ClonePhase.wakeChild, 3.0), (.unattributed, 19)] {
      let figure = try #require(comparison[.phase, phase])
      #expect(isClose(figure.baseline?.value, value) && figure.baseline?.high == nil)
      #expect(figure.noise == .unknown)
    }
    #expect(comparison[.phase, .addressSpace] == nil && comparison[.phase, .offCPU] == nil)
  }

  @Test func theAddressSpaceAsAWhole() throws {
    var run = measuredRun([50, 50, 50], copies: [10, 20, 30])
    run.phases[0].phase = .addressSpace
    run.phases.remove(at: 1)
    let comparison = compare(run, measuredRun([50, 50], tables: [1, 1]))
    #expect(isClose(comparison[.phase, .addressSpace]?.baseline?.high, 44.842))
    #expect(comparison[.phase, .addressSpace]?.compared == nil)
    #expect(comparison[.phase, .addressSpace]?.change == nil)
    #expect(comparison.cautions == [.phases])
    #expect(comparison.baseline.phases == .copies && comparison.compared.phases == .measured)
  }

  /// A sum that isn't the histogram's says nothing of its spread.
  @Test func aSumOfSomethingElseHasNoSpread() {
    var run = measuredRun([50, 50, 50], tables: [30, 30])
    run.phases[1].ns = 61
    #expect(compare(run, run)[.phase, .pageTables]?.noise == .unknown)
  }

  @Test func phasesThatAreSampled() throws {
    let one = sampledRun([10, 20, 30], [(.pageTables, 30, 9, 6), (.other, 15, 5, 3)])
    let tables = try #require(compare(one, one)[.phase, .pageTables])
    // 2 by the samples; by the clones, of which it is half, half of 24.842.
    #expect(isClose(tables.baseline?.high, 10 + (4 + 12.421 * 12.421).squareRoot()))
    #expect(tables.noise == .within)
    // No sample of 14, which tell of 15 ns per clone: 1.96^2 / (14 + 1.96^2) of these at most.
    let other = sampledRun([10, 20, 30], [(.mappings, 45, 14, 6)])
    let gone = try #require(compare(one, other)[.phase, .pageTables])
    #expect(gone.compared?.value == 0 && isClose(gone.compared?.high, 15 * 3.8415 / 17.8415))
    #expect(gone.change == -10 && gone.factor == 0)
    #expect(compare(other, one)[.phase, .pageTables]?.factor == nil)
    // Nor is it known where there is no sample at all.
    #expect(compare(one, sampledRun([10], []))[.phase, .pageTables]?.compared == nil)
  }

  @Test func figuresPerClone() throws {
    var (one, other) = (measuredRun([50, 50]), measuredRun([50, 50, 50, 50]))
    one.pageTables = PageTablesPart(
      bytes: 8_192, entries: 1_000, residentBytes: 4_096_000, hugetlbBytes: 0, nsPerEntry: 40,
      msPerGiB: nil, gbPerS: nil, grade: nil)
    other.pageTables = PageTablesPart(
      bytes: 4_096, entries: 500, residentBytes: 2_048_000, hugetlbBytes: 8, nsPerEntry: 10,
      msPerGiB: nil, gbPerS: nil, grade: nil)
    let comparison = compare(one, other)
    for (kind, before, after) in [
      (ComparedFigure.Kind.pageTableBytes, 4_096.0, 1_024.0), (.entries, 500, 125),
      (.residentBytes, 2_048_000, 512_000), (.nsPerEntry, 40, 10),
    ] {
      let figure = try #require(comparison[kind])
      #expect(figure.baseline?.value == before && figure.compared?.value == after)
      #expect(figure.factor == 0.25 && figure.change == after - before && figure.noise == .unknown)
    }
    #expect(comparison[.hugetlbBytes]?.change == 2 && comparison[.hugetlbBytes]?.factor == nil)
    let clones = try #require(comparison[.clones])
    #expect(clones.change == 2 && clones.factor == 2 && clones.noise == nil)
    #expect(comparison[.vforkWait] == nil)
  }

  /// The time that it comes from is known to within a fifth.
  @Test func timePerEntryOfSamples() throws {
    var run = sampledRun([10, 20, 30], [(.pageTables, 30, 9, 6)])
    run.pageTables.nsPerEntry = 40
    let each = try #require(compare(run, run)[.nsPerEntry]?.baseline)
    #expect(isClose(each.low, 32) && isClose(each.high, 48))
  }

  @Test func waitsOfParents() throws {
    var run = measuredRun([50, 50, 50, 50])
    run.histograms.vforkWait = HistogramPart(histogram([10, 20, 30]))
    let wait = try #require(compare(run, run)[.vforkWait]?.baseline)
    #expect(wait.value == 20 && isClose(wait.high, 44.842))
    #expect(compare(run, run).baseline.kinds.vforks == 3)
  }

  // MARK: - What comes out

  @Test func whatAccountsForIt() throws {
    let one = measuredRun([60, 60, 60], tables: [40, 40, 40], copies: [50, 50, 50], wake: 15)
    let faster = compare(
      one, measuredRun([20, 20, 20], tables: [8, 8, 8], copies: [15, 15, 15], wake: 3))
    #expect(faster.outcome == .faster)
    // Of 40 less: page tables 32, wake child 4, mappings 3; unattributed, 1, is too little.
    #expect(faster.accounts.map(\.phase) == [.pageTables, .wakeChild, .mappings])
    #expect(zip(faster.accounts, [0.8, 0.1, 0.075]).allSatisfy { isClose($0.share, $1) })
    let slower = compare(
      measuredRun([20, 20], tables: [8, 8]), measuredRun([60, 60], tables: [8, 8]))
    #expect(slower.outcome == .slower)
    #expect(slower.accounts.map(\.phase) == [.unattributed] && slower.accounts[0].share == 1)
  }

  @Test func noDifference() {
    let run = measuredRun([10, 20, 30], tables: [5, 6, 7])
    let same = compare(run, run)
    #expect(same.outcome == .noDifference && same.accounts == [] && same.cautions == [])
    #expect(same[.mean]?.noise == .within)
  }

  @Test(arguments: [0, 1]) func fewClones(count: Int) {
    let few = measuredRun(
      Array(repeating: 50, count: count), tables: Array(repeating: 5, count: count))
    for comparison in [
      compare(few, measuredRun([10, 20, 30], tables: [5, 5, 5])),
      compare(measuredRun([10, 20, 30], tables: [5, 5, 5]), few), compare(few, few),
    ] {
      #expect(comparison.outcome == .cannotTell && comparison.accounts == [])
      #expect(comparison.cautions == [count == 0 ? .noClones : .fewClones])
      #expect(comparison.figures.allSatisfy { $0.noise == nil || $0.noise == .unknown })
    }
    let sampled = sampledRun([50], [(.pageTables, 30, 9, 6)])
    #expect(compare(sampled, sampled)[.phase, .pageTables]?.noise == .unknown)
  }

  // MARK: - Whether they can be compared

  private func cautions(_ change: (inout CloneSnapshot) -> Void) -> [Caution] {
    let run = measuredRun(Array(1...40), tables: [1, 2])
    var other = run
    change(&other)
    let both = compare(run, other).cautions
    #expect(compare(other, run).cautions == both)
    return both
  }

  @Test func whatMakesThemUnlike() {
    #expect(cautions { $0.host.names = ["web-2"] } == [.host])
    #expect(cautions { $0.host.kernels = ["6.1.0"] } == [.kernel])
    #expect(cautions { $0.host.cpus = 4 } == [.cpus])
    #expect(cautions { $0.filter.comms = ["httpd"] } == [.filter])
    #expect(cautions { $0.filter.cgroups = ["/a"] } == [.filter])
    #expect(cautions { $0.filter.pids = [7] } == [.filter])
    #expect(cautions { $0.loss.ringFull = 1 } == [.loss])
    #expect(cautions { $0.phases = sampledRun([1, 2], []).phases } == [.phases])
    #expect(cautions { $0.phases = [] } == [])
    // 2 of 40 are no other mix, 3 are.
    #expect(cautions { $0.calls.threads = 2 } == [])
    #expect(cautions { $0.calls.threads = 3 } == [.kinds])
    #expect(cautions { $0.histograms.vforkWait = HistogramPart(histogram([1, 2, 3])) } == [.kinds])
    #expect(
      cautions {
        $0.host = HostPart(names: ["a", "b"], kernels: ["1"], cpus: 9)
        $0.loss.recursion = 1
      } == [.host, .kernel, .cpus, .loss])
  }

  @Test func theSameProcessHasAnotherIDInEachRun() {
    var (one, other) = (measuredRun([1, 2]), measuredRun([1, 2]))
    (one.filter.pids, other.filter.pids) = ([7], [8])
    (one.filter.comms, other.filter.comms) = (["a", "b"], ["b", "a"])
    #expect(compare(one, other).cautions == [])
  }
}
