import Histograms
import Reports
import Testing

/// What several snapshots add up to.
struct MergeTests {
  static func values(_ seed: UInt64) -> [UInt64] {
    (1...200).map { ($0 &* 2_654_435_761 &* (seed + 1)) >> ($0 % 33) & 0xffff_ffff }
  }

  @Test(arguments: 0..<10 as Range<UInt64>) func histogramsAreExact(seed: UInt64) throws {
    let (one, two) = (Self.values(seed), Self.values(seed + 100))
    let merged = try sample(values: one).merged(with: sample(host: "web-2", values: two))
    let all = one + two
    #expect(merged.histograms.runQueueLatency == HistogramPart(histogram(all)))
    #expect(merged.histograms.onCPU == HistogramPart(histogram(all.map { $0 * 3 })))
    #expect(
      merged.histograms.blockedUninterruptible == HistogramPart(histogram(all.map { $0 * 70 })))
    #expect(merged.histograms.blockedInterruptible == HistogramPart(Histogram()))
  }

  @Test func countsAddUp() throws {
    let merged = try sample().merged(with: sample(host: "web-2", seconds: 3))
    #expect(merged.final && merged.schema == LoadSnapshot.schemaName)
    #expect(merged.intervalNs == 4_000_000_000)
    #expect(merged.start == timestamp(0) && merged.end == timestamp(3))
    #expect(
      merged.host == HostPart(names: ["web-1", "web-2"], kernels: ["6.18.44"], cpus: 4))
    #expect(merged.switches == 208 && merged.preemptions == 14)
    #expect(
      merged.loss
        == LossPart(
          expected: 240, delivered: 200, pending: 4, ringFull: 20, noRing: 4, mapFull: 6,
          missedEnds: 4, recursion: 2, untraced: 8, namesLeftOut: 6))
    #expect(merged.cost.bpfNsPerSwitch == 78.25 && merged.cost.consumerNs == 24_000_000)
    #expect(merged.cost.residentBytes == 21_000_000 && merged.cost.ringBytes == 8_388_608)
    #expect(merged.probes == sample().probes)
  }

  @Test func meansAreWeightedByTime() throws {
    var (one, two) = (sample(), sample(host: "web-2", seconds: 3))
    one.load.kernel = [8, 4, 0]
    two.load.kernel = [4, 4, 4]
    one.tasks.runnable = OccupancyPart(now: 1, mean: 8, max: 9, taskNs: 8_000_000_000)
    two.tasks.runnable = OccupancyPart(now: 2, mean: 4, max: 5, taskNs: 12_000_000_000)
    let merged = try one.merged(with: two)
    #expect(merged.load.kernel == [5, 4, 3])
    #expect(
      merged.tasks.runnable == OccupancyPart(now: 3, mean: 5, max: 9, taskNs: 20_000_000_000))
  }

  /// Where records were lost, only the time without losses has a mean.
  @Test func meansLeaveOutLosses() throws {
    var (one, two) = (sample(), sample(host: "web-2", seconds: 3))
    one.tasks.runnable = OccupancyPart(now: 1, mean: 8, max: 9, taskNs: 8_000_000_000)
    two.tasks.runnable = OccupancyPart(now: 2, mean: 4, max: 5, taskNs: 90_000_000_000)
    two.tasks.reliableNs = 1_000_000_000
    let merged = try one.merged(with: two)
    #expect(merged.tasks.runnable.mean == 6 && merged.tasks.reliableNs == 2_000_000_000)
    #expect(merged.tasks.runnable.taskNs == 98_000_000_000)
    two.tasks.reliableNs = 0
    #expect(try one.merged(with: two).tasks.runnable.mean == 8)
    one.tasks.reliableNs = 0
    let unreliable = try one.merged(with: two)
    #expect(unreliable.tasks.runnable.mean == 24.5 && unreliable.tasks.reliableNs == 0)
  }

  /// Containers of two hosts are two rows, those of one pod as well; one of both files is one row.
  @Test func containersAreMergedByTheirIDs() throws {
    func row(_ container: String, _ pod: String?, _ load: Double) -> AttributionRow {
      AttributionRow(state: .runnable, container: container, pod: pod, load1: load)
    }
    var (one, two) = (sample(), sample(start: 1))
    one.attribute(to: [row("a", "p", 2), row("b", "p", 1), row("a", nil, 1)], delayed: 0)
    two.attribute(to: [row("a", "p", 1), row("(no container)", nil, 1)], delayed: 0)
    one.attribution?.by = [.container]
    two.attribution?.by = [.container]
    let rows = try #require(try one.merged(with: two).attribution?.rows)
    #expect(rows.map(\.container) == ["a", "(no container)", "a", "b"])
    #expect(rows.map(\.pod) == ["p", nil, nil, "p"] && rows.map(\.load1) == [1.5, 0.5, 0.5, 0.5])
  }

  /// All parts together are the load, of the sum too.
  @Test func attributionsAreWeightedByTime() throws {
    var (one, two) = (sample(), sample(host: "web-2", seconds: 3))
    (one.load.kernel, two.load.kernel) = ([8, 4, 2], [4, 4, 4])
    func dd(_ load: Double) -> AttributionRow {
      AttributionRow(
        state: .uninterruptible, process: "dd", pid: 7, site: "f", wait: .disk, load1: load)
    }
    func a(_ load: Double, _ count: Int, active: UInt64?) -> AttributionRow {
      AttributionRow(state: .runnable, process: "a", count: count, active: active, load1: load)
    }
    one.attribute(to: [dd(4), a(1, 3, active: 2)], delayed: 0.5)
    two.attribute(to: [a(3, 8, active: 7)], delayed: 0)
    one.load.timeWeighted = [6, 4, 2]
    two.load.timeWeighted = [2, 4, 4]
    let merged = try one.merged(with: two)
    var expected = sample()
    expected.attribute(to: [a(2.5, 8, active: nil), dd(1)], delayed: 0.125)
    let attribution = try #require(merged.attribution)
    #expect(attribution.rows == expected.attribution?.rows && attribution.by == [.process, .site])
    #expect(
      attribution.beforeRun == [0.25, 0.25, 0.25] && attribution.delayed == [0.125, 0.125, 0.125])
    #expect(merged.load.timeWeighted == [3, 4, 3.5])
    #expect(merged.attributed == merged.load.kernel && merged.verdict == nil)

    // Of an interval before its first sample all is of before the run.
    let young = sample(host: "web-3", seconds: 4)
    for sum in [try merged.merged(with: young), try young.merged(with: merged)] {
      for (one, two) in zip(sum.attributed, sum.load.kernel) { #expect(abs(one - two) < 1e-12) }
      let part = try #require(sum.attribution)
      #expect(part.rows.first?.load1 == 1.25 && part.beforeRun == [2.23, 2.025, 1.18])
      #expect(sum.load.timeWeighted == [3.605, 3.9, 2.805])
    }
  }

  @Test func theLongestWaitKeepsItsName() throws {
    let some = sample(longest: (5, "short"))
    let longest = sample(host: "web-2", longest: (7, "long"))
    for merged in [try some.merged(with: longest), try longest.merged(with: some)] {
      #expect(merged.tasks.uninterruptible.longest == LongestWait(ns: 7, comm: "long", tid: 7))
    }
    #expect(try some.merged(with: sample()).tasks.uninterruptible.longest?.comm == "short")
  }

  @Test func ofOneHostTheEndIsTheLater() throws {
    var (one, two) = (sample(start: 0, now: 5), sample(start: 1, now: 3))
    one.loss = LossPart(expected: 10, delivered: 6, pending: 4)
    two.loss = LossPart(expected: 20, delivered: 23, pending: 1)
    for merged in [try one.merged(with: two), try two.merged(with: one)] {
      #expect(merged.tasks.runnable.now == 3 && merged.host.cpus == 2)
      #expect(merged.loss == LossPart(expected: 30, delivered: 29, pending: 1))
    }
    let hosts = try one.merged(with: sample(host: "web-2")).merged(with: two)
    #expect(hosts.host.cpus == 4)
  }

  @Test func theOrderOfAddingDoesNotMatter() throws {
    let a = sample(values: Self.values(1), seconds: 1, longest: (5, "x"))
    let b = sample(host: "web-2", values: Self.values(2), seconds: 2)
    let c = sample(host: "web-3", values: Self.values(3), seconds: 4, longest: (7, "y"))
    let left = try a.merged(with: b).merged(with: c)
    var right = try a.merged(with: b.merged(with: c))
    for (one, two) in zip(left.load.kernel, right.load.kernel) { #expect(abs(one - two) < 1e-12) }
    right.load = left.load
    #expect(left == right)

    var swapped = try b.merged(with: a)
    let straight = try a.merged(with: b)
    #expect(swapped.host.names == ["web-2", "web-1"])
    swapped.host.names = straight.host.names
    swapped.load = straight.load
    #expect(swapped == straight)
  }

  @Test func anotherFormCannotBeAdded() {
    var other = sample()
    other.schema = "loadwatch/9"
    #expect(throws: MergeError.self) { try sample().merged(with: other) }
    #expect(throws: MergeError.self) { try other.merged(with: sample()) }
  }

  @Test func filtersAreJoinedIfTheyAreOfOneKind() throws {
    var (one, two) = (sample(), sample())
    one.filter.pids = [1, 2]
    two.filter.pids = [2, 3]
    #expect(try one.merged(with: two).filter.pids == [1, 2, 3])
    #expect(throws: MergeError.self) { try one.merged(with: sample()) }
    two.filter.comms = ["dd"]
    #expect(throws: MergeError.self) { try one.merged(with: two) }
  }

  @Test func aSumOfMoreThan64BitsIsAnError() {
    for field in [\LoadSnapshot.intervalNs, \.switches, \.loss.expected, \.cost.consumerNs] {
      var large = sample()
      large[keyPath: field] = .max
      #expect(throws: MergeError.self) { try large.merged(with: sample()) }
    }
    var loss = LossPart(ringFull: .max, missedEnds: 1, untraced: 7)
    #expect(loss.lost == .max)
    loss.ringFull = 5
    #expect(loss.lost == 6)

    var full = Histogram()
    full.record(1, times: .max)
    var large = sample()
    large.histograms.onCPU = HistogramPart(full)
    #expect(throws: MergeError.self) { try large.merged(with: sample()) }
  }
}
