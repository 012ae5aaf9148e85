import Histograms
import Snapshots

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
      ProbePart(want: "switches", using: "tp_btf/sched_switch", state: .yes),
      ProbePart(want: "stacks", using: "fentry", state: .cannotTell, reason: "not root"),
    ],
    loss: LossPart(
      seen: 115, delivered: 100, pending: 2, ringFull: 10, mapFull: 2, recursion: 1, untraced: 4),
    cost: CostPart(
      bpfNsPerSwitch: 78.25, consumerNs: 12_000_000, surveyNs: 1_000_000,
      residentBytes: 21_000_000, ringBytes: 8_388_608),
    load: LoadPart(kernel: [4.21, 3.8, 2.11]),
    tasks: TasksPart(
      runnable: OccupancyPart(now: now, mean: 4.5, max: 9, taskNs: seconds * 4_500_000_000),
      uninterruptible: OccupancyPart(
        now: 2, mean: 2, max: 3, taskNs: seconds * 2_000_000_000, longestNs: longest?.0,
        longestTask: longest?.1)),
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
