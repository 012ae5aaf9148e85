/// Who makes up the load average: each sample's active tasks, by group, with the weights that the
/// kernel gives the samples.
///
/// At any time each average is the sum over the groups, sleepers that the kernel counted, what is older
/// than the run, and a remainder.
public struct LoadAttribution: Sendable {
  /// What tasks are told apart by, besides their state.
  public struct Key: Sendable, Hashable {
    public var state: ActiveTask.State
    public var first: UInt64
    public var second: UInt64

    public init(state: ActiveTask.State, first: UInt64, second: UInt64 = 0) {
      (self.state, self.first, self.second) = (state, first, second)
    }
  }

  /// A group's part of load1, load5 and load15.
  public private(set) var groups: [Key: [3 of Double]] = [:]
  /// Part of the averages as the watch began, as far as it still counts.
  public private(set) var older: [3 of Double] = [3 of Double](repeating: 0)
  /// Part of the averages for tasks that slept when the kernel counted them.
  public private(set) var delayed: [3 of Double] = [3 of Double](repeating: 0)
  /// The averages that the kernel would have if it counted the mean since the sample before, and not
  /// what it finds at the sample.
  public private(set) var trueAverage: [3 of Double] = [3 of Double](repeating: 0)

  /// Groups with less of every average are put together, and the smallest where there are too many:
  /// memory stays bounded.
  private static let least = 0.0005
  private static let most = 1000

  /// - Parameter before: the kernel's averages as the watch begins.
  public init(before: [3 of Double]) {
    older = before
    trueAverage = before
  }

  /// Takes a sample.
  ///
  /// - Parameters:
  ///   - active: how many tasks of each group are active.
  ///   - delayed: how many the kernel counted though they slept: still on a run queue.
  ///   - mean: how many were active in the mean since the sample before; nil where it isn't known,
  ///     as of the time before the watch.
  public mutating func sample(_ active: [Key: UInt64], delayed: UInt64 = 0, mean: Double?) {
    let counted = Double(active.values.reduce(0, +))
    for index in older.indices {
      let left = Double(KernelLoad.factors[index]) / Double(KernelLoad.one)
      older[index] *= left
      self.delayed[index] = self.delayed[index] * left + Double(delayed) * (1 - left)
      trueAverage[index] = trueAverage[index] * left + (mean ?? counted) * (1 - left)
    }
    for key in groups.keys {
      for index in older.indices {
        groups[key]![index] *= Double(KernelLoad.factors[index]) / Double(KernelLoad.one)
      }
    }
    for (key, count) in active {
      for index in older.indices {
        let part = 1 - Double(KernelLoad.factors[index]) / Double(KernelLoad.one)
        groups[key, default: [3 of Double](repeating: 0)][index] += Double(count) * part
      }
    }
    if groups.count > Self.most { foldSmallGroups() }
  }

  /// What stands for the groups that were put together.
  public static func others(_ state: ActiveTask.State) -> Key {
    Key(state: state, first: .max, second: .max)
  }

  private mutating func foldSmallGroups() {
    for (key, parts) in groups where key.first != .max {
      guard parts[0] < Self.least, parts[1] < Self.least, parts[2] < Self.least else { continue }
      moveToOthers(key, parts)
    }
    let smallest = groups.filter { $0.key.first != .max }.sorted { $0.value[0] < $1.value[0] }
    for (key, parts) in smallest.prefix(max(0, smallest.count - Self.most)) {
      moveToOthers(key, parts)
    }
  }

  private mutating func moveToOthers(_ key: Key, _ parts: [3 of Double]) {
    groups[key] = nil
    for index in older.indices {
      groups[Self.others(key.state), default: [3 of Double](repeating: 0)][index] += parts[index]
    }
  }

  /// All groups together.
  public var sum: [3 of Double] {
    var sum = [3 of Double](repeating: 0)
    for parts in groups.values {
      for index in sum.indices { sum[index] += parts[index] }
    }
    return sum
  }
}
