extension LoadSnapshot {
  /// Adds another host's or another run's snapshot, or the same watch's next interval.
  ///
  /// Counts, sums and buckets are exact. Means are weighted by time: of two hosts watched for as
  /// long, the mean per host. `max` and `longest_ns` are the larger of the two. What is true at the
  /// end (`now`, `pending`) adds up over hosts; of one host it is the later. A verdict is about one host at one
  /// time: there is none of the sum.
  /// - Throws: `MergeError` where the two are not of this form, are not about the same kind of
  ///   tasks, or the sum exceeds 64 bits.
  public func merged(with other: LoadSnapshot) throws -> LoadSnapshot {
    var merged = try headMerged(with: other)
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
    // Of several hosts or times no samples follow one another.
    merged.load.recomputed = nil
    merged.load.avenrun = nil
    merged.load.samples = nil
    if account != nil || other.account != nil {
      func mean(_ part: (LoadSnapshot) -> [Double]) -> [Double] {
        zip(part(self), part(other)).map { weighted($0, intervalNs, $1, other.intervalNs) ?? 0 }
      }
      merged.account = (account ?? []).merged(
        intervalNs, with: other.account ?? [], other.intervalNs)
      // Before its first sample all of a load is older than the watch.
      merged.load.trueAverage = mean { $0.load.trueAverage ?? $0.load.kernel }
      merged.olderThanWatch = mean { $0.olderThanWatch ?? $0.load.kernel }
      merged.delayed = mean { $0.delayed ?? [0, 0, 0] }
      merged.remainder = mean { $0.remainder ?? [0, 0, 0] }
    }
    merged.verdict = nil
    merged.pressure = nil
    merged.limits = nil
    if let own = stacks, let theirs = other.stacks {
      merged.stacks = try own.joined(
        with: theirs, same: { ($0.comm, $0.frames) == ($1.comm, $1.frames) }
      ) { one, two throws(MergeError) in
        StackPart(
          comm: one.comm, frames: one.frames, count: try one.count.adding(two.count),
          ns: try one.ns.adding(two.ns))
      }
    } else {
      merged.stacks = stacks ?? other.stacks
    }
    merged.tasks = TasksPart(
      runnable: try sum(\.runnable, with: other, over: merged.intervalNs),
      uninterruptible: try sum(\.uninterruptible, with: other, over: merged.intervalNs))
    merged.histograms = HistogramsPart(
      runQueueLatency: try sum(\.histograms.runQueueLatency, with: other),
      onCPU: try sum(\.histograms.onCPU, with: other),
      blockedUninterruptible: try sum(\.histograms.blockedUninterruptible, with: other),
      blockedInterruptible: try sum(\.histograms.blockedInterruptible, with: other))
    return merged
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

  /// Numbers from a file may be anything.
  /// - Throws: `MergeError` where they are of another form or contradict each other.
  public func check() throws {
    try checkHead()
    try checkRate("cost.bpf_ns_per_switch", cost.bpfNsPerSwitch)
    try checkLoads("load.kernel", load.kernel)
    try checkLoads("load.recomputed", load.recomputed)
    try checkLoads("load.true_average", load.trueAverage)
    try checkLoads("older_than_watch", olderThanWatch)
    try checkLoads("delayed", delayed)
    try checkLoads("remainder", remainder)
    for part in account ?? [] {
      try checkLoads("account", [part.load1, part.load5, part.load15])
    }
    do {
      _ = try histograms.runQueueLatency.histogram()
      _ = try histograms.onCPU.histogram()
      _ = try histograms.blockedUninterruptible.histogram()
      _ = try histograms.blockedInterruptible.histogram()
    } catch {
      throw MergeError(description: "\(error)")
    }
  }
}
