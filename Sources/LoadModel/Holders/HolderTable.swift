import Reports

/// Because of whom tasks are in D: their part of the load averages, by who waits and by the chain of
/// holders.
struct HolderTable {
  private var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
  /// What stands for a group in a key.
  private var numbers: [BlockedPart: UInt64] = [:]
  private var lastNumber: UInt64 = 0
  private var now: [LoadAttribution.Key: UInt64] = [:]
  /// How many rows a report has.
  private static let shown = 50

  /// What stands for a group: a row without figures.
  mutating func number(of waiter: BlockedPart) -> UInt64 {
    if let known = numbers[waiter] { return known }
    lastNumber += 1
    numbers[waiter] = lastNumber
    return lastNumber
  }

  /// A task of that group was there at a load sample.
  mutating func count(_ number: UInt64) {
    now[LoadAttribution.Key(state: .uninterruptible, first: number), default: 0] += 1
  }

  /// The sample is over.
  mutating func close() {
    attribution.sample(now, mean: nil)
    now = [:]
    let known = Set(attribution.groups.keys.filter { !$0.isFolded }.map(\.first))
    numbers = numbers.filter { known.contains($0.value) }
  }

  /// The largest part of load1 first.
  var rows: [BlockedPart] {
    let groups = Dictionary(numbers.map { ($0.value, $0.key) }) { first, _ in first }
    let rows = attribution.sortedGroups.compactMap { key, group -> BlockedPart? in
      guard !key.isFolded, var row = groups[key.first] else { return nil }
      row.active = group.active
      (row.load1, row.load5, row.load15) = (
        group.averages[0], group.averages[1], group.averages[2]
      )
      return row
    }
    return Array(
      BlockedPart.foldedByName(rows).sorted {
        $0.load1 != $1.load1 ? $0.load1 > $1.load1 : ($0.pid ?? 0) < ($1.pid ?? 0)
      }.prefix(Self.shown))
  }
}
