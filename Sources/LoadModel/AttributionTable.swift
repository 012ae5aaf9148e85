import Reports

/// A load attribution with the groups that it is by.
struct AttributionTable {
  private(set) var groups: GroupNames
  private(set) var attribution: LoadAttribution
  /// Who is active at the sample that is being taken.
  private var active: [LoadAttribution.Key: UInt64] = [:]

  /// - Parameter before: the kernel's averages as the run begins.
  init(by: [Grouping], before: [3 of Double]) {
    groups = GroupNames(by: by)
    attribution = LoadAttribution(before: before)
  }

  mutating func begin(before: [3 of Double]) { attribution = LoadAttribution(before: before) }

  mutating func count(_ task: ActiveTask, _ names: borrowing SampleNames) {
    active[groups.key(of: task, names), default: 0] += 1
  }

  /// A task that was taken to be in D waited for a CPU; or for its cgroup's quota, and doesn't count.
  mutating func correct(_ late: LateTask, isThrottled: Bool, _ names: borrowing SampleNames) {
    if let taken = late.taken, !remove(taken, names) { return }
    if !isThrottled { count(late.task, names) }
  }

  /// A task that was counted wasn't active.
  ///
  /// - Returns: false where it has taken another name in the meantime: then it stays where it is.
  mutating func remove(_ task: ActiveTask, _ names: borrowing SampleNames) -> Bool {
    let key = groups.key(of: task, names)
    guard let count = active[key] else { return false }
    active[key] = count > 1 ? count - 1 : nil
    return true
  }

  /// The sample is over.
  ///
  /// - Parameters:
  ///   - delayed: how many the kernel counted though they slept.
  ///   - mean: how many were active on average since the sample before.
  ///   - left: see ``LoadAttribution/sample(_:delayed:mean:left:family:)``.
  mutating func close(
    delayed: UInt64, mean: Double?, left: [3 of Double] = KernelLoad.left
  ) {
    let names = groups
    attribution.sample(active, delayed: delayed, mean: mean, left: left, family: names.family)
    active = [:]
    groups.keep(attribution)
  }
}
