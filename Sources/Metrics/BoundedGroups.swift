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
  /// Those that become members once this interval has been counted.
  private var joining: [String: UInt64] = [:]
  /// What was counted for each while it was a member; also of the last that left: a counter goes on where it
  /// was.
  private var totals: [String: Double] = [:]
  private var left: [String] = []
  private static let mostLeft = 4096
  package private(set) var others = 0.0

  package init(most: Int) { self.most = most }

  /// The members, in the order of their names.
  package var names: [String] { members.keys.sorted() }

  /// Takes an interval: who stays, who joins, and what is counted for each.
  ///
  /// What a group waits in the interval in which it joins counts for the others: a series begins with what
  /// it had before, so that whoever stores it sees all that it grows by.
  ///
  /// - Parameters:
  ///   - sizes: of all groups that there are.
  ///   - amounts: what to count.
  ///   - now: CLOCK_MONOTONIC or the like, ns.
  package mutating func take(
    sizes: [String: Double], amounts: [String: Double], at now: UInt64
  ) {
    choose(by: sizes, at: now)
    for (name, amount) in amounts {
      if members[name] != nil { totals[name, default: 0] += amount } else { others += amount }
    }
    members.merge(joining) { $1 }
    if !joining.isEmpty { left.removeAll { joining[$0] != nil } }
    joining = [:]
  }

  private mutating func choose(by sizes: [String: Double], at now: UInt64) {
    let largest = sizes.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .prefix(most)
    for (name, _) in largest where members[name] != nil { members[name] = now }
    for (name, since) in members where now &- since >= Self.stay { leave(name) }
    for (name, _) in largest where members[name] == nil {
      if members.count + joining.count >= most,
        let oldest = members.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }),
        now &- oldest.value >= Self.leastStay
      {
        leave(oldest.key)
      }
      guard members.count + joining.count < most else { break }
      joining[name] = now
    }
  }

  private mutating func leave(_ name: String) {
    members[name] = nil
    guard totals[name] != nil else { return }
    left.append(name)
    if left.count > Self.mostLeft { totals[left.removeFirst()] = nil }
  }

  package func isMember(_ name: String) -> Bool { members[name] != nil }

  package func total(of name: String) -> Double { totals[name] ?? 0 }
}
