package import Reports
package import Tasks

// Whose children they are.

extension CloneInterval {
  /// A process that clones.
  package struct ParentKey: Sendable, Hashable {
    package var tgid: UInt32
    package var comm: Comm

    package init(tgid: UInt32, comm: Comm) { (self.tgid, self.comm) = (tgid, comm) }
  }

  /// The parents of one name that have their children for the same use.
  package struct ChildGroup: Sendable, Hashable {
    package var comm: Comm
    package var use: ChildUse
  }

  package struct ChildGroupSum: Sendable, Equatable {
    package var sum = ChildSum()
    package var processes: UInt64 = 0
    /// The last of them.
    package var tgid: UInt32 = 0

    mutating func add(_ other: Self) {
      sum.add(other.sum)
      processes &+= other.processes
      tgid = other.tgid
    }
  }

  /// Those of all parents, by name and use.
  package var childGroups: [ChildGroup: ChildGroupSum] {
    var groups = folded
    for (key, sum) in parents { Self.fold(key, sum, into: &groups) }
    return groups
  }

  private static func fold(
    _ key: ParentKey, _ sum: ChildSum, into groups: inout [ChildGroup: ChildGroupSum]
  ) {
    // One that only has copy-on-write faults, of forks before the interval.
    guard !sum.hasNoChildren else { return }
    groups[ChildGroup(comm: key.comm, use: sum.use), default: .init()]
      .add(ChildGroupSum(sum: sum, processes: 1, tgid: key.tgid))
  }

  mutating func append(stacks next: [StackKey: StackSum]) {
    for index in stacks.values.indices { stacks.values[index].children.end() }
    stacks.merge(next) { one, two in
      var sum = one
      sum.append(two)
      return sum
    }
  }

  mutating func append(childrenOf next: CloneInterval) {
    children.append(next.children)
    for index in parents.values.indices { parents.values[index].end() }
    parents.merge(next.parents) { one, two in
      var sum = one
      sum.append(two)
      return sum
    }
    for (group, sum) in next.folded { folded[group, default: .init()].add(sum) }
    boundParents(parents.compactMapValues { $0.living > 0 ? $0.living : nil })
  }

  /// Memory stays bounded over any number of parents: of those that have no child any more the costliest
  /// are kept, the others folded.
  ///
  /// - Parameter living: the parents that have children still, and how many.
  mutating func boundParents(
    to limit: Int = 1024, _ living: [ParentKey: UInt64]
  ) {
    guard parents.count > 2 * limit + living.count else { return }
    let done = parents.filter { living[$0.key] == nil }.sorted {
      ($0.value.cloneNs, $1.key.tgid) > ($1.value.cloneNs, $0.key.tgid)
    }
    for (key, sum) in done.dropFirst(limit) {
      Self.fold(key, sum, into: &folded)
      parents[key] = nil
    }
    guard folded.count > 2 * limit else { return }
    let kept = folded.sorted { $0.value.sum.cloneNs > $1.value.sum.cloneNs }.prefix(limit)
    folded = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
  }
}

extension ChildSum {
  /// Nobody is there any more, unless what follows says so.
  fileprivate mutating func end() { (living, lingering) = (0, 0) }
}
