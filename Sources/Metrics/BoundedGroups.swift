/// Which groups have series of their own: the largest, up to a fixed number. The rest are combined.
///
/// A group that drops out of the largest stays for a while, and for at least a minute if another
/// needs its place: series that come and go cost more to store than those that stay.
package struct BoundedGroups: Sendable {
  /// How long a group stays that no longer belongs to the largest, ns.
  private static let stay: UInt64 = 600_000_000_000

  private static let leastStay: UInt64 = 60_000_000_000

  package let most: Int
  /// When each was last among the largest, ns.
  private var members: [String: UInt64] = [:]
  /// What was counted for each while it was a member; of members of before as well, up to a bound: a counter
  /// never goes back.
  private var totals: [String: Double] = [:]
  private var left: [String] = []
  package private(set) var others = 0.0

  package init(most: Int) { self.most = most }

  /// The members, in the order of their names.
  package var names: [String] { members.keys.sorted() }

  /// Chooses the members.
  ///
  /// - Parameters:
  ///   - sizes: of all groups that there are.
  ///   - now: CLOCK_MONOTONIC or the like, ns.
  package mutating func choose(by sizes: [String: Double], at now: UInt64) {
    let largest = sizes.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .prefix(most)
    for (name, _) in largest where members[name] != nil { members[name] = now }
    for (name, since) in members where now &- since >= Self.stay { leave(name) }
    for (name, _) in largest where members[name] == nil {
      if members.count >= most,
        let oldest = members.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }),
        now &- oldest.value >= Self.leastStay
      {
        leave(oldest.key)
      }
      guard members.count < most else { break }
      members[name] = now
      left.removeAll { $0 == name }
    }
  }

  private mutating func leave(_ name: String) {
    members[name] = nil
    guard totals[name] != nil else { return }
    left.append(name)
    if left.count > 4 * most { totals[left.removeFirst()] = nil }
  }

  package func isMember(_ name: String) -> Bool { members[name] != nil }

  /// Counts for a group, or for the others where it is no member.
  package mutating func count(_ amount: Double, for name: String) {
    if members[name] != nil { totals[name, default: 0] += amount } else { others += amount }
  }

  package func total(of name: String) -> Double { totals[name] ?? 0 }
}
