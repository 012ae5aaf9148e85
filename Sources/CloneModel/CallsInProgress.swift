/// What the records of calls in progress say, by thread, until the call's own record comes.
///
/// Each record names its call by the time when that began. Nothing is allocated per record: what
/// belongs to a call lies in its entry, its mappings in a pool of all calls'.
struct CallsInProgress: Sendable {
  struct Call: Sendable {
    let begin: UInt64
    var samples = [6 of UInt64](repeating: 0)
    var stack: UserStack?
    /// The last of its mappings in the pool; negative for none.
    fileprivate var mapping: Int32 = -1

    fileprivate init(begin: UInt64) { self.begin = begin }
  }

  struct Mapping: Sendable {
    var start: UInt64
    var end: UInt64
    var ns: UInt64
    var kind: Clone.MappingKind
  }

  private struct Node: Sendable {
    var mapping: Mapping
    /// The one before it of the same call, or of those that are free.
    var next: Int32
  }

  private var calls: [UInt32: Call] = [:]
  private var nodes: [Node] = []
  private var free: Int32 = -1

  mutating func addSample(_ phase: KernelPhases.Phase, tid: UInt32, begin: UInt64) {
    openCall(tid, begin)
    calls[tid]!.samples[phase.rawValue] += 1
  }

  mutating func setStack(_ stack: UserStack, tid: UInt32, begin: UInt64) {
    openCall(tid, begin)
    calls[tid]!.stack = stack
  }

  mutating func addMapping(_ mapping: Mapping, tid: UInt32, begin: UInt64) {
    openCall(tid, begin)
    let node = Node(mapping: mapping, next: calls[tid]!.mapping)
    let index: Int32
    if free >= 0 {
      index = free
      free = nodes[Int(index)].next
      nodes[Int(index)] = node
    } else {
      index = Int32(nodes.count)
      nodes.append(node)
    }
    calls[tid]!.mapping = index
  }

  /// What there is of a call that has ended; nil where nothing came of it. Its mappings are then to be
  /// taken, or the whole to be released.
  mutating func take(tid: UInt32, begin: UInt64) -> Call? {
    guard let call = calls.removeValue(forKey: tid) else { return nil }
    if call.begin == begin { return call }
    release(call)
    return nil
  }

  /// The latest mapping of a call that has not been taken.
  mutating func takeMapping(of call: inout Call) -> Mapping? {
    guard call.mapping >= 0 else { return nil }
    let index = Int(call.mapping)
    call.mapping = nodes[index].next
    nodes[index].next = free
    free = Int32(index)
    return nodes[index].mapping
  }

  mutating func release(_ call: Call) {
    var call = call
    while takeMapping(of: &call) != nil {}
  }

  /// A call whose end was lost would be held for ever.
  mutating func forget(begunBefore time: UInt64) {
    guard calls.values.contains(where: { $0.begin < time }) else { return }
    for (tid, call) in calls where call.begin < time {
      calls[tid] = nil
      release(call)
    }
  }

  /// The thread's call that began then. One of before never ended, as far as records came.
  private mutating func openCall(_ tid: UInt32, _ begin: UInt64) {
    if let call = calls[tid] {
      if call.begin == begin { return }
      release(call)
    }
    calls[tid] = Call(begin: begin)
  }
}
