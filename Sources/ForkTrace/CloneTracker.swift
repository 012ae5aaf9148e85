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
/// What is told of a clone while it is in progress, its samples and mappings, waits for its end:
/// only then it is known whether it counts.
public struct CloneTracker: Sendable {
  public var filter: CloneFilter
  private let phases: KernelPhases
  private var current: CloneInterval
  private var pending: [UInt32: Pending] = [:]

  private struct Pending: Sendable {
    var samples: [6 of UInt64] = [6 of UInt64](repeating: 0)
    var mappings: [(CloneInterval.MappingKey, Clone.MappingKind, ns: UInt64)] = []
    /// How many intervals have ended since it was begun.
    var age = 0
  }

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

  /// Takes one record. Others than those of `sonde_fork.h` are left alone.
  public mutating func consume(_ record: RawSpan) {
    let offset = MemoryLayout<sonde_clone>.offset(of: \.kind)!
    guard record.byteCount > offset else { return }
    let kind = unsafe UInt32(record.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    switch (kind, record.byteCount) {
    case (SONDE_KIND_CLONE.rawValue, MemoryLayout<sonde_clone>.size):
      finish(Clone(unsafe record.unsafeLoad(as: sonde_clone.self)))
    case (SONDE_KIND_MAPPING.rawValue, MemoryLayout<sonde_mapping>.size):
      let mapping = unsafe record.unsafeLoad(as: sonde_mapping.self)
      guard let kind = Clone.MappingKind(rawValue: Int(mapping.mapping_kind)) else { return }
      let key = CloneInterval.MappingKey(tgid: 0, start: mapping.start, end: mapping.end)
      pending[mapping.tid, default: Pending()].mappings.append((key, kind, mapping.ns))
    case (SONDE_KIND_SAMPLE.rawValue, MemoryLayout<sonde_sample>.size):
      let sample = unsafe record.unsafeLoad(as: sonde_sample.self)
      let offset = MemoryLayout<sonde_sample>.offset(of: \.frames)!
      let count = min(Int(clamping: sample.length) / 8, Int(SONDE_SAMPLE_FRAMES))
      let phase = phases.phase(frames: count) { index in
        unsafe record.unsafeLoad(fromByteOffset: offset + 8 * index, as: UInt64.self)
      }
      pending[sample.tid, default: Pending()].samples[phase.rawValue] += 1
    default:
      break
    }
  }

  /// What the interval holds that ends at `end`.
  public mutating func close(at end: UInt64) -> CloneInterval {
    var closed = current
    closed.end = end
    closed.bound()
    current = CloneInterval(start: end, end: end)
    // A clone whose end was lost would be held for ever.
    for tid in pending.keys {
      pending[tid]?.age += 1
      if pending[tid]?.age ?? 0 > 600 { pending[tid] = nil }
    }
    return closed
  }

  private mutating func finish(_ clone: Clone) {
    let told = pending.isEmpty ? nil : pending.removeValue(forKey: clone.tid)
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
    if clone.stack >= 0 {
      let key = CloneInterval.StackKey(tgid: clone.tgid, stack: clone.stack)
      current.stacks[key, default: .init(comm: clone.comm)].count += 1
      current.stacks[key]!.ns &+= clone.ownNs
    }
    rank(clone)
    if let told { add(told, of: clone) }
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
    }
  }

  private mutating func add(_ told: Pending, of clone: Clone) {
    for index in told.samples.indices { current.samples[index] &+= told.samples[index] }
    for (key, kind, ns) in told.mappings {
      var key = key
      key.tgid = clone.tgid
      current.mappings[key, default: .init(comm: clone.comm, kind: kind)].count += 1
      current.mappings[key]!.ns &+= ns
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
