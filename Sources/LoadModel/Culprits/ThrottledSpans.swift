/// When cgroups were throttled on each CPU.
///
/// No tracepoint shows it (`throttle_cfs_rq()`), so a span begins with the switch that takes the CPU from the
/// first task of a throttled cgroup, and ends when one of its tasks gets that CPU again.
struct ThrottledSpans {
  struct Span {
    var from: UInt64
    /// `UInt64.max` while it lasts.
    var to: UInt64 = .max
  }

  private struct Key: Hashable {
    /// A cgroup's id, or in the root cgroup a task's.
    var group: UInt64
    var cpu: Int

    init(_ cgroup: UInt64, _ tid: UInt32, _ cpu: Int) {
      group = cgroup == rootCgroup ? 1 << 63 | UInt64(tid) : cgroup
      self.cpu = cpu
    }
  }

  /// Newest first.
  private var spans: [Key: [Span]] = [:]
  /// How many are still open, on all CPUs.
  private var open = 0
  /// Stored, since every wait asks.
  private(set) var isEmpty = true

  /// A wait may span several periods.
  private static let most = 16
  /// The v2 root has no quota, so a task throttled there is throttled by a v1 cgroup. Which one isn't known:
  /// the span is kept for the task alone.
  private static let rootCgroup: UInt64 = 1
  /// Well beyond the longest possible period, 1 s.
  private static let maxAge: UInt64 = 60_000_000_000

  mutating func begin(by task: borrowing TrackedTask, on cpu: Int, at time: UInt64) {
    let key = Key(task.cgroup, task.tid, cpu)
    guard spans[key]?.first?.to != .max else { return }
    spans[key, default: []].insert(Span(from: time), at: 0)
    if spans[key]?.count ?? 0 > Self.most { spans[key]?.removeLast() }
    open += 1
    isEmpty = false
  }

  /// A task of the cgroup gets the CPU.
  @inline(__always)
  mutating func end(_ cgroup: UInt64, _ tid: UInt32, on cpu: Int, at time: UInt64) {
    if open > 0 { close(Key(cgroup, tid, cpu), at: time) }
  }

  private mutating func close(_ key: Key, at time: UInt64) {
    guard spans[key]?.first?.to == .max else { return }
    spans[key]?[0].to = time
    open -= 1
  }

  func spans(of cgroup: UInt64, _ tid: UInt32, on cpu: Int) -> [Span] {
    spans[Key(cgroup, tid, cpu)] ?? []
  }

  /// Forgets cgroups that have not been throttled for long, and those that don't come back.
  mutating func prune(at now: UInt64) {
    for (key, old) in spans where old[0].from &+ Self.maxAge < now {
      if old[0].to == .max { open -= 1 }
      spans[key] = nil
    }
    isEmpty = spans.isEmpty
  }
}
