import Histograms

/// What becomes of the children.
extension CloneTracker {
  /// A clone that counts has made a process.
  mutating func bear(_ clone: Clone, _ stack: UserStack?) {
    let parent = CloneInterval.ParentKey(tgid: clone.tgid, comm: clone.comm)
    let key = stack.map { CloneInterval.StackKey(tgid: clone.tgid, stack: $0) }
    change(parent, key) { sum in
      sum.born += 1
      sum.cloneNs &+= clone.ownNs
      sum.onCPUNs &+= clone.ownNs - min(clone.ownNs, clone.offCPUNs)
      if clone.copiesAddressSpace { sum.copied += 1 }
      if clone.isUnfollowed { sum.unfollowed += 1 }
    }
    let early = children.takeEarly(id: clone.child, begin: clone.begin, tgid: clone.tgid)
    if clone.copiesAddressSpace { note(parent: parent) }
    guard !clone.isUnfollowed else { return }
    hold(
      .init(
        begin: clone.begin, parent: parent, stack: key,
        memory: (clone.entries &+ clone.hugetlbPages) &* pageSize, cloneNs: clone.ownNs,
        copyNs: clone.addressSpaceNs, isCopy: clone.copiesAddressSpace, counts: true),
      id: clone.child)
    noteMost(parent, key)
    change(parent, key) { $0.samples.add(early.samples) }
    if let faults = early.faults { add(faults) }
    for copy in early.copies { add(copy.record, copy.stack) }
    for event in early.events { become(event) }
  }

  /// One that doesn't count has: of its child the same records come.
  mutating func bearUncounted(_ clone: Clone) {
    let early = children.takeEarly(id: clone.child, begin: clone.begin, tgid: clone.tgid)
    guard clone.error == 0 else { return }
    // Its id may have been that of one whose clones count.
    parentsByProcess[clone.tgid] = nil
    guard !clone.isUnfollowed else { return }
    hold(
      .init(
        begin: clone.begin, parent: .init(tgid: clone.tgid, comm: clone.comm), stack: nil,
        memory: 0, counts: false), id: clone.child)
    if early.events.contains(where: { if case .exit = $0.kind { true } else { false } }) {
      children.end(id: clone.child)
    }
  }

  private mutating func hold(_ child: LivingChildren.Child, id: UInt32) {
    for gone in children.insert(child, id: id) where gone.counts {
      change(gone.parent, gone.stack) { $0.unfollowed += 1 }
    }
  }

  mutating func become(_ event: ChildEvent) {
    guard let child = children.child(of: event) else { return children.keepEarly(event) }
    switch event.kind {
    case .exec:
      guard !child.hasExeced else { return }
      children.setExeced(id: event.child)
      guard child.counts else { return }
      change(child.parent, child.stack) { sum in
        sum.exec.record(event.ns)
        if child.isCopy, event.ns <= ChildSum.soon {
          sum.discardedCopies.add(cloneNs: child.cloneNs, copyNs: child.copyNs)
        }
      }
    case .exit(let hasExeced, let written):
      if child.counts { noteMost(child.parent, child.stack) }
      children.end(id: event.child)
      guard child.counts, !child.hasExeced else { return }
      change(child.parent, child.stack) { sum in
        // The record of its exec was lost.
        guard !hasExeced else { return sum.unfollowed += 1 }
        sum.life.record(event.ns)
        if let written {
          sum.written &+= written
          sum.counted += 1
          if ChildSum.saves(written: written, memory: child.memory) { sum.saved += 1 }
        }
      }
    }
  }

  mutating func add(_ sample: AfterForkSample) {
    if sample.isOfParent {
      // What else a parent does is its own affair.
      guard sample.place == .copyOnWrite, let parent = parentsByProcess[sample.process] else {
        return
      }
      return change(parent, nil) { $0.samples[.parentCopyOnWrite] += 1 }
    }
    guard let child = children.child(of: sample) else { return children.keepEarly(sample) }
    guard child.counts else { return }
    change(child.parent, child.stack) { $0.samples[sample.place] += 1 }
  }

  mutating func add(_ record: WriteFaultsRecord) {
    if record.isOfParent {
      guard let parent = parentsByProcess[record.process] else {
        // What it had before counting began isn't new later.
        if record.begin < start { _ = newFaults(record) }
        return
      }
      let new = newFaults(record)
      return change(parent, nil) { $0.parentFaults.add(new) }
    }
    guard let child = children.child(of: record) else { return children.keepEarly(record) }
    guard child.counts else { return }
    let new = newFaults(record)
    let most = record.copied &+ record.copiedByParent
    change(child.parent, child.stack) { sum in
      sum.childFaults.add(new)
      sum.mostCopied = max(sum.mostCopied, most)
    }
  }

  mutating func add(_ record: PageCopyRecord) {
    let stack = inProgress.take(tid: record.thread, begin: record.stack)?.stack
    // An empty one is of a process that was gone: others stand for it.
    add(record, stack.flatMap { $0.isEmpty ? nil : $0 })
  }

  private mutating func add(_ record: PageCopyRecord, _ stack: UserStack?) {
    let parent: CloneInterval.ParentKey
    if record.isOfParent {
      guard let known = parentsByProcess[record.process] else { return }
      parent = known
    } else {
      guard let child = children.child(of: record) else {
        return children.keepEarly(record, stack)
      }
      guard child.counts else { return }
      parent = child.parent
    }
    current.pageCopies.add(
      .init(parent, isParent: record.isOfParent), thread: record.thread, address: record.address,
      stack: stack)
    guard new.pages.count < Self.mostNew else { return }
    new.pages.append((parent.tgid, record.address))
    if let stack { new.writers.append(.init(tgid: parent.tgid, stack: stack)) }
  }

  /// Pages that are to be looked up at a time.
  private static let mostNew = 4096

  /// Of figures that grow.
  private mutating func newFaults(_ record: WriteFaultsRecord) -> WriteFaults {
    if writeFaults.count > 2 * LivingChildren.mostChildren {
      writeFaults.keep { children.children[$0] != nil || parentsByProcess[$0] != nil }
    }
    return writeFaults.new(record)
  }

  private mutating func note(parent: CloneInterval.ParentKey) {
    parentsByProcess[parent.tgid] = parent
    guard parentsByProcess.count > mostParents else { return }
    parentsByProcess = parentsByProcess.filter { children.ofParent[$0.value] != nil }
    mostParents = max(Self.leastParents, 2 * parentsByProcess.count)
  }

  /// The sums that a child is in.
  private mutating func change(
    _ parent: CloneInterval.ParentKey, _ stack: CloneInterval.StackKey?,
    _ body: (inout ChildSum) -> Void
  ) {
    body(&current.children)
    body(&current.parents[parent, default: .init()])
    if let stack { body(&current.stacks[stack, default: .init(comm: parent.comm)].children) }
  }

  private mutating func noteMost(
    _ parent: CloneInterval.ParentKey, _ stack: CloneInterval.StackKey?
  ) {
    let count = children.ofParent[parent] ?? 0
    current.parents[parent, default: .init()].raiseMost(to: count)
    if let stack {
      current.stacks[stack, default: .init(comm: parent.comm)].children
        .raiseMost(to: children.ofStack[stack] ?? 0)
    }
  }

  /// Who is there as an interval ends.
  func countLiving(in interval: inout CloneInterval, at end: UInt64) {
    for child in children.children.values where child.counts {
      let lingers = !child.hasExeced && end >= child.begin &+ ChildSum.lingers
      func count(_ sum: inout ChildSum) {
        sum.living += 1
        if lingers { sum.lingering += 1 }
      }
      count(&interval.children)
      count(&interval.parents[child.parent, default: .init()])
      if let stack = child.stack {
        count(&interval.stacks[stack, default: .init(comm: child.parent.comm)].children)
      }
    }
    for (parent, count) in children.ofParent {
      interval.parents[parent, default: .init()].raiseMost(to: count)
    }
    for (stack, count) in children.ofStack { interval.stacks[stack]?.children.raiseMost(to: count) }
  }
}
