import LoadModel

/// A load account with the groups that it is by.
struct LoadLedger {
  private(set) var groups: AccountGroups
  private(set) var account: LoadAccount
  /// Who is active at the sample that is being taken.
  private var active: [LoadAccount.Key: UInt64] = [:]

  /// - Parameter before: the kernel's averages as the watch begins.
  init(by: [Grouping], before: [3 of Double]) {
    groups = AccountGroups(by: by)
    account = LoadAccount(before: before)
  }

  mutating func begin(before: [3 of Double]) { account = LoadAccount(before: before) }

  mutating func count(
    _ task: ActiveTask, _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) {
    active[groups.key(of: task, &sites, probes), default: 0] += 1
  }

  /// A task that was taken to be in D waited for a CPU; or for its cgroup's quota, and doesn't count.
  mutating func correct(
    _ late: LateTask, isThrottled: Bool, _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) {
    if let taken = late.taken, !remove(taken, &sites, probes) { return }
    if !isThrottled { count(late.task, &sites, probes) }
  }

  /// A task that was counted wasn't active.
  ///
  /// - Returns: false where it has taken another name in the meantime: then it stays where it is.
  mutating func remove(
    _ task: ActiveTask, _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) -> Bool {
    let key = groups.key(of: task, &sites, probes)
    guard let count = active[key] else { return false }
    active[key] = count > 1 ? count - 1 : nil
    return true
  }

  /// The sample is over.
  ///
  /// - Parameters:
  ///   - delayed: how many the kernel counted though they slept.
  ///   - mean: how many were active in the mean since the sample before.
  mutating func close(delayed: UInt64, mean: Double?) {
    account.sample(active, delayed: delayed, mean: mean)
    active = [:]
    groups.keep(account)
  }
}
