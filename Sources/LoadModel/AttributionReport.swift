import Reports

/// The load attribution and the verdict as a report has them.
extension LoadReporter {
  func addAttribution(_ sampler: LoadSampler, to report: inout LoadSnapshot) {
    let attribution = sampler.shownTable.attribution
    func list(_ values: [3 of Double]) -> [Double] { values.indices.map { max(0, values[$0]) } }
    report.load.recomputed = list(sampler.recomputed.values)
    report.load.avenrun = sampler.exact.map { exact in
      exact.averages.indices.map { exact.averages[$0] }
    }
    report.load.timeWeighted = list(attribution.timeWeighted)
    report.load.samples = sampler.samples.filter { report.final || $0.time > reportedSample }.map {
      sample in
      LoadSamplePart(
        at: Self.timestamp(sample.wall), active: sample.active,
        seen: sample.seen, delayed: sample.delayed, mean: sample.mean, load1: sample.load1)
    }
    report.attribution = attribution.part(
      sampler.shownTable.groups.rows(attribution), by: sampler.shownTable.groups.by,
      averages: sampler.shown)
    let held = sampler.holders.rows
    if !held.isEmpty { report.blocked = held }
  }

  func verdict(
    _ report: LoadSnapshot, _ sampler: LoadSampler, _ minute: RecentMinute
  ) -> Verdict {
    var verdict = Verdict()
    verdict.blocked = report.blocked ?? []
    verdict.rows = sampler.usual.groups.rows(sampler.usual.attribution)
    verdict.throttled = sampler.throttling.cgroups.map {
      Verdict.Throttled(
        cgroup: $0.quota?.first.path, load1: $0.load1,
        periods: ($0.quota?.last.periods ?? 0) - ($0.quota?.first.periods ?? 0),
        used: ($0.quota?.last.throttled ?? 0) - ($0.quota?.first.throttled ?? 0))
    }
    verdict.beforeRun = report.attribution?.beforeRun.first ?? 0
    verdict.delayed = report.attribution?.delayed.first ?? 0
    verdict.unattributed = report.attribution?.unattributed.first ?? 0
    verdict.load1 = report.load.kernel[0]
    verdict.beats = report.beats ?? []
    verdict.timeWeighted = report.load.timeWeighted?.first ?? verdict.load1
    describe(report, minute, &verdict)
    return verdict
  }

  /// What doesn't depend on load samples.
  func describe(_ report: LoadSnapshot, _ minute: RecentMinute, _ verdict: inout Verdict) {
    let quotaWaits = (report.cpuWaits ?? []).map { row in
      (row, row.culprits.first { $0.kind == .quota }?.ns ?? 0)
    }
    verdict.quotaVictim = quotaWaits.max { $0.1 < $1.1 }.flatMap { row, ns in
      ns > 0 && row.process != nil ? row.label : nil
    }
    verdict.p99 = report.histograms.runQueueLatency.percentiles.p99
    verdict.latencySeconds = Double(report.intervalNs) / 1e9
    minute.describe(to: &verdict)
  }
}
