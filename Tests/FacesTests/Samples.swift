import Histograms
import Reports
import Support

/// A snapshot in which every line of a picture has something to say.
func sample(final: Bool = false) -> LoadSnapshot {
  LoadSnapshot(
    final: final, host: HostPart(names: ["web-1"], kernels: ["6.18.44"], cpus: 2),
    start: "2025-11-21T14:03:11.250Z", end: "2025-11-21T14:03:12.250Z",
    intervalNs: 1_000_000_000, filter: FilterPart(), probes: [],
    loss: LossPart(expected: 123_456, delivered: 123_400, pending: 56),
    cost: CostPart(
      bpfNsPerSwitch: 78.4, consumerNs: 12_000_000, taskScanNs: 1_000_000,
      residentBytes: 21_000_000, ringBytes: 8_388_608),
    load: LoadPart(kernel: [4.21, 3.8, 2.11]),
    tasks: TasksPart(
      runnable: OccupancyPart(now: 5, mean: 4.7, max: 9, taskNs: 4_700_000_000),
      uninterruptible: OccupancyPart(
        now: 2, mean: 2, max: 3, taskNs: 2_000_000_000,
        longest: LongestWait(ns: 12_400_000_000, comm: "postgres", tid: 212))),
    switches: 123_456, preemptions: 2_310,
    histograms: HistogramsPart(
      runQueueLatency: part([(0, 12), (700, 800), (1_500, 40_000), (3_100, 20_000), (90_000, 916)]),
      onCPU: part([(1_500, 61_000), (5_000_000, 456)]),
      blockedUninterruptible: part([]), blockedInterruptible: part([(100_000, 5), (40_000_000, 1)]))
  )
}

/// A histogram of values, each so many times.
func part(_ values: [(value: UInt64, times: UInt64)]) -> HistogramPart {
  var histogram = Histogram()
  for (value, times) in values { histogram.record(value, times: times) }
  return HistogramPart(histogram)
}

/// A snapshot whose every figure and name is of random size.
func randomSample(_ random: inout SplitMix64) -> LoadSnapshot {
  func number(_ bits: UInt64 = 64) -> UInt64 {
    random.next() >> (64 - UInt64.random(in: 1...bits, using: &random))
  }
  func names(_ count: Int) -> [String] {
    (0..<Int.random(in: 0...count, using: &random)).map { _ in
      escapedNot(EscapeTests.randomBytes(&random))
    }
  }
  func histogram() -> HistogramPart {
    part((0..<Int.random(in: 0...60, using: &random)).map { _ in (number(), number(40)) })
  }
  func occupancy() -> OccupancyPart {
    OccupancyPart(
      now: Int(number(31)), mean: Double(number(40)) / 7, max: Int(number(31)), taskNs: number(),
      longest: names(1).first.map { LongestWait(ns: number(), comm: $0, tid: UInt32(number(22))) })
  }
  var snapshot = sample(final: Bool.random(using: &random))
  snapshot.host = HostPart(names: names(9), kernels: names(3), cpus: Int(number(12)))
  snapshot.end = names(1).first ?? snapshot.end
  snapshot.intervalNs = Bool.random(using: &random) ? number() : 0
  snapshot.filter = FilterPart(
    pids: (0..<Int(number(4))).map { _ in Int(number(22)) }, comms: names(6), cgroups: names(2))
  snapshot.loss = LossPart(
    expected: number(), ringFull: number(50), noRing: number(), mapFull: number(),
    missedEnds: number(), recursion: number(),
    untraced: Bool.random(using: &random) ? number() : 0)
  snapshot.cost = CostPart(
    bpfNsPerSwitch: Bool.random(using: &random) ? Double(number()) : nil, consumerNs: number(),
    taskScanNs: number(), residentBytes: number(), ringBytes: number())
  snapshot.load.kernel = [Double(number(40)) / 3, Double(number(7)), 0.005]
  if Bool.random(using: &random) {
    func averages() -> [Double] { (0..<3).map { _ in Double(number(20)) / 7 } }
    let rows = (0..<Int(number(5))).map { _ in
      let averages = averages()
      return AttributionRow(
        state: Bool.random(using: &random) ? .runnable : .uninterruptible,
        process: names(1).first, pid: Bool.random(using: &random) ? UInt32(number(22)) : nil,
        site: names(1).first, folded: Bool.random(using: &random) ? true : nil,
        count: Int(number(10)), load1: averages[0], load5: averages[1], load15: averages[2])
    }
    snapshot.attribution = AttributionPart(
      by: [.process, .site], rows: rows, delayed: averages(), beforeRun: averages(),
      unattributed: averages().map { -$0 })
    snapshot.verdict = (0..<Int(number(2))).map { _ in
      VerdictPart(
        cause: .disk, share: 0.5, text: names(9).joined(separator: " "), evidence: names(3),
        advice: names(1).first)
    }
    snapshot.beats = (0..<Int(number(3))).map { _ in
      BeatPart(
        process: names(1).first ?? "", pid: Bool.random(using: &random) ? UInt32(number(22)) : nil,
        count: Int(number(5)) + 1, periodNs: number(), burstNs: number(),
        tasks: Double(number(20)) / 7, mean: Double(number(7)), load1: Double(number(22)) / 3,
        lastsNs: Bool.random(using: &random) ? number() : nil, everyNs: number(),
        now: Bool.random(using: &random), begins: "2026-11-29T15:49:05.120Z",
        ends: Bool.random(using: &random) ? names(1).first : nil)
    }
    snapshot.cpuWaits = (0..<Int(number(4))).map { _ in
      CPUWaitPart(
        process: names(1).first, pid: Bool.random(using: &random) ? UInt32(number(22)) : nil,
        waitNs: number(),
        culprits: (0..<Int(number(3))).map { _ in
          CulpritPart(
            kind: CulpritKind.allCases.randomElement(using: &random)!, process: names(1).first,
            pid: Bool.random(using: &random) ? UInt32(number(22)) : nil, ns: number())
        })
    }
    snapshot.limits = LimitsPart(
      tasks: number(22), threadsMax: number(22), pidMax: number(22),
      stackBytesPerTask: number(15) | 1, structBytesPerTask: nil, availableBytes: number(40),
      cgroups: names(2).map { .init(cgroup: $0, tasks: number(10), pidsMax: number(10)) })
  }
  snapshot.tasks = TasksPart(runnable: occupancy(), uninterruptible: occupancy())
  snapshot.switches = number()
  snapshot.preemptions = number()
  snapshot.histograms = HistogramsPart(
    runQueueLatency: histogram(), onCPU: histogram(), blockedUninterruptible: histogram(),
    blockedInterruptible: histogram())
  return snapshot
}

/// As the kernel's bytes become a name before anyone escapes it.
private func escapedNot(_ bytes: [UInt8]) -> String {
  String(decoding: bytes, as: UTF8.self)
}
