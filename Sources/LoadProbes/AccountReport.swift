import LoadModel
import Proc
import Reports

/// The load attribution and the verdict as a snapshot has them.
extension Reporter {
  func addAttribution(_ sampling: LoadSampling, to snapshot: inout LoadSnapshot) {
    let kernel = sampling.kernel
    let attribution = sampling.shown.attribution
    snapshot.load.recomputed = list(sampling.recomputed.values)
    snapshot.load.avenrun = sampling.exact.map { exact in
      exact.averages.indices.map { exact.averages[$0] }
    }
    snapshot.load.timeWeighted = list(attribution.timeWeighted)
    snapshot.load.samples = sampling.samples.filter { snapshot.final || $0.time > told }.map {
      sample in
      LoadSamplePart(
        at: Self.timestamp(sample.wall), active: sample.active,
        seen: sample.seen, delayed: sample.delayed, mean: sample.mean, load1: sample.load1)
    }
    snapshot.attribution = attribution.part(
      sampling.shown.groups.rows(attribution), by: sampling.shown.groups.by,
      averages: [kernel.load1, kernel.load5, kernel.load15])
  }

  func verdict(
    _ snapshot: LoadSnapshot, _ sampling: LoadSampling, _ minute: RecentMinute
  ) -> Verdict {
    var verdict = Verdict()
    verdict.rows = sampling.usual.groups.rows(sampling.usual.attribution)
    verdict.throttled = sampling.throttling.cgroups.map {
      Verdict.Throttled(
        cgroup: $0.quota?.first.path, load1: $0.load1,
        periods: ($0.quota?.last.periods ?? 0) - ($0.quota?.first.periods ?? 0),
        used: ($0.quota?.last.throttled ?? 0) - ($0.quota?.first.throttled ?? 0))
    }
    verdict.beforeRun = snapshot.attribution?.beforeRun.first ?? 0
    verdict.delayed = snapshot.attribution?.delayed.first ?? 0
    verdict.unattributed = snapshot.attribution?.unattributed.first ?? 0
    verdict.load1 = snapshot.load.kernel[0]
    verdict.timeWeighted = snapshot.load.timeWeighted?.first ?? verdict.load1
    verdict.p99 = snapshot.histograms.runQueueLatency.percentiles.p99
    verdict.latencySeconds = Double(snapshot.intervalNs) / 1e9
    minute.describe(to: &verdict)
    if let pid = verdict.needsAffinityOf { verdict.affinity = affinity(of: pid) }
    return verdict
  }

  /// Inside a PID namespace /proc has other ids.
  private func affinity(of pid: UInt32) -> Verdict.Affinity? {
    guard PIDNamespace.isMachines,
      let list = try? ProcessStatus.of(pid: Int32(bitPattern: pid)).allowedCPUs,
      let cpus = Host.cpuList(parsing: list)
    else { return nil }
    return Verdict.Affinity(list: list, count: cpus.count)
  }

  func limits(_ load: LoadAverage) throws -> LimitsPart {
    let limits = try TaskLimits.current()
    let tasks = UInt64(max(0, load.tasks))
    return LimitsPart(
      tasks: tasks, threadsMax: limits.threadsMax, pidMax: limits.pidMax,
      stackBytesPerTask: tasks == 0 ? nil : limits.kernelStacks / tasks,
      structBytesPerTask: limits.taskBytes, availableBytes: limits.available,
      cgroups: watched.isEmpty
        ? nil
        : watched.compactMap { cgroup in
          cgroup.tasks().map {
            LimitsPart.CgroupTasks(cgroup: cgroup.path, tasks: $0.now, pidsMax: $0.most)
          }
        })
  }

  private func list(_ values: [3 of Double]) -> [Double] {
    values.indices.map { max(0, values[$0]) }
  }
}
