import LoadTrace
import Proc

/// Tasks that could run but for their cgroup's CPU quota. They are in no load average.
struct Throttling {
  /// By which part load1 would be higher if the kernel counted them.
  private var account = LoadAccount(before: [3 of Double](repeating: 0))
  private var quotas: [Quota] = []
  private var now: [LoadAccount.Key: UInt64] = [:]

  /// A cgroup, and its quota's account since it was first found used up.
  struct Quota {
    var first: CPUQuota
    var last: CPUQuota
  }

  /// One that was found throttled at a sample.
  mutating func count(_ task: ActiveTask) {
    let path = CPUQuota.of(process: Int32(bitPattern: task.tgid))
    let key = LoadAccount.Key(state: .runnable, first: index(path))
    now[key, default: 0] += 1
  }

  private mutating func index(_ quota: CPUQuota?) -> UInt64 {
    guard let quota else { return .max }
    if let known = quotas.firstIndex(where: { $0.first.path == quota.path }) {
      quotas[known].last = quota
      return UInt64(known)
    }
    quotas.append(Quota(first: quota, last: quota))
    return UInt64(quotas.count - 1)
  }

  mutating func close() {
    account.sample(now, mean: nil)
    now = [:]
  }

  /// By cgroup, what load1 lacks for it; the largest first.
  var cgroups: [(quota: Quota?, load1: Double)] {
    account.groups.map { key, parts in
      (Int(exactly: key.first).map { quotas[$0] }, parts[0])
    }.sorted { $0.load1 > $1.load1 }
  }
}
