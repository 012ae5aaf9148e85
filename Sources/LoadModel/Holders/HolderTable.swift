import Reports

/// Because of whom tasks are in D: their part of the load averages, by who waits and by the chain of
/// holders.
struct HolderTable {
  private var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
  /// What stands for a group in a key.
  private var numbers: [BlockedPart: UInt64] = [:]
  private var lastNumber: UInt64 = 0
  private var now: [LoadAttribution.Key: UInt64] = [:]
  /// How long tasks were blocked since the run began, by what is waited for at the root of the chain; ns.
  private var blockedNs: [LockKind: UInt64] = [:]
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
    now[Self.key(number), default: 0] += 1
  }

  private static func key(_ number: UInt64) -> LoadAttribution.Key {
    LoadAttribution.Key(state: .uninterruptible, first: number)
  }

  /// The sample is over.
  ///
  /// - Parameter period: what it stands for: the time from one to the next, ns.
  mutating func close(period: UInt64) {
    for (row, number) in numbers {
      guard let count = now[Self.key(number)], let root = row.chain.last else { continue }
      blockedNs[root.lock, default: 0] += count * period
    }
    attribution.sample(now, mean: nil)
    now = [:]
    let known = Set(attribution.groups.keys.filter { !$0.isFolded }.map(\.first))
    numbers = numbers.filter { known.contains($0.value) }
  }

  /// Of all groups that are told apart, and not only those that have a row in reports.
  var sums: [LockKind: NativeHistograms.Blocked] {
    var loads: [LockKind: Double] = [:]
    for (row, number) in numbers {
      guard let group = attribution.groups[Self.key(number)], let root = row.chain.last else {
        continue
      }
      loads[root.lock, default: 0] += group.averages[0]
    }
    var sums: [LockKind: NativeHistograms.Blocked] = [:]
    for lock in LockKind.allCases {
      sums[lock] = .init(load1: loads[lock] ?? 0, ns: blockedNs[lock] ?? 0)
    }
    return sums
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
