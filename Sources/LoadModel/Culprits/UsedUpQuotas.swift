/// When cgroups could not run on a CPU, since their CPU quota was used up.
///
/// It begins with the switch that takes the CPU away from the first of a cgroup's tasks, and is over once
/// one of them is given that CPU again: the kernel reports neither (`throttle_cfs_rq()`).
struct UsedUpQuotas {
  struct Time {
    var from: UInt64
    /// `UInt64.max` while it lasts.
    var to: UInt64 = .max
  }

  private struct Place: Hashable {
    /// A cgroup's id, or in the root cgroup a task's.
    var group: UInt64
    var cpu: Int

    init(_ cgroup: UInt64, _ tid: UInt32, _ cpu: Int) {
      group = cgroup == rootCgroup ? 1 << 63 | UInt64(tid) : cgroup
      self.cpu = cpu
    }
  }

  /// The last first.
  private var times: [Place: [Time]] = [:]
  /// How many last, on all CPUs.
  private var open = 0
  /// Whether there are none.
  private(set) var isEmpty = true

  /// A task may wait over several periods.
  private static let most = 16
  /// Of version 2, which has no quota: the quota then is one of version 1, and so whose isn't known. It holds
  /// for the task itself.
  private static let rootCgroup: UInt64 = 1
  /// Long after the longest period that there can be, of 1 s.
  private static let forgotten: UInt64 = 60_000_000_000

  mutating func isUsedUp(by task: TrackedTask, on cpu: Int, at time: UInt64) {
    let place = Place(task.cgroup, task.tid, cpu)
    guard times[place]?.first?.to != .max else { return }
    times[place, default: []].insert(Time(from: time), at: 0)
    if times[place]?.count ?? 0 > Self.most { times[place]?.removeLast() }
    open += 1
    isEmpty = false
  }

  /// A task of the cgroup is given the CPU.
  @inline(__always)
  mutating func runs(_ cgroup: UInt64, _ tid: UInt32, on cpu: Int, at time: UInt64) {
    if open > 0 { close(Place(cgroup, tid, cpu), at: time) }
  }

  private mutating func close(_ place: Place, at time: UInt64) {
    guard times[place]?.first?.to == .max else { return }
    times[place]?[0].to = time
    open -= 1
  }

  func times(of cgroup: UInt64, _ tid: UInt32, on cpu: Int) -> [Time] {
    times[Place(cgroup, tid, cpu)] ?? []
  }

  /// Forgets what is long over, and cgroups that don't seem to come back.
  mutating func keep(since now: UInt64) {
    let stale = times.filter { $0.value[0].from &+ Self.forgotten < now }
    for (place, old) in stale {
      if old[0].to == .max { open -= 1 }
      times[place] = nil
    }
    isEmpty = times.isEmpty
  }
}
