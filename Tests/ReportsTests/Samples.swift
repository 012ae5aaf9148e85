import Histograms
import Reports

/// A snapshot with a value of its own in every field.
func sample(
  host: String = "web-1", values: [UInt64] = [0, 900, 1_500, 3_000_000], seconds: UInt64 = 1,
  start: Int = 0, final: Bool = false, now: Int = 5, longest: (UInt64, String)? = nil
) -> LoadSnapshot {
  func part(_ scale: UInt64) -> HistogramPart {
    HistogramPart(histogram(values.map { $0 * scale }))
  }
  return LoadSnapshot(
    final: final, host: HostPart(names: [host], kernels: ["6.18.44"], cpus: 2),
    start: timestamp(start), end: timestamp(start + Int(seconds)),
    intervalNs: seconds * 1_000_000_000, filter: FilterPart(),
    probes: [
      ProbePart(feature: "switches", probe: "tp_btf/sched_switch", available: .yes),
      ProbePart(feature: "stacks", probe: "fentry", available: .cannotTell, reason: "not root"),
    ],
    loss: LossPart(
      expected: 120, delivered: 100, pending: 2, ringFull: 10, noRing: 2, mapFull: 3, missedEnds: 2,
      recursion: 1, untraced: 4, namesLeftOut: 3),
    cost: CostPart(
      bpfNsPerSwitch: 78.25, consumerNs: 12_000_000, taskScanNs: 1_000_000,
      residentBytes: 21_000_000, ringBytes: 8_388_608),
    load: LoadPart(kernel: [4.21, 3.8, 2.11]),
    tasks: TasksPart(
      runnable: OccupancyPart(now: now, mean: 4.5, max: 9, taskNs: seconds * 4_500_000_000),
      uninterruptible: OccupancyPart(
        now: 2, mean: 2, max: 3, taskNs: seconds * 2_000_000_000,
        longest: longest.map { LongestWait(ns: $0.0, comm: $0.1, tid: 7) })),
    switches: 104, preemptions: 7,
    histograms: HistogramsPart(
      runQueueLatency: part(1), onCPU: part(3), blockedUninterruptible: part(70),
      blockedInterruptible: HistogramPart(Histogram())))
}

func histogram(_ values: some Sequence<UInt64>) -> Histogram {
  var histogram = Histogram()
  for value in values { histogram.record(value) }
  return histogram
}

/// So many seconds after three in the afternoon; up to 60.
func timestamp(_ second: Int) -> String {
  "2025-11-21T15:00:\(second < 10 ? "0" : "")\(second).000Z"
}

extension LoadSnapshot {
  /// The same parts in each average, of which a quarter is of before the run.
  mutating func attribute(to rows: [AttributionRow], delayed: Double) {
    let rows = rows.map { row in
      var row = row
      (row.load5, row.load15) = (row.load1, row.load1)
      return row
    }
    let known = rows.reduce(0.25 + delayed) { $0 + $1.load1 }
    attribution = AttributionPart(
      by: [.process, .site], rows: rows, delayed: [delayed, delayed, delayed],
      beforeRun: [0.25, 0.25, 0.25], unattributed: load.kernel.map { $0 - known })
  }

  /// What all parts of the attribution are together.
  var attributed: [Double] {
    (0..<3).map { index in
      let parts = (attribution?.rows ?? []).map { [$0.load1, $0.load5, $0.load15][index] }
      return parts.reduce(0, +) + attribution!.beforeRun[index] + attribution!.delayed[index]
        + attribution!.unattributed[index]
    }
  }

  /// With all that a snapshot may hold besides.
  func complete() -> LoadSnapshot {
    var all = self
    all.attribute(
      to: [
        AttributionRow(state: .runnable, process: "nginx", count: 8, active: 5, load1: 3),
        AttributionRow(
          state: .uninterruptible, process: "dd", pid: 7, comm: "dd", tid: 8, cgroup: "/",
          container: "web", pod: "8b3c0f2a-0000-4000-8000-000000000001", unit: "web.service",
          user: "root", site: "f (mutex)", wait: .lock, active: 1, load1: 1),
        AttributionRow(
          state: .uninterruptible, wait: .networkFileSystem, kernelThread: true, folded: true,
          count: 900, active: 0, load1: 0.01),
      ], delayed: 0)
    all.load.recomputed = [4.2, 3.8, 2.1]
    all.load.avenrun = [8602, 7782, 4301]
    all.load.timeWeighted = [4, 3, 2]
    all.load.samples = [
      LoadSamplePart(at: timestamp(2), active: 4, seen: 3, delayed: 1, mean: 3.5, load1: 4.21),
      LoadSamplePart(at: timestamp(7), active: nil, seen: 3, delayed: nil, mean: nil, load1: 4.2),
    ]
    all.beats = [
      BeatPart(
        process: "telegraf", pid: 812, count: 1, periodNs: 10_000_000_000, burstNs: 100_000_000,
        tasks: 32, mean: 0.32, load1: 14.5, lastsNs: 125_000_000_000, everyNs: 6_255_000_000_000,
        now: true, begins: timestamp(3), ends: timestamp(58))
    ]
    all.verdict = [
      VerdictPart(
        cause: .disk, share: 0.5, text: "dd is blocked.", evidence: ["1.00 comes from this"],
        advice: "Wait."),
      VerdictPart(cause: .healthy, share: 0.1, text: "Healthy.", evidence: [], advice: nil),
    ]
    all.pressure = PressurePart(
      cpu: .init(some: 0.5, full: 0), io: .init(some: 0.1, full: 0.05), memory: nil)
    all.cpus = CPUsPart(
      offline: [2, 3], capped: .init(cpus: 2, limit: 0.5),
      taken: [.init(cpu: 1, irq: 0.01, softirq: 0.25, steal: 0.5)])
    all.limits = LimitsPart(
      tasks: 90, threadsMax: 100, pidMax: 200, stackBytesPerTask: 16384, structBytesPerTask: 8128,
      availableBytes: 1 << 30, cgroups: [.init(cgroup: "/a", tasks: 5, pidsMax: 9)])
    all.tasks.reliableNs = 5
    all.stacks = [StackPart(comm: "dd", frames: ["f", "g"], count: 2, ns: 5)]
    return all
  }
}
