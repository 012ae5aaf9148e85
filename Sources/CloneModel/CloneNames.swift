import Reports

/// Names of stacks and mappings: which are wanted, and what was answered.
struct CloneNames {
  private var frames: [CloneInterval.StackKey: [String]] = [:]
  /// Nil for those that have none, or whose process was gone.
  private var mappings: [CloneInterval.MappingKey: String?] = [:]
  /// How many are looked up at a time.
  private static let lookedUp = 64
  /// Of processes; nil of those that were gone or may not be looked at.
  private var memory: [UInt32: ForkedMemory?] = [:]
  /// To look at one's memory takes milliseconds: advice is about the costliest.
  private static let memoriesLookedUp = 8

  /// Asks for the costliest of some stacks and mappings that an interval holds, those that are known
  /// left out.
  func lookups(
    stacks: [CloneInterval.StackKey], mappings keys: [CloneInterval.MappingKey],
    processes: [UInt32], of interval: CloneInterval
  ) -> [CloneLookup] {
    let unknown = processes.filter { memory[$0] == nil }
      .prefix(max(0, Self.memoriesLookedUp - memory.count))
    return unknown.map { .memory(tgid: $0) }
      + Self.costliest(stacks) { interval.stacks[$0]?.ns ?? 0 }.filter { frames[$0] == nil }
      .map { .stack($0) }
      + Self.costliest(keys) { interval.mappings[$0]?.ns ?? 0 }.filter { mappings[$0] == nil }
      .map { .mapping($0) }
  }

  private static func costliest<Key>(_ keys: [Key], _ ns: (Key) -> UInt64) -> [Key] {
    guard keys.count > lookedUp else { return keys }
    return keys.map { (key: $0, ns: ns($0)) }.sorted { $0.ns > $1.ns }.prefix(lookedUp).map(\.key)
  }

  mutating func take(_ answers: [CloneAnswer]) {
    for answer in answers {
      switch answer.lookup {
      case .stack(let key): frames[key] = answer.functions
      case .mapping(let key): mappings.updateValue(answer.name, forKey: key)
      case .memory(let tgid):
        if memory.count < Self.memoriesLookedUp { memory.updateValue(answer.memory, forKey: tgid) }
      }
    }
  }

  /// Forgets what neither the total nor the interval that follows it holds any more.
  mutating func keep(_ total: CloneInterval, _ interval: CloneInterval) {
    if frames.count > 2 * (total.stacks.count + interval.stacks.count) {
      frames = frames.filter {
        total.stacks[$0.key] != nil || interval.stacks[$0.key] != nil
      }
    }
    if mappings.count > 2 * (total.mappings.count + interval.mappings.count) {
      mappings = mappings.filter {
        total.mappings[$0.key] != nil || interval.mappings[$0.key] != nil
      }
    }
  }

  func memory(of tgid: UInt32) -> ForkedMemory? { memory[tgid] ?? nil }

  func stacks(_ interval: CloneInterval, _ coverage: CloneCoverage) -> [StackPart] {
    stackParts(interval, coverage) { frames[$0] }
  }

  func mappings(_ interval: CloneInterval) -> [MappingPart] {
    mappingParts(interval) { mappings[$0] ?? nil }
  }
}
