import Foundation
import Proc
import Reports
import Support
import Testing

/// Because of whom tasks are in D: the holders that the loads themselves know of.
@Suite(.serialized)
struct HolderTests {
  private func watched(_ options: String...) throws -> LoadSnapshot {
    let ended = try Command(
      Binaries.url("loadwatch").path,
      ["--format", "json"] + (options.isEmpty ? ["--duration", "11s"] : options)
    ).wait(seconds: 120)
    #expect(ended.status == 0, "\(ended.errors)")
    return try #require(try ended.snapshots().last)
  }

  private func rows(_ snapshot: LoadSnapshot, of tids: [Int32]) -> [BlockedPart] {
    (snapshot.blocked ?? []).filter { row in
      row.process == "testload" && (row.pid.map { tids.contains(Int32($0)) } ?? true)
    }
  }

  /// A folder's rwsem, held by who waits for a FUSE server: each of fifty knows because of whom.
  @Test(.needs(.fuse), .needs(.lockHolders)) func anInodesLock() throws {
    let load = try Load("holders", "50", printsIDs: true)
    let root = load.tids[0]
    let daemon = try daemon(of: load)
    let snapshot = try watched()
    let rows = rows(snapshot, of: load.tids)
    #expect(rows.reduce(0) { $0 + $1.active } == 50)
    for row in rows {
      #expect(row.chain.map(\.tid) == [UInt32(root), daemon] && row.wait == .lock, "\(row)")
      #expect(row.chain.first?.lock == .rwsemWrite && row.chain.first?.state == .interruptible)
      #expect(row.chain.first?.wait == .networkFileSystem && row.chain.first?.uncertain == nil)
    }
    // As the attribution has them.
    let whole = try #require(snapshot.attribution).rows.filter { $0.wait == .lock }
    #expect(abs(whole.reduce(0) { $0 + $1.load1 } - rows.reduce(0) { $0 + $1.load1 }) < 0.01)
    let verdict = try #require(snapshot.verdict?.first { $0.cause == .kernelLock })
    #expect(verdict.text.hasPrefix("testload (\(daemon)), the FUSE daemon of /tmp/testload-"))
    #expect(verdict.evidence.contains { $0.contains("behind testload (\(root))") })
    _ = load.stop()
  }

  /// The mutex of a file system, held by who waits for the folder's lock, whose holder is the root.
  @Test(.needs(.fuse), .needs(.lockHolders)) func aChain() throws {
    let load = try Load("holders", "20", "1", printsIDs: true)
    let snapshot = try watched()
    let (root, second) = (UInt32(load.tids[0]), UInt32(load.tids[1]))
    let rows = rows(snapshot, of: load.tids)
    let daemon = try daemon(of: load)
    #expect(rows.reduce(0) { $0 + $1.active } == 20)
    for row in rows {
      let ids = row.pid == second ? [root, daemon] : [second, root, daemon]
      #expect(row.chain.map(\.tid) == ids, "\(row)")
      #expect(row.chain.first?.lock == (row.pid == second ? .rwsemWrite : .mutex))
    }
    #expect(snapshot.verdict?.contains { $0.text.hasPrefix("testload (\(daemon)), the") } == true)
    _ = load.stop()
  }

  /// A mount whose daemon has gone is none that anybody waits for: making a folder names no open file to go by.
  @Test(.needs(.fuse), .needs(.lockHolders)) func besideAnAbandonedMount() throws {
    func mounts() throws -> Set<Substring> {
      Set(
        try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n")
          .compactMap { line in
            line.split(separator: " ").first { $0.hasPrefix("/tmp/testload-") }
          })
    }
    let before = try mounts()
    let gone = try Load("fuse", "1")
    let left = try mounts().subtracting(before)
    kill(gone.pid, SIGKILL)
    defer { for place in left { umount2(String(place), Int32(MNT_DETACH)) } }
    #expect(left.count == 1)
    let load = try Load("holders", "5", printsIDs: true)
    let (root, daemon) = (UInt32(load.tids[0]), try daemon(of: load))
    let rows = rows(try watched(), of: load.tids)
    #expect(rows.reduce(0) { $0 + $1.active } == 5)
    #expect(rows.allSatisfy { $0.chain.map(\.tid) == [root, daemon] }, "\(rows)")
    _ = load.stop()
  }

  /// The load's child that serves its file system.
  private func daemon(of load: Load) throws -> UInt32 {
    let children = ProcessTree.descendants(of: load.pid)
    let others = children.filter { !load.tids.contains($0) }
    return UInt32(try #require(others.count == 1 ? others[0] : nil, "\(children)"))
  }

  /// A daemon that doesn't answer, and one that is stopped.
  @Test(.needs(.fuse), arguments: [false, true]) func aSilentDaemon(isStopped: Bool) throws {
    let load = try Load("fuse", "8", printsIDs: true)
    let daemon = try daemon(of: load)
    if isStopped { kill(Int32(daemon), SIGSTOP) }
    let snapshot = try watched()
    let rows = rows(snapshot, of: load.tids)
    #expect(rows.reduce(0) { $0 + $1.active } == 8)
    for row in rows {
      let server = try #require(row.chain.first)
      #expect(row.chain.count == 1 && server.tid == daemon && server.lock == .fuse, "\(row)")
      #expect(server.state == (isStopped ? .stopped : .interruptible), "\(row)")
      #expect(server.mount?.hasPrefix("/tmp/testload-") == true && server.source == "silent")
    }
    let verdict = try #require(snapshot.verdict?.first { $0.cause == .networkFileSystem })
    #expect(verdict.text.hasPrefix("testload (\(daemon)), the FUSE daemon of /tmp/testload-"))
    #expect(
      verdict.text.contains(isStopped ? "is stopped or frozen" : "is waiting for new requests"))
    #expect(verdict.text.hasSuffix(" wait for its answer."), "\(verdict.text)")
    if isStopped { kill(Int32(daemon), SIGCONT) }
    _ = load.stop()
  }

  /// Each parent in vfork, and its own child: by /proc.
  @Test func vforkParents() throws {
    let load = try Load("vfork", "50")
    let snapshot = try watched()
    let rows = (snapshot.blocked ?? []).filter { $0.process == "testload" }
    #expect(rows.count == 50 && rows.allSatisfy { $0.active == 1 && $0.wait == .vfork })
    for row in rows {
      let child = try #require(row.chain.first?.tid)
      let stat = try String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)
      let fields = stat[stat.lastIndex(of: ")")!...].split(separator: " ")
      #expect(UInt32(fields[2]) == row.pid && row.chain.count == 1, "\(row) \(stat)")
    }
    _ = load.stop()
  }

  /// A process that holds its mmap_lock nearly all the time, and those that want to read its command line,
  /// as ps does: they wait killably.
  @Test func anMmapLock() throws {
    // At a sample nobody may wait.
    for attempt in 1...5 {
      let load = try Load("mover", "8", printsIDs: true)
      let mover = UInt32(load.tids[0])
      let snapshot = try watched("--duration", Need.inLab ? "21s" : "16s")
      _ = load.stop()
      let rows = rows(snapshot, of: load.tids)
      // Whoever is named without a doubt is the one that moves.
      let certain = rows.compactMap(\.chain.last).filter { $0.tid != nil && $0.uncertain == nil }
      #expect(certain.allSatisfy { $0.tid == mover }, "\(rows)")
      if certain.contains(where: { $0.mmapLockOf == "testload (\(mover))" }) { return }
      #expect(attempt < 5, "\(rows)")
    }
  }

  /// An mmap_lock that others have waited for, killably, since before the run: who holds it is told all the same.
  @Test(.needs(.fuse)) func anMmapLockFromBefore() throws {
    let load = try Load("debugger", "6", printsIDs: true)
    let snapshot = try watched()
    let (reader, mapper) = (UInt32(load.tids[0]), UInt32(load.tids[1]))
    let rows = rows(snapshot, of: Array(load.tids.dropFirst()))
      .filter { $0.chain.first?.tid == reader }
    #expect(rows.reduce(0) { $0 + $1.active } == 7, "\(snapshot.blocked ?? [])")
    for row in rows {
      #expect(row.wait == .lock && row.chain[0].mmapLockOf == "testload (\(mapper))", "\(row)")
      #expect(row.chain[0].lock == (row.pid == mapper ? .rwsemWrite : .rwsemRead), "\(row)")
    }
    let verdict = try #require(snapshot.verdict?.first { $0.cause == .kernelLock })
    #expect(verdict.text.contains("the mmap_lock of testload (\(mapper))"), "\(verdict.text)")
    _ = load.stop()
  }

  /// Who holds an mmap_lock nearly all the time, and may use a twentieth of a CPU: the others wait for its quota
  /// (throttle_cfs_rq() in kernel/sched/fair.c; since Linux 6.18 only on the way to user space).
  @Test(.needs(.throttledHolders)) func aThrottledHolder() throws {
    let cgroup = try TestCgroup("cpu")
    try cgroup.set("cpu.max", v1: "cpu.cfs_quota_us", to: cgroup.isUnified ? "5000 100000" : "5000")
    // At a sample nobody may wait.
    for attempt in 1...5 {
      let load = try Load("mover", "8", printsIDs: true)
      try cgroup.take(load.tids[0])
      let snapshot = try watched("--duration", "21s")
      let rows = rows(snapshot, of: load.tids)
      _ = load.stop()
      let roots = rows.compactMap(\.chain.last).filter { $0.tid == UInt32(load.tids[0]) }
      if let root = roots.first(where: { $0.state == .throttled }) {
        #expect(root.cgroup == "/\(cgroup.name)" && root.uncertain == nil, "\(root)")
        if let verdict = snapshot.verdict?.first(where: { $0.cause == .kernelLock }),
          verdict.text.contains("throttled")
        {
          #expect(
            verdict.text.contains("its cgroup /\(cgroup.name) has used up its CPU quota"),
            "\(verdict)")
          #expect(verdict.advice?.hasPrefix("Raise the quota") == true)
          return
        }
      }
      #expect(attempt < 5, "\(rows) \(snapshot.verdict ?? [])")
    }
  }

  /// Locks that change hands all the time: whoever is named is one of those who fight.
  @Test(.needs(.lockHolders)) func neverAWrongName() throws {
    let load = try Load("lockfight", "12", printsIDs: true)
    let snapshot = try watched()
    let rows = rows(snapshot, of: load.tids)
    #expect(!rows.isEmpty)
    for row in rows {
      for holder in row.chain {
        #expect(holder.tid.map { load.tids.contains(Int32($0)) } ?? true, "\(row)")
      }
    }
    _ = load.stop()
  }
}
