import CloneModel
import Proc
import Reports
import Symbols

/// Names of stacks and mappings, looked up while their processes live.
struct CloneNames {
  private var symbols = UserSymbols()
  private var frames: [CloneInterval.StackKey: [String]] = [:]
  /// Nil for those that have none, or whose process was gone.
  private var mappings: [CloneInterval.MappingKey: String?] = [:]
  /// Elsewhere an id may be another process' in /proc.
  private let hasTheirIDs = PIDNamespace.isMachines
  /// How many are looked up at a time.
  private static let lookedUp = 64

  /// Looks up the costliest of some stacks and mappings that an interval holds.
  mutating func lookUp(
    stacks: [CloneInterval.StackKey], mappings keys: [CloneInterval.MappingKey],
    of interval: CloneInterval
  ) {
    guard hasTheirIDs, !stacks.isEmpty || !keys.isEmpty else { return }
    var tgids: Set<UInt32> = []
    for key in Self.costliest(stacks, { interval.stacks[$0]?.ns ?? 0 }) where frames[key] == nil {
      frames[key] = names(of: key.stack.addresses, in: Int32(key.tgid))
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

  func stacks(_ interval: CloneInterval) -> [StackPart] { stackParts(interval) { frames[$0] } }

  func mappings(_ interval: CloneInterval) -> [MappingPart] {
    mappingParts(interval) { mappings[$0] ?? nil }
  }
}
