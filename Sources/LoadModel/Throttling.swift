/// Tasks that could run but for their cgroup's CPU quota. They are in no load average.
struct Throttling {
  /// By which part load1 would be higher if the kernel counted them.
  private var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
  private var quotas: [Quota] = []
  private var now: [LoadAttribution.Key: UInt64] = [:]

  /// A cgroup, and its quota's counters since it was first found used up.
  struct Quota {
    var first: QuotaCounters
    var last: QuotaCounters
  }

  /// One that was found throttled at a sample, and by which quota, if that is known.
  mutating func count(_ quota: QuotaCounters?) {
    now[LoadAttribution.Key(state: .runnable, first: index(quota)), default: 0] += 1
  }

  private mutating func index(_ quota: QuotaCounters?) -> UInt64 {
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
  }

  /// By cgroup, what load1 lacks for it; the largest first.
  var cgroups: [(quota: Quota?, load1: Double)] {
    attribution.groups.map { key, parts in
      (Int(exactly: key.first).map { quotas[$0] }, parts[0])
    }.sorted { $0.load1 > $1.load1 }
  }
}
