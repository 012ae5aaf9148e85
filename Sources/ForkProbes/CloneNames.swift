import ForkTrace
import Proc
import Snapshots
import Symbols

/// Names of stacks and mappings, looked up while their processes live.
struct CloneNames {
  private var symbols = UserSymbols()
  private var frames: [CloneInterval.StackKey: [String]] = [:]
  /// Nil for those that have none, or whose process was gone.
  private var mappings: [CloneInterval.MappingKey: String?] = [:]
  /// Elsewhere an id may be another process' in /proc.
  private let hasTheirIDs = PIDNamespace.isMachines
  /// How many of an interval are looked up and shown.
  private static let stackCount = 10
  private static let mappingCount = 10

  /// Looks up the costliest of an interval.
  mutating func lookUp(_ interval: CloneInterval, _ probes: borrowing CloneProbes) {
    guard hasTheirIDs else { return }
    for (key, _) in interval.stacks.sorted(by: { $0.value.ns > $1.value.ns }).prefix(64)
    where frames[key] == nil {
      frames[key] = names(of: probes.addresses(ofStack: key.stack), in: Int32(key.tgid))
    }
    for (key, _) in interval.mappings.sorted(by: { $0.value.ns > $1.value.ns }).prefix(64)
    where mappings[key] == nil {
      mappings.updateValue(
        symbols.mappingName(at: key.start, in: Int32(key.tgid)), forKey: key)
    }
    // Maps change, and ids come again.
    for tgid in Set(interval.stacks.keys.map(\.tgid) + interval.mappings.keys.map(\.tgid)) {
      symbols.forget(pid: Int32(tgid))
    }
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

  /// Forgets what the whole doesn't hold any more.
  mutating func keep(_ whole: CloneInterval) {
    if frames.count > 2 * whole.stacks.count {
      frames = frames.filter { whole.stacks[$0.key] != nil }
    }
    if mappings.count > 2 * whole.mappings.count {
      mappings = mappings.filter { whole.mappings[$0.key] != nil }
    }
  }

  /// Stacks by their names: the same of many processes become one.
  func stacks(_ interval: CloneInterval) -> [StackPart] {
    struct Key: Hashable {
      var comm: String
      var frames: [String]
    }
    var sums: [Key: (count: UInt64, ns: UInt64)] = [:]
    for (key, sum) in interval.stacks {
      guard let frames = frames[key], !frames.isEmpty else { continue }
      sums[Key(comm: sum.comm, frames: frames), default: (0, 0)].count += sum.count
      sums[Key(comm: sum.comm, frames: frames)]!.ns += sum.ns
    }
    return sums.sorted { $0.value.ns > $1.value.ns }.prefix(Self.stackCount).map { key, sum in
      StackPart(comm: key.comm, frames: key.frames, count: sum.count, ns: sum.ns)
    }
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
