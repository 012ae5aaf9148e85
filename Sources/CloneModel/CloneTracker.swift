import Histograms
import Records
import Reports

/// Makes intervals of the kernel side's records, which come in the order of their times.
///
/// Samples, mappings and the caller's stack of a call in progress wait for its end: only then it is
/// known whether it counts.
public struct CloneTracker: Sendable {
  public var filter: CloneFilter
  private let phases: KernelRanges<KernelPhases.Phase>
  private let afterFork: KernelRanges<AfterFork.Place>
  var current: CloneInterval
  var inProgress = CallsInProgress()
  var children = LivingChildren()
  /// Those whose clones count, by process.
  var parentsByProcess: [UInt32: CloneInterval.ParentKey] = [:]
  var writeFaults = WriteFaultsSeen()
  /// From so many on those without children are forgotten.
  var mostParents = Self.leastParents
  static let leastParents = 4096
  /// Whether the kernel side tells what becomes of the children.
  private let followsChildren: Bool
  /// Bytes.
  let pageSize: UInt64
  /// When counting began.
  let start: UInt64
  var new = New()
  /// All durations since counting began, if anybody wants them so.
  var native: NativeCloneHistograms?

  /// What the open interval holds since one last asked.
  public struct New: Sendable {
    public var stacks: [CloneInterval.StackKey] = []
    public var mappings: [CloneInterval.MappingKey] = []
    /// With large clones.
    public var processes: [UInt32] = []
    /// Addresses of pages that were copied, in the memory of processes, and from where they were written.
    var pages: [(tgid: UInt32, address: UInt64)] = []
    var writers: [CloneInterval.StackKey] = []
  }

  /// Calls that take longer are taken for lost.
  private static let longest: UInt64 = 600_000_000_000

  public init(
    filter: CloneFilter, phases: KernelRanges<KernelPhases.Phase> = .init([]),
    afterFork: KernelRanges<AfterFork.Place> = .init([]), start: UInt64,
    followsChildren: Bool = true, pageSize: UInt64 = 4096
  ) {
    self.filter = filter
    self.phases = phases
    self.afterFork = afterFork
    self.followsChildren = followsChildren
    self.pageSize = pageSize
    self.start = start
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

  /// Takes one record: `bpf/include/sonde_clone.h`. What can't be one is left out.
  public mutating func consume(_ record: RawSpan) {
    guard record.byteCount >= MemoryLayout<sonde_header>.size else { return }
    let header = unsafe record.unsafeLoad(as: sonde_header.self)
    switch (UInt32(header.kind), record.byteCount) {
    case (SONDE_KIND_CLONE.rawValue, MemoryLayout<sonde_clone>.size),
      (SONDE_KIND_CLONE.rawValue, Int(SONDE_CLONE_WITHOUT_PARTS)):
      finish(Clone(record))
    case (SONDE_KIND_MAPPING.rawValue, MemoryLayout<sonde_mapping>.size):
      let mapping = unsafe record.unsafeLoad(as: sonde_mapping.self)
      guard let kind = Clone.MappingKind(rawValue: Int(header.aux)) else { return }
      inProgress.addMapping(
        .init(start: mapping.start, end: mapping.end, ns: mapping.ns, kind: kind),
        tid: header.tid, begin: mapping.begin)
    case (SONDE_KIND_SAMPLE.rawValue, MemoryLayout<sonde_sample>.size):
      let begin = unsafe record.unsafeLoad(
        fromByteOffset: MemoryLayout<sonde_sample>.offset(of: \.begin)!, as: UInt64.self)
      inProgress.addSample(phase(of: record, header), tid: header.tid, begin: begin)
    case (SONDE_KIND_STACK.rawValue, MemoryLayout<sonde_stack>.size):
      inProgress.setStack(UserStack(record), tid: header.tid, begin: header.time)
    case (SONDE_KIND_CHILD.rawValue, MemoryLayout<sonde_child>.size):
      if followsChildren, let event = ChildEvent(record) { become(event) }
    case (SONDE_KIND_AFTER_FORK.rawValue, MemoryLayout<sonde_after_fork>.size):
      if followsChildren { add(AfterForkSample(record, header, afterFork)) }
    case (SONDE_KIND_WRITE_FAULTS.rawValue, MemoryLayout<sonde_write_faults>.size):
      if followsChildren { add(WriteFaultsRecord(record)) }
    case (SONDE_KIND_PAGE_COPY.rawValue, MemoryLayout<sonde_page_copy>.size):
      if followsChildren { add(PageCopyRecord(record)) }
    default:
      break
    }
  }

  /// Of those that the open interval has so far.
  package mutating func placePageCopies(_ names: CloneNames) {
    if !current.pageCopies.isEmpty { current.pageCopies.place(names) }
  }

  private func phase(of record: RawSpan, _ header: sonde_header) -> KernelPhases.Phase {
    let offset = MemoryLayout<sonde_sample>.offset(of: \.frames)!
    return phases.part(frames: min(Int(header.aux) / 8, Int(SONDE_SAMPLE_FRAMES))) { index in
      unsafe record.unsafeLoad(fromByteOffset: offset + 8 * index, as: UInt64.self)
    } ?? .other
  }

  /// What the interval holds that ends at `end`; all records up to then have been consumed.
  public mutating func close(at end: UInt64) -> CloneInterval {
    var closed = current
    // Not shared: what is added to the closed one copies nothing.
    current = CloneInterval(start: end, end: end)
    closed.end = end
    if followsChildren { countLiving(in: &closed, at: end) }
    closed.bound()
    closed.boundParents(children.ofParent)
    new = New()
    if end > Self.longest {
      inProgress.forget(begunBefore: end - Self.longest)
      children.forget(begunBefore: end - Self.longest)
    }
    return closed
  }

  private mutating func finish(_ clone: Clone) {
    let call = inProgress.take(tid: clone.tid, begin: clone.begin)
    guard filter.matches(clone), clone.error == 0 else {
      if let call { inProgress.release(call) }
      if filter.matches(clone) { current.failures[clone.error, default: 0] += 1 }
      if followsChildren, !clone.isThread { bearUncounted(clone) }
      return
    }
    if clone.isThread {
      current.threads += 1
    } else {
      current.calls[Int(clone.call.rawValue)] += 1
    }
    current.clone.record(clone.ownNs)
    native?.clone.record(clone.ownNs)
    current.wakeNs &+= clone.wakeNs
    current.queuedNs &+= clone.queuedNs
    if clone.waitNs > 0 {
      current.vforkWait.record(clone.waitNs)
      native?.vforkWait.record(clone.waitNs)
    }
    if clone.copiesAddressSpace { copied(clone) }
    let stratum = CloneInterval.Stratum.index(ns: clone.ownNs)
    let off = min(clone.ownNs, clone.offCPUNs)
    current.offCPUNs &+= off
    current.strata[stratum].count += 1
    current.strata[stratum].ns &+= clone.ownNs
    current.strata[stratum].onCPUNs &+= clone.ownNs - off
    rank(clone)
    if let call { add(call, of: clone, stratum) }
    current.bound()
    guard followsChildren, !clone.isThread else { return }
    bear(clone, call?.stack)
    current.boundParents(children.ofParent)
  }

  private mutating func copied(_ clone: Clone) {
    if clone.addressSpaceNs > 0 {
      current.addressSpaceCopy.record(clone.addressSpaceNs)
      native?.addressSpaceCopy.record(clone.addressSpaceNs)
    }
    if clone.mappings > 0 {
      current.pageTableCopy.record(clone.pageTablesNs)
      native?.pageTableCopy.record(clone.pageTablesNs)
    }
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
      let one = CloneInterval.LargeClones(
        count: 1, ns: clone.ownNs, pages: clone.entries, tableNs: clone.pageTablesNs)
      current.large.add(one)
      if current.largeProcesses[clone.tgid] == nil { new.processes.append(clone.tgid) }
      current.largeProcesses[clone.tgid, default: .init()].add(one)
    }
  }

  private mutating func add(_ call: CallsInProgress.Call, of clone: Clone, _ stratum: Int) {
    var call = call
    while let mapping = inProgress.takeMapping(of: &call) { add(mapping, of: clone) }
    for index in call.samples.indices {
      current.strata[stratum].samples[index] += call.samples[index]
    }
    guard let stack = call.stack else { return }
    let key = CloneInterval.StackKey(tgid: clone.tgid, stack: stack)
    if current.stacks[key]?.count ?? 0 == 0 { new.stacks.append(key) }
    current.stacks[key, default: .init(comm: clone.comm)].add(ns: clone.ownNs)
    current.strata[stratum].stackCount += 1
    current.strata[stratum].stackNs &+= clone.ownNs
  }

  private mutating func add(_ mapping: CallsInProgress.Mapping, of clone: Clone) {
    let key = CloneInterval.MappingKey(
      tgid: clone.tgid, start: mapping.start, end: mapping.end)
    if current.mappings[key] == nil { new.mappings.append(key) }
    current.mappings[key, default: .init(comm: clone.comm, kind: mapping.kind)].count += 1
    current.mappings[key]!.ns &+= mapping.ns
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
