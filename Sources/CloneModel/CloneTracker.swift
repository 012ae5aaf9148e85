import Histograms
import Records

/// Which clones count. Processes are chosen in the kernel.
public struct CloneFilter: Sendable, Equatable {
  /// Names of the callers; empty: all.
  public var comms: Set<String> = []
  /// Ids of cgroups (version 2); nil: all.
  public var cgroups: Set<UInt64>?
  /// Whether new threads count.
  public var threads = false

  public init() {}

  func matches(_ clone: Clone) -> Bool {
    (threads || !clone.isThread) && (comms.isEmpty || comms.contains(clone.comm))
      && cgroups?.contains(clone.cgroup) != false
  }
}

/// Makes intervals of the kernel side's records.
///
/// What is told of a clone while it is in progress, its samples, its mappings and its caller's stack,
/// waits for its end: only then it is known whether it counts. And an end waits for what another CPU
/// told before it, whose ring may be read later: until ``settle(upTo:)``.
public struct CloneTracker: Sendable {
  public var filter: CloneFilter
  private let phases: KernelPhases
  private var current: CloneInterval
  private var ended: [Clone] = []
  private var pending: [UInt32: [Told]] = [:]
  private var new = New()

  /// What the open interval holds since one last asked.
  public struct New: Sendable {
    public var stacks: [CloneInterval.StackKey] = []
    public var mappings: [CloneInterval.MappingKey] = []
  }

  /// Something that happened within a thread's clone.
  private struct Told: Sendable {
    let time: UInt64
    let what: What

    enum What: Sendable {
      case sample(KernelPhases.Phase)
      case mapping(start: UInt64, end: UInt64, Clone.MappingKind, ns: UInt64)
      case stack([UInt64])
    }
  }

  /// A clone whose end was lost would be held for ever.
  private static let longest: UInt64 = 600_000_000_000

  public init(filter: CloneFilter, phases: KernelPhases, start: UInt64) {
    self.filter = filter
    self.phases = phases
    current = CloneInterval(start: start, end: start)
  }

  /// The interval that goes on.
  public var open: CloneInterval { current }

  /// Clones in the interval that is open.
  public var count: UInt64 { current.count }

  /// Their time, ns.
  public var total: UInt64 { current.clone.sum }

  /// Gives the stacks and mappings that came since it was last asked.
  public mutating func takeNew() -> New {
    defer { new = New() }
    return new
  }

  /// Takes one record. Others than those of `sonde_clone.h` are left alone.
  public mutating func consume(_ record: RawSpan) {
    let offset = MemoryLayout<sonde_clone>.offset(of: \.kind)!
    guard record.byteCount > offset else { return }
    let kind = unsafe UInt32(record.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    switch (kind, record.byteCount) {
    case (SONDE_KIND_CLONE.rawValue, MemoryLayout<sonde_clone>.size):
      ended.append(Clone(unsafe record.unsafeLoad(as: sonde_clone.self)))
    case (SONDE_KIND_MAPPING.rawValue, MemoryLayout<sonde_mapping>.size):
      let mapping = unsafe record.unsafeLoad(as: sonde_mapping.self)
      guard let kind = Clone.MappingKind(rawValue: Int(mapping.mapping_kind)) else { return }
      tell(
        mapping.tid, mapping.time,
        .mapping(start: mapping.start, end: mapping.end, kind, ns: mapping.ns))
    case (SONDE_KIND_SAMPLE.rawValue, MemoryLayout<sonde_sample>.size):
      let sample = unsafe record.unsafeLoad(as: sonde_sample.self)
      let offset = MemoryLayout<sonde_sample>.offset(of: \.frames)!
      let count = min(Int(clamping: sample.length) / 8, Int(SONDE_SAMPLE_FRAMES))
      let phase = phases.phase(frames: count) { index in
        unsafe record.unsafeLoad(fromByteOffset: offset + 8 * index, as: UInt64.self)
      }
      tell(sample.tid, sample.time, .sample(phase))
    case (SONDE_KIND_STACK.rawValue, MemoryLayout<sonde_stack>.size):
      let stack = unsafe record.unsafeLoad(as: sonde_stack.self)
      let offset = MemoryLayout<sonde_stack>.offset(of: \.frames)!
      let count = min(Int(clamping: stack.length) / 8, Int(SONDE_STACK_FRAMES))
      let addresses = (0..<count).map { index in
        unsafe record.unsafeLoad(fromByteOffset: offset + 8 * index, as: UInt64.self)
      }
      tell(stack.tid, stack.time, .stack(addresses))
    default:
      break
    }
  }

  private mutating func tell(_ tid: UInt32, _ time: UInt64, _ what: Told.What) {
    pending[tid, default: []].append(Told(time: time, what: what))
  }

  /// Counts the clones that have ended by `horizon`, by which all of their records have been consumed.
  public mutating func settle(upTo horizon: UInt64) {
    guard !ended.isEmpty else { return }
    var later: [Clone] = []
    for index in ended.indices.sorted(by: { ended[$0].time < ended[$1].time }) {
      let clone = ended[index]
      if clone.time &+ clone.ns > horizon { later.append(clone) } else { finish(clone) }
    }
    ended = later
  }

  /// What the interval holds that ends at `end`; all records up to then have been consumed.
  public mutating func close(at end: UInt64) -> CloneInterval {
    settle(upTo: end)
    var closed = current
    closed.end = end
    closed.bound()
    current = CloneInterval(start: end, end: end)
    new = New()
    pending = pending.filter { _, told in told.last!.time &+ Self.longest > end }
    return closed
  }

  /// What was told of this clone. What is older belongs to one whose end was lost, and what is later
  /// to the thread's next one.
  private mutating func takeTold(of clone: Clone) -> [Told] {
    guard !pending.isEmpty, let all = pending[clone.tid] else { return [] }
    let end = clone.time &+ clone.ns
    let later = all.filter { $0.time > end }
    pending[clone.tid] = later.isEmpty ? nil : later
    return all.filter { $0.time >= clone.time && $0.time <= end }
  }

  private mutating func finish(_ clone: Clone) {
    let told = takeTold(of: clone)
    guard filter.matches(clone) else { return }
    guard clone.error == 0 else {
      current.failures[clone.error, default: 0] += 1
      return
    }
    if clone.isThread {
      current.threads += 1
    } else {
      current.calls[Int(clone.call.rawValue)] += 1
    }
    current.clone.record(clone.ownNs)
    current.wakeNs &+= clone.wakeNs
    current.queuedNs &+= clone.queuedNs
    if clone.waitNs > 0 { current.vforkWait.record(clone.waitNs) }
    if clone.copiesAddressSpace { copied(clone) }
    let stratum = CloneInterval.Stratum.index(ns: clone.ownNs)
    let off = min(clone.ownNs, clone.offCPUNs)
    current.offCPUNs &+= off
    current.strata[stratum].count += 1
    current.strata[stratum].ns &+= clone.ownNs
    current.strata[stratum].onCPUNs &+= clone.ownNs - off
    rank(clone)
    for told in told { add(told.what, of: clone, stratum) }
    current.bound()
  }

  private mutating func copied(_ clone: Clone) {
    if clone.addressSpaceNs > 0 { current.addressSpaceCopy.record(clone.addressSpaceNs) }
    if clone.mappings > 0 { current.pageTableCopy.record(clone.pageTablesNs) }
    for index in clone.kinds.indices {
      current.kinds[index].bytes &+= clone.kinds[index].bytes
      current.kinds[index].ns &+= clone.kinds[index].ns
      current.kinds[index].count &+= clone.kinds[index].count
    }
    for index in clone.steps.indices {
      current.steps[index].ns &+= clone.steps[index].ns
      current.steps[index].count &+= clone.steps[index].count
    }
    current.pageTableBytes &+= clone.pageTableBytes
    current.entries &+= clone.entries
    current.hugetlbPages &+= clone.hugetlbPages
    if clone.entries >= CloneInterval.largePages {
      current.large.count += 1
      current.large.ns &+= clone.ownNs
      current.large.pages &+= clone.entries
      current.large.tableNs &+= clone.pageTablesNs
    }
  }

  private mutating func add(_ what: Told.What, of clone: Clone, _ stratum: Int) {
    switch what {
    case .sample(let phase):
      current.strata[stratum].samples[phase.rawValue] += 1
    case .mapping(let start, let end, let kind, let ns):
      let key = CloneInterval.MappingKey(tgid: clone.tgid, start: start, end: end)
      if current.mappings[key] == nil { new.mappings.append(key) }
      current.mappings[key, default: .init(comm: clone.comm, kind: kind)].count += 1
      current.mappings[key]!.ns &+= ns
    case .stack(let addresses):
      let key = CloneInterval.StackKey(tgid: clone.tgid, addresses: addresses)
      if current.stacks[key] == nil { new.stacks.append(key) }
      current.stacks[key, default: .init(comm: clone.comm)].add(ns: clone.ownNs)
      current.strata[stratum].stackCount += 1
      current.strata[stratum].stackNs &+= clone.ownNs
    }
  }

  private mutating func rank(_ clone: Clone) {
    if current.slowest.count < CloneInterval.slowestCount {
      current.slowest.append(clone)
    } else if let least = current.slowest.indices.min(by: {
      current.slowest[$0].ownNs < current.slowest[$1].ownNs
    }), current.slowest[least].ownNs < clone.ownNs {
      current.slowest[least] = clone
    }
  }
}
