/// When cgroups were throttled on each CPU.
///
/// No tracepoint shows it (`throttle_cfs_rq()`), so a span begins with the switch that takes the CPU from the
/// first task of a throttled cgroup, and ends when one of its tasks gets that CPU again. Where tasks are
/// throttled one by one (Linux 6.18), it is a task's own.
struct ThrottledSpans {
  struct Span {
    var from: UInt64
    /// `UInt64.max` while it lasts.
    var to: UInt64 = .max

    /// Whether a wait that began at `begin` was throttled all that time. A cgroup may have gone on elsewhere:
    /// one that comes back to a CPU late has not been throttled until then.
    func covers(_ begin: UInt64) -> Bool { begin <= from || to &- from <= ThrottledSpans.period }
  }

  private struct Key: Hashable {
    /// A cgroup's ID, or a task's.
    var group: UInt64
    var cpu: Int
  }

  /// Newest first.
  private var spans: [Key: [Span]] = [:]
  /// How many are still open, on all CPUs.
  private var open = 0
  /// A bit for each key that there is, so that most waits need no look-up.
  private var filter: UInt64 = 0
  private var areOfTasks = false

  /// A wait may span several periods.
  private static let most = 16
  /// More than that throttled at a time on each CPU is not what any machine has.
  private static let mostKeys = 8192
  /// The v2 root has no quota, so a task throttled there is throttled by a v1 cgroup; which one isn't known.
  private static let rootCgroup: UInt64 = 1
  /// The default of cpu.max, and nearly everybody's; ns.
  private static let period: UInt64 = 100_000_000
  /// Well beyond the longest possible period, 1 s.
  private static let maxAge: UInt64 = 60_000_000_000

  private func key(_ cgroup: UInt64, _ tid: UInt32, _ cpu: Int) -> Key {
    Key(
      group: areOfTasks || cgroup <= Self.rootCgroup ? 1 << 63 | UInt64(tid) : cgroup, cpu: cpu)
  }

  private static func bit(_ key: Key) -> UInt64 {
    1 << ((key.group ^ UInt64(truncatingIfNeeded: key.cpu)) & 63)
  }

  /// - Parameter isOfTask: whether the task alone is throttled, not its cgroup.
  mutating func begin(
    by task: borrowing TrackedTask, isOfTask: Bool, on cpu: Int, at time: UInt64
  ) {
    areOfTasks = isOfTask
    let key = key(task.cgroup, task.tid, cpu)
    guard spans[key]?.first?.to != .max, spans.count < Self.mostKeys || spans[key] != nil else {
      return
    }
    spans[key, default: []].insert(Span(from: time), at: 0)
    if spans[key]?.count ?? 0 > Self.most { spans[key]?.removeLast() }
    open += 1
    filter |= Self.bit(key)
  }

  /// A task of the cgroup gets the CPU.
  @inline(__always)
  mutating func end(_ cgroup: UInt64, _ tid: UInt32, on cpu: Int, at time: UInt64) {
    if open > 0 { close(key(cgroup, tid, cpu), at: time) }
  }

  private mutating func close(_ key: Key, at time: UInt64) {
    guard filter & Self.bit(key) != 0, spans[key]?.first?.to == .max else { return }
    spans[key]?[0].to = time
    open -= 1
  }

  @inline(__always)
  func mayHave(_ cgroup: UInt64, _ tid: UInt32, on cpu: Int) -> Bool {
    filter != 0 && filter & Self.bit(key(cgroup, tid, cpu)) != 0
  }

  func spans(of cgroup: UInt64, _ tid: UInt32, on cpu: Int) -> [Span] {
    spans[key(cgroup, tid, cpu)] ?? []
  }

  /// Forgets cgroups that have not been throttled for long, and those that don't come back.
  mutating func prune(at now: UInt64) {
    guard filter != 0 else { return }
    filter = 0
    for (key, old) in spans {
      if old[0].from &+ Self.maxAge < now {
        if old[0].to == .max { open -= 1 }
        spans[key] = nil
      } else {
        filter |= Self.bit(key)
      }
    }
  }
}
