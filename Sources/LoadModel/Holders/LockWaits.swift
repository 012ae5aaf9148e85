import Reports

/// Who waits for whom at one load sample.
package struct LockWaits {
  package private(set) var waits: [UInt32: LockWait]
  /// Who answers for file systems, by the addresses that stand for them.
  private var servers: [UInt64: FileServerName] = [:]
  /// Those of the sample before.
  private let before: [UInt32: LockWait]
  private var holders: [UInt32: Holder] = [:]
  /// Where there are more, they hold up one or two each, and nobody reads all of them: memory and time stay
  /// bounded.
  private static let mostHolders = 500
  /// Nobody reads more links than that.
  private static let mostLinks = 8

  init() { (waits, before) = ([:], [:]) }

  /// - Parameters:
  ///   - found: by the kernel side.
  ///   - before: ``waits`` of the sample before.
  ///   - throttled: tasks that wait for their cgroup's CPU quota.
  ///   - holder: what a task did at the sample; nil where there is none.
  package init(
    _ found: [LockWait], before: [UInt32: LockWait] = [:], throttled: Set<UInt32>,
    holder: (UInt32) -> Holder?
  ) {
    self.before = before
    // Of a task that has vforked and waits for a lock as well, the lock is what it waits for now.
    waits = Dictionary(found.map { ($0.tid, $0) }) {
      $0.lock == .vfork || $1.mmapOf != nil && $0.address == $1.address ? $1 : $0
    }
    var counts: [UInt32: Int] = [:]
    for wait in waits.values { if let tid = wait.holder { counts[tid, default: 0] += 1 } }
    let most =
      counts.count <= Self.mostHolders
      ? Array(counts.keys)
      : counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.mostHolders).map(
        \.key)
    for tid in most { follow(tid, throttled, holder) }
  }

  /// Looks at a holder, and at those that it waits for itself.
  private mutating func follow(
    _ tid: UInt32, _ throttled: Set<UInt32>, _ holder: (UInt32) -> Holder?
  ) {
    var next: UInt32? = tid
    for _ in 0..<Self.mostLinks {
      guard let tid = next, holders[tid] == nil, var holder = holder(tid) else { return }
      if holder.state == .runnable, throttled.contains(tid) { holder.state = .throttled }
      holders[tid] = holder
      next = waits(holder) ? waits[tid]?.holder : nil
    }
  }

  /// Of a lock a task waits in D; for an answer, in S too.
  private func waits(_ holder: Holder) -> Bool {
    switch holder.state {
    case .uninterruptible: true
    case .interruptible: waits[holder.task.tid]?.lock.isOwed ?? false
    default: false
    }
  }

  /// Adds whom tasks wait for that wait for no lock; as for ``init(_:before:throttled:holder:)``.
  package mutating func add(
    _ found: [(tid: UInt32, server: FileServerName)], throttled: Set<UInt32>,
    holder: (UInt32) -> Holder?
  ) {
    // Nobody waits for himself: the thread of a journal commits it.
    for (tid, server) in found where waits[tid] == nil && server.task != tid {
      let wait = LockWait(tid: tid, for: server)
      waits[tid] = wait
      servers[wait.address] = server
    }
    for (_, server) in found {
      if let tid = server.task, holders.count < Self.mostHolders { follow(tid, throttled, holder) }
    }
  }

  /// One that waits, and one that has what it waits for.
  package struct Link {
    package let waiting: ActiveTask
    package let wait: LockWait
    /// Nil where it isn't known.
    package let holder: Holder?
    /// Of a file system: who answers for it.
    package let server: FileServerName?
    /// Whether the holder waits for one of those before it in the chain, and did so at the sample before.
    package let closesCycle: Bool
    /// Whether it is known what the holder waits for.
    package let holderWaits: Bool
  }

  /// Who holds what a task waits for, and so on to the root.
  package func chain(of task: ActiveTask) -> [Link] {
    var chain: [Link] = []
    var seen: Set<UInt32> = [task.tid]
    var waiting = task
    if let wait = waits[task.tid], servers[wait.address] == nil, let tid = wait.holder,
      holders[tid] == nil
    {
      return []
    }
    while chain.count < Self.mostLinks, let wait = waits[waiting.tid] {
      let holder = wait.holder.flatMap { holders[$0] }
      let isNew = holder.map { seen.insert($0.task.tid).inserted } ?? true
      // Owners are read one after another, and a lock may change hands meanwhile: a link to the same lock is
      // none, and who has released it long ago proves nothing.
      if chain.last?.wait.address == wait.address { break }
      let links = chain.map(\.wait) + [wait]
      let closesCycle = !isNew && links.allSatisfy { !$0.isUncertain && before[$0.tid] == $0 }
      chain.append(
        Link(
          waiting: waiting, wait: wait, holder: holder, server: servers[wait.address],
          closesCycle: closesCycle,
          holderWaits: wait.holder.map { waits[$0] != nil } ?? false))
      // A task that no longer sleeps has got what it waited for.
      guard let holder, isNew, waits(holder) else { break }
      waiting = holder.task
    }
    // The thread of a journal that sleeps has nothing to commit: they wait for something else.
    if let last = chain.last, last.wait.lock == .journal, last.holder?.state == .interruptible {
      chain.removeLast()
    }
    return chain
  }

  // MARK: - Names that are wanted

  /// What a task waits for; nil where it isn't known.
  func lock(of tid: UInt32) -> LockKind? { waits[tid]?.lock }

  /// The processes that an mmap_lock is known to belong to.
  var mmapOwners: Set<UInt32> { Set(waits.values.lazy.compactMap(\.mmapOf)) }

  func isWaiting(_ tid: UInt32) -> Bool { waits[tid] != nil }

  package var tasks: [ActiveTask] { holders.values.map(\.task) }
  var throttled: [ActiveTask] { holders.values.filter { $0.state == .throttled }.map(\.task) }
  var asleep: [ActiveTask] {
    holders.values.filter { [.interruptible, .stopped].contains($0.state) }.map(\.task)
  }
}
