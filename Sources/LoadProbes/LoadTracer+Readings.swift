import BPF
import Input
import LoadModel
import Proc
import Reports
import Session

/// What the host's counters say at the boundaries.
extension LoadTracer {
  func shownLoad() throws(ProcError) -> [Double] {
    let load = try LoadAverage.current()
    return [load.load1, load.load5, load.load15]
  }

  func counters() throws(BPFError) -> LoadCounters {
    var counters = try probes.counters()
    counters.delivered = delivered
    return counters
  }

  mutating func reading(at time: UInt64) throws -> IntervalReading {
    let load = try LoadAverage.current()
    let cpus = (try? Proc.Host.current()) ?? host
    var system = SystemCounters.current()
    system.offline = Set(cpus.presentCPUs).subtracting(cpus.onlineCPUs).sorted()
    system.capped = frequencyLimit(at: time)
    return IntervalReading(
      at: time, clockOffset: clockOffset,
      wall: wallClock.boundary(time, now: Clocks.monotonic &+ clockOffset, wall: Clocks.wall),
      counters: try counters(),
      own: OwnUsage(
        cpuNs: try SelfUsage.cpuTime(), scanNs: scans.total,
        residentBytes: try SelfUsage.residentBytes(), namesLeftOut: Lookups.shared.leftOut),
      system: system, load: [load.load1, load.load5, load.load15],
      onlineCPUs: cpus.onlineCPUCount,
      limits: try? limits(load))
  }

  /// Read every ten seconds: that is three files for each CPU.
  private mutating func frequencyLimit(at time: UInt64) -> CPUsPart.CappedPart? {
    if frequency.map({ time &- $0.at >= 10_000_000_000 }) ?? true {
      // Behind a lock that a driver holds while it talks to its firmware.
      let limit = Lookups.shared.value { FrequencyLimit.current() }
      frequency = (
        time, limit.map { CPUsPart.CappedPart(cpus: $0.cpus, limit: $0.share) }
      )
    }
    return frequency?.limit
  }

  private func limits(_ load: LoadAverage) throws -> LimitsPart {
    let limits = try TaskLimits.current()
    let tasks = UInt64(max(0, load.tasks))
    return LimitsPart(
      tasks: tasks, threadsMax: limits.threadsMax, pidMax: limits.pidMax,
      stackBytesPerTask: tasks == 0 ? nil : limits.kernelStacks / tasks,
      structBytesPerTask: limits.taskBytes, availableBytes: limits.available,
      cgroups: options.cgroups.isEmpty
        ? nil
        : options.cgroups.compactMap { cgroup in
          cgroup.tasks().map {
            LimitsPart.CgroupTasks(cgroup: cgroup.path, tasks: $0.now, pidsMax: $0.most)
          }
        })
  }
}
