import Reports

/// Names of stacks and mappings: which are wanted, and what was answered.
package struct CloneNames {
  private var frames: [CloneInterval.StackKey: [String]] = [:]
  /// Nil for those that have none, or whose process was gone.
  private var mappings: [CloneInterval.MappingKey: String?] = [:]
  /// How many are looked up at a time.
  private static let lookedUp = 64
  private var written = WrittenMappings()
  /// Of processes; nil of those that were gone or may not be looked at.
  private var memory: [UInt32: ForkedMemory?] = [:]
  /// To look at one's memory takes milliseconds: advice is about the costliest.
  private static let memoriesLookedUp = 8

  package init() {}

  /// Asks for the costliest of some stacks and mappings that an interval holds, those that are known
  /// left out.
  func lookups(
    stacks: [CloneInterval.StackKey], mappings keys: [CloneInterval.MappingKey],
    processes: [UInt32], pages: [(tgid: UInt32, address: UInt64)],
    writers: [CloneInterval.StackKey], of interval: CloneInterval
  ) -> [CloneLookup] {
    let unknown = processes.filter { memory[$0] == nil }
      .prefix(max(0, Self.memoriesLookedUp - memory.count))
    let stacks = stacks.filter { frames[$0] == nil }
    let keys = keys.filter { mappings[$0] == nil }
    return unknown.map { .memory(tgid: $0) }
      + Self.costliest(stacks) { interval.stacks[$0]?.ns ?? 0 }.map { .stack($0) }
      + Self.costliest(keys) { interval.mappings[$0]?.ns ?? 0 }.map { .mapping($0) }
      + Set(writers.lazy.filter { frames[$0] == nil }).prefix(Self.lookedUp).map { .stack($0) }
      + lookups(pages)
  }

  /// Of those that are likely to be in one mapping one.
  private func lookups(_ pages: [(tgid: UInt32, address: UInt64)]) -> [CloneLookup] {
    struct Part: Hashable {
      var tgid: UInt32
      var part: UInt64
    }
    var seen: Set<Part> = []
    var lookups: [CloneLookup] = []
    for (tgid, address) in pages where lookups.count < Self.lookedUp {
      guard written.holding(address, of: tgid) == nil,
        seen.insert(Part(tgid: tgid, part: address >> 21)).inserted
      else { continue }
      lookups.append(.page(tgid: tgid, address: address))
    }
    return lookups
  }

  private static func costliest<Key>(_ keys: [Key], _ ns: (Key) -> UInt64) -> [Key] {
    guard keys.count > lookedUp else { return keys }
    return keys.map { (key: $0, ns: ns($0)) }.sorted { $0.ns > $1.ns }.prefix(lookedUp).map(\.key)
  }

  package mutating func take(_ answers: [CloneAnswer]) {
    for answer in answers {
      switch answer.lookup {
      case .stack(let key): frames[key] = answer.functions
      case .mapping(let key): mappings.updateValue(answer.name, forKey: key)
      case .page(let tgid, let address):
        // A file may say anything.
        if let mapping = answer.mapping, mapping.start <= address, address < mapping.end {
          written.add(mapping, of: tgid)
        }
      case .memory(let tgid):
        if memory.count < Self.memoriesLookedUp { memory.updateValue(answer.memory, forKey: tgid) }
      }
    }
  }

  /// Forgets what neither the total nor the interval that follows it holds any more.
  mutating func keep(_ total: CloneInterval, _ interval: CloneInterval) {
    let count =
      total.stacks.count + total.pageCopies.callers.count + interval.stacks.count
      + interval.pageCopies.callers.count
    if frames.count > 2 * count {
      let writers = total.pageCopies.stackKeys.union(interval.pageCopies.stackKeys)
      frames = frames.filter {
        total.stacks[$0.key] != nil || interval.stacks[$0.key] != nil || writers.contains($0.key)
      }
    }
    if mappings.count > 2 * (total.mappings.count + interval.mappings.count) {
      mappings = mappings.filter {
        total.mappings[$0.key] != nil || interval.mappings[$0.key] != nil
      }
    }
  }

  func frames(_ key: CloneInterval.StackKey) -> [String]? { frames[key] }

  func writtenMapping(_ address: UInt64, of tgid: UInt32) -> MappedRange? {
    written.holding(address, of: tgid)
  }

  func memory(of tgid: UInt32) -> ForkedMemory? { memory[tgid] ?? nil }

  func stacks(_ interval: CloneInterval, _ coverage: CloneCoverage) -> [StackPart] {
    stackParts(interval, coverage) { frames[$0] }
  }

  func mappings(_ interval: CloneInterval) -> [MappingPart] {
    mappingParts(interval) { mappings[$0] ?? nil }
  }
}
