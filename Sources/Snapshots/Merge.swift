import Histograms

extension LoadSnapshot {
  /// Why snapshots can't be added.
  public struct MergeError: Error, CustomStringConvertible {
    public let description: String
  }

  /// Adds another host's or another run's snapshot.
  ///
  /// Counts, sums and buckets are exact. Means are weighted by time: of two hosts watched for as
  /// long, the mean per host. `max` and `longest_ns` are the larger of the two, `now` adds up.
  public func merged(with other: LoadSnapshot) throws -> LoadSnapshot {
    for snapshot in [self, other] where snapshot.schema != Self.schemaName {
      throw MergeError(
        description: "can't add a snapshot of the form \(snapshot.schema): \(Self.schemaName) only")
    }
    var merged = self
    merged.final = true
    merged.host = HostPart(
      names: host.names.union(other.host.names), kernels: host.kernels.union(other.host.kernels),
      cpus: host.names == other.host.names
        ? Swift.max(host.cpus, other.host.cpus) : host.cpus + other.host.cpus)
    merged.start = Swift.min(start, other.start)
    merged.end = Swift.max(end, other.end)
    merged.intervalNs = intervalNs + other.intervalNs
    merged.filter = FilterPart(
      pids: filter.pids.union(other.filter.pids), comms: filter.comms.union(other.filter.comms),
      cgroups: filter.cgroups.union(other.filter.cgroups))
    merged.probes = probes.union(other.probes)
    merged.loss = LossPart(
      seen: loss.seen + other.loss.seen, delivered: loss.delivered + other.loss.delivered,
      pending: loss.pending + other.loss.pending, ringFull: loss.ringFull + other.loss.ringFull,
      mapFull: loss.mapFull + other.loss.mapFull, recursion: loss.recursion + other.loss.recursion,
      untraced: loss.untraced + other.loss.untraced)
    merged.switches = switches + other.switches
    merged.preemptions = preemptions + other.preemptions
    merged.cost = CostPart(
      bpfNsPerSwitch: weighted(
        cost.bpfNsPerSwitch, switches, other.cost.bpfNsPerSwitch, other.switches),
      consumerNs: cost.consumerNs + other.cost.consumerNs,
      surveyNs: cost.surveyNs + other.cost.surveyNs,
      residentBytes: Swift.max(cost.residentBytes, other.cost.residentBytes),
      ringBytes: Swift.max(cost.ringBytes, other.cost.ringBytes))
    merged.load.kernel = zip(load.kernel, other.load.kernel).map {
      weighted($0, intervalNs, $1, other.intervalNs) ?? 0
    }
    merged.tasks = TasksPart(
      runnable: tasks.runnable.merged(with: other.tasks.runnable, over: merged.intervalNs),
      uninterruptible: tasks.uninterruptible.merged(
        with: other.tasks.uninterruptible, over: merged.intervalNs))
    merged.histograms = HistogramsPart(
      runQueueLatency: try sum(\.runQueueLatency, with: other),
      onCPU: try sum(\.onCPU, with: other),
      blockedUninterruptible: try sum(\.blockedUninterruptible, with: other),
      blockedInterruptible: try sum(\.blockedInterruptible, with: other))
    return merged
  }

  private func sum(
    _ part: KeyPath<HistogramsPart, HistogramPart>, with other: LoadSnapshot
  ) throws(InvalidBucket) -> HistogramPart {
    var sum = try histograms[keyPath: part].histogram()
    sum.add(try other.histograms[keyPath: part].histogram())
    return HistogramPart(sum)
  }
}

/// The mean of two values, each of some weight; a missing one has none.
private func weighted(_ a: Double?, _ aWeight: UInt64, _ b: Double?, _ bWeight: UInt64) -> Double? {
  guard let a else { return b }
  guard let b else { return a }
  guard aWeight + bWeight > 0 else { return (a + b) / 2 }
  return (a * Double(aWeight) + b * Double(bWeight)) / Double(aWeight + bWeight)
}

extension OccupancyPart {
  fileprivate func merged(with other: OccupancyPart, over interval: UInt64) -> OccupancyPart {
    let longer = (other.longestNs ?? 0) > (longestNs ?? 0) ? other : self
    let total = taskNs + other.taskNs
    return OccupancyPart(
      now: now + other.now, mean: interval == 0 ? 0 : Double(total) / Double(interval),
      max: Swift.max(max, other.max), taskNs: total, longestNs: longer.longestNs,
      longestTask: longer.longestTask)
  }
}

extension Array where Element: Equatable {
  /// What is in either, in order, once.
  fileprivate func union(_ other: [Element]) -> [Element] {
    self + other.filter { !contains($0) }
  }
}
