import LoadModel
import Proc
import Reports

/// Tasks that could run but for their cgroup's CPU quota. They are in no load average.
struct Throttling {
  /// By which part load1 would be higher if the kernel counted them.
  private var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
  private var quotas: [Quota] = []
  private var now: [LoadAttribution.Key: UInt64] = [:]
  /// Of one sample's processes, the index of their cgroup.
  private var known: [UInt32: UInt64] = [:]
  private var mounts: [Mount]?

  /// A cgroup, and its quota's account since it was first found used up.
  struct Quota {
    var first: CPUQuota
    var last: CPUQuota
  }

  /// One that was found throttled at a sample.
  ///
  /// - Parameter hasTheirIDs: whether /proc has tasks by the ids that they are told by.
  mutating func count(_ task: ActiveTask, hasTheirIDs: Bool) {
    let first: UInt64
    if let index = known[task.tgid] {
      first = index
    } else {
      let mounts = mounts ?? (try? Mount.all()) ?? []
      self.mounts = mounts
      first = index(
        hasTheirIDs ? CPUQuota.of(process: Int32(bitPattern: task.tgid), mounts) : nil)
      known[task.tgid] = first
    }
    now[LoadAttribution.Key(state: .runnable, first: first), default: 0] += 1
  }

  private mutating func index(_ quota: CPUQuota?) -> UInt64 {
    guard let quota else { return .max }
    if let known = quotas.firstIndex(where: { $0.first.path == quota.path }) {
      // A cgroup that has gone and come again counts anew.
      if quota.periods < quotas[known].last.periods
        || quota.throttled < quotas[known].last.throttled
      {
        quotas[known].first = quota
      }
      quotas[known].last = quota
      return UInt64(known)
    }
    quotas.append(Quota(first: quota, last: quota))
    return UInt64(quotas.count - 1)
  }

  mutating func close() {
    attribution.sample(now, mean: nil)
    now = [:]
    (known, mounts) = ([:], nil)
  }

  /// By cgroup, what load1 lacks for it; the largest first.
  var cgroups: [(quota: Quota?, load1: Double)] {
    attribution.groups.map { key, group in
      (Int(exactly: key.first).map { quotas[$0] }, group.averages[0])
    }.sorted { $0.load1 > $1.load1 }
  }
}
