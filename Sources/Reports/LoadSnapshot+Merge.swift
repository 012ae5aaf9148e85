extension LoadSnapshot {
  /// Adds another host's or another run's snapshot, or the same run's next interval.
  ///
  /// Counts, sums and buckets are exact. Means are weighted by time: of two hosts traced for as
  /// long, the mean per host. `max` and `longest` are the larger of the two. What is true at the
  /// end (`now`, `pending`) adds up over hosts; of one host it is the later. A verdict is about one host at one
  /// time: there is none of the sum.
  /// - Throws: `MergeError` where the two are not of this form, are not about the same kind of
  ///   tasks, or the sum exceeds 64 bits.
  public func merged(with other: LoadSnapshot) throws -> LoadSnapshot {
    var merged = try headMerged(with: other)
    merged.load.kernel = zip(load.kernel, other.load.kernel).map {
      weighted($0, intervalNs, $1, other.intervalNs) ?? 0
    }
    // Of several hosts or times no samples follow one another.
    merged.load.recomputed = nil
    merged.load.avenrun = nil
    merged.load.samples = nil
    if attribution != nil || other.attribution != nil {
      merged.attribution = attributed.merged(intervalNs, with: other.attributed, other.intervalNs)
      merged.load.timeWeighted = zip(
        load.timeWeighted ?? load.kernel, other.load.timeWeighted ?? other.load.kernel
      ).map { weighted($0, intervalNs, $1, other.intervalNs) ?? 0 }
    }
    merged.blocked = nil
    merged.cpuWaits = nil
    merged.beats = nil
    merged.verdict = nil
    merged.soFar = nil
    merged.pressure = nil
    merged.cpus = nil
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
    if tasks.reliableNs != nil || other.tasks.reliableNs != nil {
      merged.tasks.reliableNs = try reliableNs.adding(other.reliableNs)
    }
    try merged.finishOccupancy(\.runnable, self, other)
    try merged.finishOccupancy(\.uninterruptible, self, other)
    return merged
  }

  /// Before its first sample all of a load is of before the run.
  private var attributed: AttributionPart {
    attribution
      ?? AttributionPart(
        by: [], rows: [], delayed: [0, 0, 0], beforeRun: load.kernel, unattributed: [0, 0, 0])
  }

  /// What of an occupancy follows from its other figures, and from those of the two.
  private mutating func finishOccupancy(
    _ part: WritableKeyPath<TasksPart, OccupancyPart>, _ one: LoadSnapshot, _ two: LoadSnapshot
  ) throws {
    let (a, b) = (one.tasks[keyPath: part], two.tasks[keyPath: part])
    tasks[keyPath: part].longest =
      (b.longest?.ns ?? 0) > (a.longest?.ns ?? 0) ? b.longest : a.longest
    tasks[keyPath: part].mean =
      try one.mean(a.mean, b.mean, with: two)
      ?? (intervalNs == 0 ? 0 : Double(tasks[keyPath: part].taskNs) / Double(intervalNs))
  }

  /// For how much of it no record was lost.
  private var reliableNs: UInt64 { Swift.min(tasks.reliableNs ?? intervalNs, intervalNs) }

  /// Of two occupancies' means, over the time in which no record was lost; nil where none was lost, or
  /// where there is no such time.
  private func mean(
    _ one: Double, _ two: Double, with other: LoadSnapshot
  ) throws(MergeError) -> Double? {
    let time = try reliableNs.adding(other.reliableNs)
    guard tasks.reliableNs != nil || other.tasks.reliableNs != nil, time > 0 else { return nil }
    return weighted(one, reliableNs, two, other.reliableNs)
  }

  /// pid_max is 1 << 22 at most; a merge adds hosts up.
  private static var mostTasks: Int { 1 << 40 }
  /// PATH_MAX
  private static var longestPath: Int { 4096 }
  /// The kernel takes 127 (sysctl kernel.perf_event_max_stack).
  private static var mostFrames: Int { 1024 }

  /// Numbers from a file may be anything.
  /// - Throws: `MergeError` where they are of another form or contradict each other.
  public func check() throws {
    try checkHead()
    try checkRate("cost.bpf_ns_per_switch", cost.bpfNsPerSwitch)
    try checkLoads("load.kernel", load.kernel)
    try checkLoads("load.recomputed", load.recomputed)
    try checkLoads("load.time_weighted", load.timeWeighted)
    try checkLoads("attribution.before_run", attribution?.beforeRun)
    try checkLoads("attribution.delayed", attribution?.delayed)
    try checkLoads("attribution.unattributed", attribution?.unattributed)
    try checkRate("tasks.runnable.mean", tasks.runnable.mean)
    try checkRate("tasks.uninterruptible.mean", tasks.uninterruptible.mean)
    for row in (attribution?.rows ?? []) + (soFar?.rows ?? []) {
      try checkLoads("attribution.rows", [row.load1, row.load5, row.load15])
      guard (1...Self.mostTasks).contains(row.count), row.active ?? 0 <= Self.mostTasks,
        row.cgroup?.utf8.count ?? 0 <= Self.longestPath
      else { throw MergeError(description: "attribution.rows: an impossible row") }
    }
    guard (stacks ?? []).allSatisfy({ $0.frames.count <= Self.mostFrames }) else {
      throw MergeError(description: "stacks: too many frames")
    }
    for row in blocked ?? [] {
      try checkLoads("blocked", [row.load1, row.load5, row.load15])
      guard row.count >= 1, (1...64).contains(row.chain.count) else {
        throw MergeError(description: "blocked: an impossible row")
      }
    }
    for beat in beats ?? [] {
      try checkLoads("beats", [beat.tasks, beat.mean, beat.load1])
      guard beat.count >= 1 else { throw MergeError(description: "beats: an impossible row") }
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
