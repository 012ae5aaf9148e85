public import Reports

/// The load average, broken down: each sample's active tasks, by group, with the weights that the
/// kernel gives the samples.
///
/// At any time each average is the sum over the groups, sleepers that the kernel counted, what is left of
/// the time before the run, and a remainder that is unattributed.
public struct LoadAttribution: Sendable {
  /// What tasks are told apart by.
  public struct Key: Sendable, Hashable {
    public var state: LoadState
    /// What its tasks wait for, where groups are told apart by that.
    public var wait: WaitKind?
    /// Where groups are of single tasks or processes.
    public var isKernelThread: Bool
    /// Whether it stands for several groups: of one family, or others.
    public var isFolded: Bool
    /// Their meaning is the caller's.
    public var first: UInt64
    public var second: UInt64

    public init(
      state: LoadState, wait: WaitKind? = nil, isKernelThread: Bool = false,
      isFolded: Bool = false, first: UInt64 = 0, second: UInt64 = 0
    ) {
      self.state = state
      self.wait = wait
      self.isKernelThread = isKernelThread
      self.isFolded = isFolded
      self.first = first
      self.second = second
    }

    /// An order that doesn't depend on how a dictionary happens to lie: sums of the same groups are the
    /// same in every bit.
    static func precedes(_ one: Key, _ two: Key) -> Bool { one.order < two.order }

    private var order: (String, String, Int, UInt64, UInt64) {
      (
        state.rawValue, wait?.rawValue ?? "", (isKernelThread ? 1 : 0) + (isFolded ? 2 : 0), first,
        second
      )
    }

    /// What stands for groups that have nothing in common but what a verdict needs.
    public var others: Key {
      Key(
        state: state, wait: wait, isKernelThread: isKernelThread, isFolded: true, first: .max,
        second: .max)
    }
  }

  public struct Group: Sendable {
    /// Its part of load1, load5 and load15.
    public var averages = [3 of Double](repeating: 0)
    /// Its tasks that were active at the last sample.
    public var active: UInt64 = 0
    /// How many groups it stands for: of folded ones, the most that were active at one sample.
    public var count: UInt64 = 1

    public init() {}
  }

  public private(set) var groups: [Key: Group] = [:]
  /// Part of the averages as the run began, as far as it still counts.
  public private(set) var beforeRun: [3 of Double]
  /// Part of the averages for tasks that slept when the kernel counted them.
  public private(set) var delayed = [3 of Double](repeating: 0)
  /// The averages that the kernel would have if it counted the mean since the sample before, and not
  /// what it finds at the sample.
  public private(set) var timeWeighted: [3 of Double]

  /// Groups with less of every average are folded, and the smallest where there are too many: memory
  /// stays bounded.
  private static let least = 0.0005
  private static let most = 1000

  /// - Parameter before: the kernel's averages as the run begins.
  public init(before: [3 of Double]) {
    beforeRun = before
    timeWeighted = before
  }

  /// Takes a sample.
  ///
  /// - Parameters:
  ///   - active: how many tasks of each group are active.
  ///   - delayed: how many the kernel counted though they slept: still on a run queue.
  ///   - mean: how many were active on average since the sample before; nil where it isn't known,
  ///     as of the time before the run.
  ///   - left: what is left of the averages before: by the kernel's weights, unless they are others.
  ///   - family: a larger group, folded, for one where there are too many; nil for none. What wait
  ///     and kind of task it has must be the same: verdicts are about those.
  public mutating func sample(
    _ active: [Key: UInt64], delayed: UInt64 = 0, mean: Double?,
    left: [3 of Double] = KernelLoad.left, family: (Key) -> Key? = { _ in nil }
  ) {
    let counted = Double(active.values.reduce(0, +))
    for index in left.indices {
      beforeRun[index] *= left[index]
      self.delayed[index] = self.delayed[index] * left[index] + Double(delayed) * (1 - left[index])
      timeWeighted[index] =
        timeWeighted[index] * left[index] + (mean ?? counted) * (1 - left[index])
    }
    groups = groups.mapValues { group in
      var group = group
      for index in left.indices { group.averages[index] *= left[index] }
      group.active = 0
      return group
    }
    for (key, count) in active {
      for index in left.indices {
        groups[key, default: Group()].averages[index] += Double(count) * (1 - left[index])
      }
      groups[key]!.active = count
    }
    if groups.count > Self.most { fold(family) }
  }

  // MARK: - Folding

  /// First into families, then, where those are too many as well, into others.
  private mutating func fold(_ family: (Key) -> Key?) {
    fold({ !$0.isFolded }, into: family)
    fold({ $0.isFolded && $0 != $0.others }, into: { _ in nil })
  }

  private mutating func fold(_ isCandidate: (Key) -> Bool, into family: (Key) -> Key?) {
    let candidates = groups.filter { isCandidate($0.key) }.sorted {
      $0.value.averages[0] != $1.value.averages[0]
        ? $0.value.averages[0] < $1.value.averages[0] : Key.precedes($0.key, $1.key)
    }
    let tooMany = max(0, candidates.count - Self.most)
    var moved: [Key: (groups: UInt64, sum: Group)] = [:]
    for (index, (key, group)) in candidates.enumerated() {
      let isSmall = group.averages.indices.allSatisfy { group.averages[$0] < Self.least }
      guard index < tooMany || isSmall else { continue }
      groups[key] = nil
      let target = family(key) ?? key.others
      var sum = moved[target] ?? (0, Group())
      for average in sum.sum.averages.indices {
        sum.sum.averages[average] += group.averages[average]
      }
      sum.sum.active += group.active
      // Of those whose tasks are gone it isn't known how many there were at a time.
      if group.active > 0 || key.isFolded { sum.groups += group.count }
      moved[target] = sum
    }
    for (target, (count, sum)) in moved {
      var group = groups[target] ?? Group()
      for average in sum.averages.indices { group.averages[average] += sum.averages[average] }
      group.active += sum.active
      group.count = max(group.count, count)
      groups[target] = group
    }
  }

  /// In an order that is the same for the same groups.
  var sortedGroups: [(key: Key, value: Group)] {
    groups.sorted { Key.precedes($0.key, $1.key) }
  }

  /// All groups together.
  public var sum: [3 of Double] {
    var sum = [3 of Double](repeating: 0)
    for (_, group) in sortedGroups {
      for index in sum.indices { sum[index] += group.averages[index] }
    }
    return sum
  }
}
