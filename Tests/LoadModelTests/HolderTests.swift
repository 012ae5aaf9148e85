import LoadModel
import Reports
import Tasks
import Testing

/// Who waits for whom, and what is said of it.
struct HolderTests {
  private func task(_ tid: UInt32, _ state: ActiveTask.State = .uninterruptible) -> ActiveTask {
    ActiveTask(
      tid: tid, tgid: tid, comm: Comm("t\(tid)"), cgroup: 1, isKernelThread: false, state: state,
      stack: -1)
  }

  /// Each holds one lock.
  private func wait(
    _ tid: UInt32, _ lock: LockKind, _ holder: UInt32?, hasReaders: Bool = false
  ) -> LockWait {
    LockWait(
      tid: tid, lock: lock, address: UInt64(holder ?? 0), holder: holder, hasReaders: hasReaders)
  }

  private func waits(
    _ found: [LockWait], before: [LockWait] = [], _ states: [UInt32: BlockerState],
    throttled: Set<UInt32> = []
  ) -> LockWaits {
    let before = Dictionary(before.map { ($0.tid, $0) }) { first, _ in first }
    return LockWaits(found, before: before, throttled: throttled) { tid in
      states[tid].map { Holder(task: task(tid), state: $0) }
    }
  }

  private func links(_ waits: LockWaits, _ tid: UInt32) -> [UInt32?] {
    waits.chain(of: task(tid)).map { $0.holder?.task.tid }
  }

  @Test func chains() {
    let found = [
      wait(1, .mutex, 2), wait(2, .rwsemWrite, 3),
      wait(4, .semaphore, nil), wait(5, .mutex, 99),
    ]
    let waits = waits(found, [2: .uninterruptible, 3: .interruptible])
    #expect(links(waits, 1) == [2, 3] && links(waits, 2) == [3] && links(waits, 3) == [])
    // The kernel doesn't know it; no task is known by that id.
    #expect(links(waits, 4) == [nil] && links(waits, 5) == [])
  }

  /// One that runs again by the sample has what it waited for a moment later.
  @Test func aHolderThatRunsIsTheRoot() {
    let found = [
      wait(1, .mutex, 2), wait(2, .mutex, 3),
    ]
    for state in BlockerState.allCases where state != .uninterruptible {
      #expect(links(waits(found, [2: state, 3: .running]), 1) == [2])
    }
  }

  @Test func throttledHolders() {
    let found = [
      wait(1, .mutex, 2), wait(3, .mutex, 4),
    ]
    let waits = waits(found, [2: .runnable, 4: .running], throttled: [2, 4])
    #expect(waits.chain(of: task(1))[0].holder?.state == .throttled)
    #expect(waits.chain(of: task(3))[0].holder?.state == .running)
  }

  @Test func cycles() {
    let states: [UInt32: BlockerState] = [
      1: .uninterruptible, 2: .uninterruptible, 3: .uninterruptible,
    ]
    let found = [wait(1, .mutex, 2), wait(2, .mutex, 3), wait(3, .mutex, 1), wait(4, .mutex, 1)]
    let ring = waits(found, before: found, states)
    #expect(links(ring, 1) == [2, 3, 1])
    #expect(ring.chain(of: task(1)).map(\.closesCycle) == [false, false, true])
    // From outside the cycle.
    #expect(links(ring, 4) == [1, 2, 3, 1] && ring.chain(of: task(4)).last?.closesCycle == true)
    // Owners are read one after another: what is seen for the first time may never have been.
    for before in [[], Array(found.dropFirst()), [wait(1, .mutex, 7)] + found.dropFirst()] {
      let first = waits(found, before: before, states)
      #expect(first.chain(of: task(1)).allSatisfy { !$0.closesCycle })
    }
    // Who may have released it: no deadlock.
    for uncertain in [wait(1, .rwsemWrite, 2, hasReaders: true), wait(1, .semaphore, 2)] {
      let found = [uncertain, wait(2, .mutex, 1)]
      let perhaps = waits(found, before: found, states)
      #expect(perhaps.chain(of: task(1)).allSatisfy { !$0.closesCycle })
    }
  }

  /// A mutex that changed hands while the owners were read.
  @Test func oneLockIsNoChain() {
    let found = [
      LockWait(tid: 1, lock: .mutex, address: 9, holder: 2),
      LockWait(tid: 2, lock: .mutex, address: 9, holder: 1),
    ]
    let waits = waits(found, before: found, [1: .uninterruptible, 2: .uninterruptible])
    #expect(links(waits, 1) == [2] && waits.chain(of: task(1))[0].holderWaits)
  }

  /// Those that hold up the most are followed, however many there are.
  @Test func veryManyHolders() {
    var found = (0..<5000).map { wait(10_000 + $0, .vfork, 20_000 + $0) }
    found += (0..<300).map { wait(30_000 + $0, .mutex, 7) }
    let waits = LockWaits(found, throttled: []) { Holder(task: task($0), state: .running) }
    #expect((0..<300).allSatisfy { links(waits, 30_000 + $0) == [7] })
    #expect((0..<5000).filter { !links(waits, 10_000 + $0).isEmpty }.count == 499)
  }

  /// All that wait for one lock, and all that wait for one of as many.
  @Test func aHundredThousandWaiters() {
    let one = (0..<100_000).map { wait(1_000_000 + $0, .rwsemWrite, 7) }
    let waits = LockWaits(one, throttled: []) { Holder(task: task($0), state: .running) }
    #expect(waits.tasks.map(\.tid) == [7])
    #expect((0..<100_000).allSatisfy { links(waits, 1_000_000 + $0) == [7] })
    let ring = (0..<100_000).map { wait(1_000_000 + $0, .mutex, 1_000_000 + ($0 + 1) % 100_000) }
    let chains = LockWaits(ring, throttled: []) {
      Holder(task: task($0), state: .uninterruptible)
    }
    // However long a chain is, eight of its links are followed.
    #expect(chains.tasks.count <= 500 * 8)
    #expect((0..<100_000).allSatisfy { links(chains, 1_000_000 + $0).count <= 8 })
  }

  /// The parent of a vfork that waits for a lock by now waits for that.
  @Test func aLockIsNearerThanAChild() {
    for order in [0, 1] {
      let found = [
        wait(1, .vfork, 2), wait(1, .mutex, 3),
      ]
      let waits = waits(order == 0 ? found : found.reversed(), [2: .running, 3: .running])
      #expect(links(waits, 1) == [3])
    }
  }

  private func server(_ kind: LockKind, _ task: UInt32?, _ device: String = "0:9") -> FileServerName
  {
    FileServerName(kind: kind, source: "s", point: "/mnt", device: device, task: task)
  }

  /// A holder that waits for a FUSE daemon in S, and the daemon for another host.
  @Test func whoAnswers() {
    var waits = waits([wait(1, .mutex, 2)], [2: .interruptible])
    let states: [UInt32: BlockerState] = [2: .interruptible, 3: .interruptible]
    waits.add(
      [(2, server(.fuse, 3)), (3, server(.remote, nil, "0:8")), (5, server(.fuse, 3))],
      throttled: []
    ) { tid in states[tid].map { Holder(task: task(tid), state: $0) } }
    #expect(links(waits, 1) == [2, 3, nil] && links(waits, 5) == [3, nil])
    let chain = waits.chain(of: task(1))
    #expect(chain.map(\.wait.lock) == [.mutex, .fuse, .remote])
    #expect(chain.map { $0.server?.point } == [nil, "/mnt", "/mnt"])
  }

  /// The thread that commits a journal doesn't wait for itself, and asleep it has nothing to commit.
  @Test func whoCommits() {
    for (state, expected) in [
      (BlockerState.uninterruptible, [UInt32?.some(7)]), (.interruptible, []),
    ] {
      var waits = waits([], [:])
      waits.add([(1, server(.journal, 7)), (7, server(.journal, 7))], throttled: []) {
        Holder(task: task($0), state: state)
      }
      #expect(links(waits, 1) == expected && links(waits, 7) == [])
    }
  }

  /// A daemon that waits for its own file system.
  @Test func aDaemonOfItsOwn() {
    let found: [(tid: UInt32, server: FileServerName)] = [
      (1, server(.fuse, 2)), (2, server(.fuse, 1)),
    ]
    let before = found.map { LockWait(tid: $0.tid, for: $0.server) }
    var waits = waits([], before: before, [:])
    waits.add(found, throttled: []) { Holder(task: task($0), state: .uninterruptible) }
    // One file system is one link: two threads of its daemon.
    #expect(links(waits, 1) == [2])
  }

  // MARK: - The verdict

  private func held(
    _ load: Double, _ chain: [BlockerPart], _ wait: WaitKind = .lock, active: UInt64 = 8
  ) -> BlockedPart {
    BlockedPart(
      process: "java", pid: 812, site: "do_mmap (rwsem, write)", wait: wait, active: active,
      load1: load, chain: chain)
  }

  private func holder(
    _ state: BlockerState, lock: LockKind = .rwsemWrite, mmapLockOf: String? = nil,
    uncertain: Bool? = nil, site: String? = nil, wait: WaitKind? = nil, cgroup: String? = nil
  ) -> BlockerPart {
    BlockerPart(
      lock: lock, mmapLockOf: mmapLockOf, uncertain: uncertain, process: "java", pid: 812,
      comm: "GC",
      tid: 830, state: state, site: site, wait: wait, cgroup: cgroup)
  }

  private func verdict(_ rows: [BlockedPart], load: Double = 8, wait: WaitKind = .lock)
    -> VerdictPart?
  {
    var verdict = Verdict()
    verdict.rows = [
      AttributionRow(
        state: .uninterruptible, process: "java", pid: 812, site: "do_mmap (rwsem, write)",
        wait: wait, active: 8, load1: load)
    ]
    verdict.blocked = rows
    (verdict.load1, verdict.timeWeighted, verdict.idle) = (load, load, [1, 1])
    return verdict.parts().first { $0.cause == .kernelLock || $0.cause == .vforkParents }
  }

  @Test func theRootIsTheSubject() throws {
    let disk = holder(
      .uninterruptible, mmapLockOf: "java (812)", site: "submit_bio_wait", wait: .disk)
    #expect(
      verdict([held(8, [disk])])?.text
        == "GC (830) of java (812) holds the mmap_lock of java (812) and is blocked on disk I/O "
        + "(submit_bio_wait); 8 tasks of java (812) wait for the lock.")
    let behind = verdict([held(6, [holder(.uninterruptible), disk]), held(2, [disk], active: 2)])
    #expect(
      behind?.text.hasSuffix("; 10 tasks of java (812) wait for the lock, 8 of them indirectly.")
        == true)
    let throttled = holder(.throttled, cgroup: "/a")
    let part = try #require(verdict([held(8, [throttled])]))
    #expect(part.text.contains("is throttled: its cgroup /a has used up its CPU quota"))
    #expect(part.advice?.contains("cpu.max") == true)
    let readers = try #require(verdict([held(8, [holder(.running, uncertain: true)])]))
    #expect(
      readers.text
        == "GC (830) of java (812), the last to acquire a kernel rwsem, may still hold it and is "
        + "running; 8 tasks of java (812) wait for the lock.")
    let child = try #require(
      verdict([held(8, [holder(.stopped, lock: .vfork)], .vfork)], wait: .vfork))
    #expect(child.text.contains("a vfork() child, is stopped or frozen and has not called exec"))
    #expect(verdict([held(8, [holder(.deadlocked)])])?.text.hasPrefix("Deadlock: ") == true)
  }

  /// Whoever holds up less than half of them isn't named, nor one that isn't known.
  @Test func othersAreNotNamed() {
    let few = verdict([held(3, [holder(.running)])])
    #expect(
      few?.text.contains("GC") == false && few?.text.contains("blocked on a kernel lock") == true)
    let unknown = verdict([held(8, [BlockerPart(lock: .mutex)])])
    #expect(unknown?.text.contains("blocked on a kernel lock") == true)
    // What holds up others, who wait for something else.
    #expect(
      verdict([held(8, [holder(.running)], .vfork)])?.text.contains("blocked on a kernel lock")
        == true)
  }
}
