/// A few values under their keys; where they become too many, the one that was not used for longest
/// is dropped.
package struct RecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry: Sendable {
    var value: Value
    var cost: Int
    var lastUse: UInt64
  }

  private var entries: [Key: Entry] = [:]
  private var uses: UInt64 = 0
  private var total = 0
  private let limit: Int
  private let budget: Int

  /// At most `limit` values, of which all but the latest cost no more than `budget` together.
  package init(limit: Int, budget: Int = .max) {
    self.limit = limit
    self.budget = budget
  }

  var count: Int { entries.count }

  /// The value, which is used by this.
  package mutating func value(_ key: Key) -> Value? {
    uses += 1
    entries[key]?.lastUse = uses
    return entries[key]?.value
  }

  package mutating func insert(_ value: Value, under key: Key, cost: Int = 0) {
    remove(key)
    while let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key,
      entries.count >= limit || total > budget - cost
    {
      remove(oldest)
    }
    uses += 1
    total += cost
    entries[key] = Entry(value: value, cost: cost, lastUse: uses)
  }

  package mutating func remove(_ key: Key) {
    guard let entry = entries.removeValue(forKey: key) else { return }
    total -= entry.cost
  }
}
