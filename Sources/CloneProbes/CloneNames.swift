package import CloneModel
import Proc
package import Reports
import Symbols

/// Names of stacks and mappings, looked up while their processes live.
struct CloneNames {
  private var symbols = UserSymbols()
  private var frames: [CloneInterval.StackKey: [String]] = [:]
  /// Nil for those that have none, or whose process was gone.
  private var mappings: [CloneInterval.MappingKey: String?] = [:]
  /// Elsewhere an id may be another process' in /proc.
  private let hasTheirIDs = PIDNamespace.isMachines
  /// How many are looked up at a time, and how many of an interval are shown.
  private static let lookedUp = 64
  fileprivate static let stackCount = 10
  private static let mappingCount = 10

  /// Looks up the costliest of some stacks and mappings that an interval holds.
  mutating func lookUp(
    stacks: [CloneInterval.StackKey], mappings keys: [CloneInterval.MappingKey],
    of interval: CloneInterval
  ) {
    guard hasTheirIDs, !stacks.isEmpty || !keys.isEmpty else { return }
    var tgids: Set<UInt32> = []
    for key in Self.costliest(stacks, { interval.stacks[$0]?.ns ?? 0 }) where frames[key] == nil {
      frames[key] = names(of: key.addresses, in: Int32(key.tgid))
      tgids.insert(key.tgid)
    }
    for key in Self.costliest(keys, { interval.mappings[$0]?.ns ?? 0 })
    where mappings[key] == nil {
      mappings.updateValue(
        symbols.mappingName(at: key.start, in: Int32(key.tgid)), forKey: key)
      tgids.insert(key.tgid)
    }
    // Maps change, and ids come again.
    for tgid in tgids { symbols.forget(pid: Int32(tgid)) }
  }

  private static func costliest<Key>(_ keys: [Key], _ ns: (Key) -> UInt64) -> [Key] {
    guard keys.count > lookedUp else { return keys }
    return keys.map { (key: $0, ns: ns($0)) }.sorted { $0.ns > $1.ns }.prefix(lookedUp).map(\.key)
  }

  /// Without frame pointers what follows is no address of code: there the stack ends.
  private mutating func names(of addresses: [UInt64], in pid: Int32) -> [String] {
    var names: [String] = []
    for address in addresses {
      let name = symbols.name(of: address, in: pid)
      if name == nil || name == "[unknown]", !names.isEmpty { break }
      names.append(name ?? "0x" + String(address, radix: 16))
    }
    return names
  }

  /// Forgets what neither the whole nor the interval that follows it holds any more.
  mutating func keep(_ whole: CloneInterval, _ interval: CloneInterval) {
    if frames.count > 2 * (whole.stacks.count + interval.stacks.count) {
      frames = frames.filter {
        whole.stacks[$0.key] != nil || interval.stacks[$0.key] != nil
      }
    }
    if mappings.count > 2 * (whole.mappings.count + interval.mappings.count) {
      mappings = mappings.filter {
        whole.mappings[$0.key] != nil || interval.mappings[$0.key] != nil
      }
    }
  }

  /// Stacks by their names: the same of many processes become one.
  func stacks(_ interval: CloneInterval) -> [StackPart] {
    scaledStacks(interval) { frames[$0] }
  }

  func costliest(_ interval: CloneInterval) -> [MappingPart] {
    interval.mappings.sorted { $0.value.ns > $1.value.ns }.prefix(Self.mappingCount).map {
      key, sum in
      MappingPart(
        pid: Int(key.tgid), comm: sum.comm, kind: sum.kind.text,
        range: String(key.start, radix: 16) + "-" + String(key.end, radix: 16),
        name: mappings[key] ?? nil, bytes: key.end - key.start, count: sum.count, ns: sum.ns)
    }
  }
}

/// An interval's stacks by their names. Not each clone's was taken: of those of about the same length,
/// those without are taken for the like of those with one.
package func scaledStacks(
  _ interval: CloneInterval, names: (CloneInterval.StackKey) -> [String]?
) -> [StackPart] {
  struct Key: Hashable {
    var comm: String
    var frames: [String]
  }
  func scaled(_ part: UInt64, _ all: UInt64, _ taken: UInt64) -> Double {
    taken == 0 ? 0 : Double(part) * Double(all) / Double(taken)
  }
  var sums: [Key: (count: Double, ns: Double)] = [:]
  for (key, sum) in interval.stacks {
    guard let frames = names(key) else { continue }
    var (count, ns) = (0.0, 0.0)
    for index in interval.strata.indices {
      let stratum = interval.strata[index]
      count += scaled(sum.counts[index], stratum.count, stratum.stackCount)
      ns += scaled(sum.times[index], stratum.ns, stratum.stackNs)
    }
    let named = Key(comm: sum.comm, frames: frames)
    let before = sums[named] ?? (0, 0)
    sums[named] = (before.count + count, before.ns + ns)
  }
  return sums.sorted { $0.value.ns > $1.value.ns }.prefix(CloneNames.stackCount).map { key, sum in
    StackPart(
      comm: key.comm, frames: key.frames, count: UInt64(sum.count.rounded()),
      ns: UInt64(sum.ns.rounded()))
  }
}
