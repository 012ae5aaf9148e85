import Histograms

extension LoadSnapshot {
  /// Why snapshots can't be added.
  public struct MergeError: Error, CustomStringConvertible {
    public let description: String
  }

  /// Adds another host's or another run's snapshot, or the same watch's next interval.
  ///
  /// Counts, sums and buckets are exact. Means are weighted by time: of two hosts watched for as
  /// long, the mean per host. `max` and `longest_ns` are the larger of the two. What is true at the
  /// end (`now`, `pending`) adds up over hosts; of one host it is the later.
  /// - Throws: where the two are not of this form, are not about the same kind of tasks, or the sum
  ///   exceeds 64 bits.
  public func merged(with other: LoadSnapshot) throws -> LoadSnapshot {
    try check()
    try other.check()
    guard filter.isComparable(with: other.filter) else {
      throw MergeError(description: "can't add what was seen of all tasks to that of some")
    }
    var merged = self
    merged.final = true
    merged.host = HostPart(
      names: host.names.union(other.host.names), kernels: host.kernels.union(other.host.kernels),
      cpus: try cpus(with: other.host))
    merged.start = Swift.min(start, other.start)
    merged.end = Swift.max(end, other.end)
    merged.intervalNs = try sum(\.intervalNs, with: other)
    merged.filter = FilterPart(
      pids: filter.pids.union(other.filter.pids), comms: filter.comms.union(other.filter.comms),
      cgroups: filter.cgroups.union(other.filter.cgroups))
    merged.probes = probes.union(other.probes)
    merged.loss = LossPart(
      seen: try sum(\.loss.seen, with: other), delivered: try sum(\.loss.delivered, with: other),
      pending: try atEnd(\.loss.pending, with: other),
      ringFull: try sum(\.loss.ringFull, with: other),
      mapFull: try sum(\.loss.mapFull, with: other),
      recursion: try sum(\.loss.recursion, with: other),
      untraced: try sum(\.loss.untraced, with: other))
    merged.switches = try sum(\.switches, with: other)
    merged.preemptions = try sum(\.preemptions, with: other)
    merged.cost = CostPart(
      bpfNsPerSwitch: weighted(
        cost.bpfNsPerSwitch, switches, other.cost.bpfNsPerSwitch, other.switches),
      consumerNs: try sum(\.cost.consumerNs, with: other),
      surveyNs: try sum(\.cost.surveyNs, with: other),
      residentBytes: Swift.max(cost.residentBytes, other.cost.residentBytes),
      ringBytes: Swift.max(cost.ringBytes, other.cost.ringBytes))
    merged.load.kernel = zip(load.kernel, other.load.kernel).map {
      weighted($0, intervalNs, $1, other.intervalNs) ?? 0
    }
    merged.tasks = TasksPart(
      runnable: try sum(\.runnable, with: other, over: merged.intervalNs),
      uninterruptible: try sum(\.uninterruptible, with: other, over: merged.intervalNs))
    merged.histograms = HistogramsPart(
      runQueueLatency: try sum(\.runQueueLatency, with: other),
      onCPU: try sum(\.onCPU, with: other),
      blockedUninterruptible: try sum(\.blockedUninterruptible, with: other),
      blockedInterruptible: try sum(\.blockedInterruptible, with: other))
    return merged
  }

  private func sum<Number: FixedWidthInteger>(
    _ field: KeyPath<LoadSnapshot, Number>, with other: LoadSnapshot
  ) throws -> Number {
    try self[keyPath: field].adding(other[keyPath: field])
  }

  private func atEnd<Number: FixedWidthInteger>(
    _ field: KeyPath<LoadSnapshot, Number>, with other: LoadSnapshot
  ) throws -> Number {
    guard host.names == other.host.names else { return try sum(field, with: other) }
    return (other.end >= end ? other : self)[keyPath: field]
  }

  private func cpus(with other: HostPart) throws -> Int {
    let all = host.names.union(other.names).count
    // Several intervals of one of the hosts that are in already.
    if all == host.names.count || all == other.names.count { return max(host.cpus, other.cpus) }
    return try host.cpus.adding(other.cpus)
  }

  private func sum(
    _ part: WritableKeyPath<TasksPart, OccupancyPart>, with other: LoadSnapshot,
    over interval: UInt64
  ) throws -> OccupancyPart {
    let (one, two) = (tasks[keyPath: part], other.tasks[keyPath: part])
    let longer = (two.longestNs ?? 0) > (one.longestNs ?? 0) ? two : one
    let total = try one.taskNs.adding(two.taskNs)
    let field = (\LoadSnapshot.tasks).appending(path: part)
    return OccupancyPart(
      now: try atEnd(field.appending(path: \.now), with: other),
      mean: interval == 0 ? 0 : Double(total) / Double(interval), max: Swift.max(one.max, two.max),
      taskNs: total, longestNs: longer.longestNs, longestTask: longer.longestTask)
  }

  private func sum(
    _ part: KeyPath<HistogramsPart, HistogramPart>, with other: LoadSnapshot
  ) throws -> HistogramPart {
    let (one, two) = (histograms[keyPath: part], other.histograms[keyPath: part])
    _ = try one.count.adding(two.count)
    var sum = try one.histogram()
    sum.add(try two.histogram())
    return HistogramPart(sum)
  }
}

/// The mean of two values, each of some weight; a missing one has none.
private func weighted(_ a: Double?, _ aWeight: UInt64, _ b: Double?, _ bWeight: UInt64) -> Double? {
  guard let a else { return b }
  guard let b else { return a }
  let (aWeight, bWeight) = (Double(aWeight), Double(bWeight))
  return aWeight + bWeight > 0 ? (a * aWeight + b * bWeight) / (aWeight + bWeight) : (a + b) / 2
}

extension FilterPart {
  /// Whether each kind of condition was set for both or for neither.
  fileprivate func isComparable(with other: FilterPart) -> Bool {
    pids.isEmpty == other.pids.isEmpty && comms.isEmpty == other.comms.isEmpty
      && cgroups.isEmpty == other.cgroups.isEmpty
  }
}

extension FixedWidthInteger {
  /// The numbers come from files and may be anything.
  fileprivate func adding(_ other: Self) throws -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    guard !overflow else { throw LoadSnapshot.MergeError(description: "the sum exceeds 64 bits") }
    return sum
  }
}

extension Array where Element: Equatable {
  /// What is in either, in order, once.
  fileprivate func union(_ other: [Element]) -> [Element] {
    self + other.filter { !contains($0) }
  }
}
