/// The children that are there, of clones that count and of those that don't; and what came of a child
/// before the record of its clone.
///
/// Nothing is allocated per child but what the tables grow by, and the page copies of one whose clone's
/// record hasn't come.
struct LivingChildren: Sendable {
  struct Child: Sendable {
    /// When its clone began.
    let begin: UInt64
    let parent: CloneInterval.ParentKey
    let stack: CloneInterval.StackKey?
    /// What it has of its parent's memory as it begins, bytes.
    let memory: UInt64
    /// What its clone took, and of that the copy of the address space, where there is one and it is
    /// measured, ns.
    var cloneNs: UInt64 = 0
    var copyNs: UInt64 = 0
    /// Whether it began with a copy of its parent's memory.
    var isCopy = false
    /// Whether its clone counts.
    let counts: Bool
    var hasExeced = false
  }

  /// What came before the record of the clone.
  struct Early: Sendable {
    let begin: UInt64
    var exec: ChildEvent?
    var exit: ChildEvent?
    var samples = AfterFork.Samples()
    /// The latest.
    var faults: WriteFaultsRecord?
    var copies: [(record: PageCopyRecord, stack: UserStack?)] = []
  }

  private(set) var children: [UInt32: Child] = [:]
  private var early: [UInt32: Early] = [:]
  /// How many page copies these have together.
  private var earlyCopies = 0
  /// Those that have ended lately, and those before them: samples of their last steps may still come.
  private var ended: (new: [UInt32: Child], old: [UInt32: Child]) = ([:], [:])
  /// How many there are of those that count.
  private(set) var ofParent: [CloneInterval.ParentKey: UInt64] = [:]
  private(set) var ofStack: [CloneInterval.StackKey: UInt64] = [:]

  /// Twice as many as the kernel side follows: more there are only where the records of ends were lost.
  static let mostChildren = 32768
  private static let mostEarly = 16384
  private static let mostEarlyCopies = 4096
  private static let mostEnded = 512

  /// One is born.
  ///
  /// - Returns: those that are there no more, as far as is known: the one of before that had its id, or
  ///   the oldest where there are too many.
  mutating func insert(_ child: Child, id: UInt32) -> [Child] {
    var gone: [Child] = []
    if let before = remove(id: id) { gone.append(before) }
    if children.count >= Self.mostChildren {
      let oldest = children.sorted { ($0.value.begin, $0.key) < ($1.value.begin, $1.key) }
        .prefix(Self.mostChildren / 4)
      for (id, _) in oldest {
        if let child = remove(id: id) { gone.append(child) }
      }
    }
    children[id] = child
    guard child.counts else { return gone }
    ofParent[child.parent, default: 0] += 1
    if let stack = child.stack { ofStack[stack, default: 0] += 1 }
    return gone
  }

  mutating func remove(id: UInt32) -> Child? {
    guard let child = children.removeValue(forKey: id) else { return nil }
    if child.counts {
      Self.countDown(&ofParent, child.parent)
      if let stack = child.stack { Self.countDown(&ofStack, stack) }
    }
    return child
  }

  /// One ends.
  mutating func end(id: UInt32) {
    // Of one that has called exec there are no samples.
    guard let child = remove(id: id), !child.hasExeced else { return }
    if ended.new.count >= Self.mostEnded { ended = ([:], ended.new) }
    ended.new[id] = child
  }

  /// The child that a sample is of, also if it has just ended.
  func child(of sample: AfterForkSample) -> Child? {
    if let child = children[sample.process], sample.isOf(child) { return child }
    if let child = ended.new[sample.process], sample.isOf(child) { return child }
    if let child = ended.old[sample.process], sample.isOf(child) { return child }
    return nil
  }

  /// The child that has written.
  func child(of copy: PageCopyRecord) -> Child? {
    guard let child = children[copy.process], child.begin == copy.begin,
      child.parent.tgid == copy.tgid
    else { return nil }
    return child
  }

  /// The child that write faults are of.
  func child(of faults: WriteFaultsRecord) -> Child? {
    guard let child = children[faults.process], child.begin == faults.begin,
      child.parent.tgid == faults.tgid
    else { return nil }
    return child
  }

  private static func countDown<Key>(_ counts: inout [Key: UInt64], _ key: Key) {
    guard let count = counts[key] else { return }
    counts[key] = count > 1 ? count - 1 : nil
  }

  /// The child of that id, if it is the one that an event is about.
  func child(of event: ChildEvent) -> Child? {
    guard let child = children[event.child], child.begin == event.begin,
      child.parent.tgid == event.tgid
    else { return nil }
    return child
  }

  mutating func setExeced(id: UInt32) { children[id]?.hasExeced = true }

  mutating func keepEarly(_ event: ChildEvent) {
    changeEarly(event.child, begin: event.begin) { one in
      switch event.kind {
      case .exec: one.exec = one.exec ?? event
      case .exit: one.exit = event
      }
    }
  }

  mutating func keepEarly(_ sample: AfterForkSample) {
    changeEarly(sample.process, begin: sample.begin) { $0.samples[sample.place] += 1 }
  }

  mutating func keepEarly(_ record: WriteFaultsRecord) {
    changeEarly(record.process, begin: record.begin) { $0.faults = record }
  }

  mutating func keepEarly(_ copy: PageCopyRecord, _ stack: UserStack?) {
    guard earlyCopies < Self.mostEarlyCopies else { return }
    changeEarly(copy.process, begin: copy.begin) { $0.copies.append((copy, stack)) }
  }

  private mutating func changeEarly(
    _ id: UInt32, begin: UInt64, _ body: (inout Early) -> Void
  ) {
    // Taken out, for its arrays not to be copied.
    var one = removeEarly(id) ?? Early(begin: begin)
    if one.begin != begin { one = Early(begin: begin) }
    body(&one)
    earlyCopies += one.copies.count
    early[id] = one
    guard early.count > Self.mostEarly else { return }
    for (id, _) in early.sorted(by: { ($0.value.begin, $0.key) < ($1.value.begin, $1.key) })
      .prefix(Self.mostEarly / 2)
    {
      _ = removeEarly(id)
    }
  }

  private mutating func removeEarly(_ id: UInt32) -> Early? {
    guard let one = early.removeValue(forKey: id) else { return nil }
    earlyCopies -= one.copies.count
    return one
  }

  /// What came of a child before its clone's record, which has now come.
  mutating func takeEarly(
    id: UInt32, begin: UInt64, tgid: UInt32
  ) -> (
    events: [ChildEvent], samples: AfterFork.Samples, faults: WriteFaultsRecord?,
    copies: [(record: PageCopyRecord, stack: UserStack?)]
  ) {
    guard !early.isEmpty, let one = removeEarly(id), one.begin == begin else {
      return ([], .init(), nil, [])
    }
    let events = [one.exec, one.exit].compactMap { $0 }.filter { $0.tgid == tgid }
    return (events, one.samples, one.faults, one.copies)
  }

  /// Where the record of a clone was lost what came of its child would be held for ever.
  mutating func forget(begunBefore time: UInt64) {
    guard early.values.contains(where: { $0.begin < time }) else { return }
    early = early.filter { $0.value.begin >= time }
    earlyCopies = early.values.reduce(0) { $0 + $1.copies.count }
  }
}

extension AfterForkSample {
  fileprivate func isOf(_ child: LivingChildren.Child) -> Bool {
    child.begin == begin && child.parent.tgid == tgid
  }
}
