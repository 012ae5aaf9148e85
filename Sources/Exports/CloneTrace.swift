public import CloneModel
import ExportProtos
import Faces
import Input
import Records
public import Reports
import Tasks

/// Every clone on its caller's track, with what it copied and who called it, and what became of the child,
/// for Perfetto.
public struct CloneTrace: EventTrace {
  private var writer = TraceWriter()
  private var filter = CloneFilter()
  /// What came of calls that haven't ended, by thread.
  private var inProgress: [UInt32: Call] = [:]
  /// Calls that are over, whose callers may yet be named.
  private var calls: [Call] = []
  /// Children of clones that count, by process: the arrow from their clone, until the first of them is
  /// written.
  private var children: [UInt32: Child] = [:]
  /// What became of children whose clone hasn't ended: that of a vfork never has.
  private var early: [ChildEvent] = []
  private var threads: [UInt32: Thread] = [:]
  private var functions: [CloneInterval.StackKey: [String]] = [:]
  private var tracks: Tracks?
  private var clock: TraceClock?
  /// From when on calls are written; nil before that is known.
  private var from: UInt64?
  private var lastFlow: UInt64 = 0

  private struct Tracks {
    var clones: UInt64
    var pageTables: UInt64
    var lost: UInt64
  }

  private struct Thread {
    var track: UInt64
    var tgid: UInt32
    var name: String
  }

  private struct Child {
    var flow: UInt64
    /// When the clone that made it began.
    var begin: UInt64
    var name: String
  }

  private struct Call {
    var begin: UInt64
    var clone: Clone?
    var stack: UserStack?
    var mappings: [Mapping] = []
  }

  private struct Mapping {
    var until: UInt64
    var ns: UInt64
    var start: UInt64
    var end: UInt64
    var kind: Clone.MappingKind
  }

  /// Beyond that calls are written without waiting for names, and more isn't kept: memory stays bounded.
  private static let mostCalls = 4096
  private static let mostMappings = 256
  private static let mostThreads = 65536

  public init() {}

  public mutating func takeBytes() -> [UInt8] { writer.takeBytes() }
  public mutating func scanned(_ bytes: RawSpan) {}

  // MARK: - Records

  public mutating func record(_ bytes: RawSpan, cpu: Int) {
    guard from != nil, bytes.byteCount >= MemoryLayout<sonde_header>.size else { return }
    let header = unsafe bytes.unsafeLoadUnaligned(as: sonde_header.self)
    switch (UInt32(header.kind), bytes.byteCount) {
    case (SONDE_KIND_CLONE.rawValue, MemoryLayout<sonde_clone>.size),
      (SONDE_KIND_CLONE.rawValue, Int(SONDE_CLONE_WITHOUT_PARTS)):
      finish(Clone(bytes))
    case (SONDE_KIND_MAPPING.rawValue, MemoryLayout<sonde_mapping>.size):
      let mapping = unsafe bytes.unsafeLoadUnaligned(as: sonde_mapping.self)
      guard let kind = Clone.MappingKind(rawValue: Int(header.aux)) else { return }
      with(header.tid, begin: mapping.begin) { call in
        guard call.mappings.count < Self.mostMappings else { return }
        call.mappings.append(
          Mapping(
            until: header.time, ns: mapping.ns, start: mapping.start, end: mapping.end, kind: kind))
      }
    case (SONDE_KIND_STACK.rawValue, MemoryLayout<sonde_stack>.size):
      let stack = UserStack(bytes)
      with(header.tid, begin: header.time) { $0.stack = stack }
    case (SONDE_KIND_CHILD.rawValue, MemoryLayout<sonde_child>.size):
      if let event = ChildEvent(bytes) { become(event) }
    default: break
    }
  }

  private mutating func with(_ tid: UInt32, begin: UInt64, _ body: (inout Call) -> Void) {
    if inProgress[tid]?.begin != begin {
      guard inProgress.count < Self.mostThreads else { return }
      inProgress[tid] = Call(begin: begin)
    }
    body(&inProgress[tid]!)
  }

  private mutating func finish(_ clone: Clone) {
    var call = inProgress.removeValue(forKey: clone.tid)
    if call?.begin != clone.begin { call = nil }
    guard let from, clone.begin >= from, filter.matches(clone) else {
      early.removeAll { $0.begin == clone.begin && $0.child == clone.child }
      return
    }
    var done = call ?? Call(begin: clone.begin)
    done.clone = clone
    calls.append(done)
    if calls.count >= Self.mostCalls { writeCalls() }
  }

  // MARK: - Calls

  private mutating func writeCalls() {
    for call in calls { if let clone = call.clone { write(call, clone) } }
    calls.removeAll(keepingCapacity: true)
  }

  private mutating func write(_ call: Call, _ clone: Clone) {
    let name = escaped(clone.comm.text)
    let track = track(of: clone.tid, tgid: clone.tgid, name)
    let key = call.stack.map { CloneInterval.StackKey(tgid: clone.tgid, stack: $0) }
    let callers = key.flatMap { functions[$0] } ?? []
    var flows: [UInt64] = []
    if clone.error == 0, !clone.isThread, !clone.isUnfollowed {
      // The ends of some were lost.
      if children.count >= Self.mostThreads { children = [:] }
      lastFlow += 1
      flows = [lastFlow]
      children[clone.child] = Child(flow: lastFlow, begin: clone.begin, name: name)
    }
    writer.begin(
      "\(clone.call)", of: "clone", on: track, at: clone.begin,
      Self.arguments(of: clone) + [TraceArgument(stack: callers)].compactMap { $0 }, flows: flows)
    // What else is known of a call lies between its begin and its end.
    let end = clone.begin &+ clone.ns
    for mapping in call.mappings.sorted(by: { $0.until < $1.until }) {
      let until = min(mapping.until, end)
      writer.begin(
        "copy page tables: \(mapping.kind)", of: "mapping", on: track,
        at: max(until &- min(mapping.ns, until), clone.begin),
        [TraceArgument("bytes", mapping.end &- mapping.start)])
      writer.end(on: track, at: until)
    }
    writer.end(on: track, at: end)
    let before = early.filter { $0.child == clone.child && $0.begin == clone.begin }
    if !before.isEmpty {
      early.removeAll { $0.child == clone.child && $0.begin == clone.begin }
      for event in before { become(event) }
    }
  }

  private static func arguments(of clone: Clone) -> [TraceArgument] {
    var all = [TraceArgument("child", UInt64(clone.child))]
    func add(_ name: String, _ value: UInt64) {
      if value > 0 { all.append(TraceArgument(name, value)) }
    }
    add("errno", UInt64(clone.error.magnitude))
    add("address_space_ns", clone.addressSpaceNs)
    add("page_tables_ns", clone.pageTablesNs)
    add("wake_child_ns", clone.wakeNs)
    add("run_queue_ns", clone.queuedNs)
    add("off_cpu_ns", clone.offCPUNs)
    add("vfork_wait_ns", clone.waitNs)
    add("page_table_bytes", clone.pageTableBytes)
    add("pages", clone.entries)
    add("hugetlb_pages", clone.hugetlbPages)
    add("mappings", UInt64(clone.mappings))
    return all
  }

  private mutating func track(of tid: UInt32, tgid: UInt32, _ name: String) -> UInt64 {
    if let known = threads[tid], known.tgid == tgid, known.name == name { return known.track }
    if threads.count >= Self.mostThreads { threads = [:] }
    let track = writer.track(ofThread: tid, process: tgid, name: name)
    threads[tid] = Thread(track: track, tgid: tgid, name: name)
    return track
  }

  // MARK: - Children

  /// Of the first event of a child a slice, from when it was complete; then a mark.
  private mutating func become(_ event: ChildEvent) {
    if children[event.child]?.begin != event.begin, early.count >= Self.mostCalls {
      // Its clone may be over and not written yet; the oldest are of clones that don't count.
      writeCalls()
      if early.count >= Self.mostCalls { early.removeFirst(Self.mostCalls / 2) }
    }
    guard let child = children[event.child], child.begin == event.begin else {
      early.append(event)
      return
    }
    let complete = event.begin
    let time = event.time
    let track = track(of: event.child, tgid: event.child, child.name)
    let ends: Bool
    let name: String
    var arguments = [TraceArgument("parent", UInt64(event.tgid))]
    switch event.kind {
    case .exec: (ends, name) = (false, "exec")
    case .exit(let hasExeced, let written):
      (ends, name) = (true, hasExeced ? "exit" : "exit without exec")
      if let written { arguments.append(TraceArgument("written_bytes", written)) }
    }
    if child.flow != 0 {
      writer.begin(
        "child, until \(name)", of: "child", on: track,
        at: max(time &- min(event.ns, time), complete), arguments, endsFlows: [child.flow])
      writer.end(on: track, at: time)
      children[event.child]?.flow = 0
    } else {
      writer.instant(name, of: "child", on: track, at: time, arguments)
    }
    if ends { children[event.child] = nil }
  }

  // MARK: - Everything else

  public mutating func observed(_ observation: CloneObservation) {
    switch observation {
    case .setUp(let setup): filter = setup.filter
    case .cgroups(let ids): filter.cgroups = ids
    case .begins(let reading):
      from = reading.at
      clock = TraceClock(time: reading.at, wall: reading.wall)
      writer.clock(at: reading.at, wall: reading.wall)
      tracks = Tracks(
        clones: writer.counter(named: "clones of the interval"),
        pageTables: writer.counter(named: "page tables copied in the interval", .sizeBytes),
        lost: writer.counter(named: "lost records of the interval"))
    case .names(let answers):
      for answer in answers {
        if functions.count >= Self.mostThreads { functions = [:] }
        if case .stack(let key) = answer.lookup { functions[key] = answer.functions }
      }
      writeCalls()
    case .closes(let reading):
      if from != nil { writer.clock(at: reading.at, wall: reading.wall) }
      writeCalls()
    case .totals:
      writeCalls()
      from = nil
    default: break
    }
  }

  public mutating func add(_ report: CloneSnapshot) {
    guard !report.final, let tracks, let start = clock?.time(of: report.start) else { return }
    writer.count(Double(report.histograms.clone.count), on: tracks.clones, at: start)
    writer.count(Double(report.pageTables.bytes), on: tracks.pageTables, at: start)
    writer.count(Double(report.loss.lost), on: tracks.lost, at: start)
  }
}
