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
    processes: [UInt32], pages: [(tgid: UInt32, address: UInt64)], of interval: CloneInterval
  ) -> [CloneLookup] {
    let unknown = processes.filter { memory[$0] == nil }
      .prefix(max(0, Self.memoriesLookedUp - memory.count))
    return unknown.map { .memory(tgid: $0) }
      + Self.costliest(stacks) { interval.stacks[$0]?.ns ?? 0 }.filter { frames[$0] == nil }
      .map { .stack($0) }
      + Self.costliest(keys) { interval.mappings[$0]?.ns ?? 0 }.filter { mappings[$0] == nil }
      .map { .mapping($0) }
      + pages.lazy.filter { written.holding($0.address, of: $0.tgid) == nil }
      .prefix(Self.lookedUp).map { .page(tgid: $0.tgid, address: $0.address) }
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
    if frames.count > 2 * (total.stackCount + interval.stackCount) {
      frames = frames.filter {
        total.holds($0.key) || interval.holds($0.key)
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

extension CloneInterval {
  fileprivate var stackCount: Int { stacks.count + pageCopies.callers.count }

  fileprivate func holds(_ key: StackKey) -> Bool {
    stacks[key] != nil || pageCopies.hold(key)
  }
}
