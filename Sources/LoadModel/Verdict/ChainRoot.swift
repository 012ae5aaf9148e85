import Reports

/// Who stands at the root of what tasks in D wait for: the subject of a sentence, instead of those who
/// wait.
struct ChainRoot {
  private let root: BlockerPart
  private let rows: [BlockedPart]
  /// How many tasks of one name have held that lock, where no one of them did so for long.
  private let holders: Int

  /// - Parameters:
  ///   - held: by whom those are held up that the sentence is about.
  ///   - load: what of load1 the sentence is about. Whoever is the root of less than half of it isn't
  ///     named: the sentence is about others too.
  init?(_ held: [BlockedPart], of load: Double) {
    func load1(_ rows: [BlockedPart]) -> Double { rows.reduce(0) { $0 + $1.load1 } }
    let named = held.filter { $0.chain.last?.isNamed ?? false }
    let byRoot = Dictionary(grouping: named) { row in
      row.chain.last.map { root in
        // The same server, wherever it is mounted.
        let place = root.lock == .remote ? "" : root.mount ?? ""
        return root.tid.map(String.init) ?? "\(root.lock) \(root.source ?? "") \(place)"
      }!
    }
    // One mmap_lock is one lock, whoever holds it.
    let byName = Dictionary(grouping: named.filter { $0.chain.last?.mmapLockOf != nil }) { row in
      row.chain.last.map { "\($0.process ?? $0.comm ?? "") \($0.mmapLockOf ?? "")" }!
    }
    func largest(_ groups: [String: [BlockedPart]]) -> [BlockedPart]? {
      groups.max { (load1($0.value), $1.key) < (load1($1.value), $0.key) }.flatMap {
        load1($0.value) >= 0.5 * load && !$0.value.isEmpty ? $0.value : nil
      }
    }
    guard let most = largest(byRoot) ?? largest(byName) else { return nil }
    rows = most.sorted { $0.load1 > $1.load1 }
    holders = Set(rows.compactMap { $0.chain.last?.tid }).count
    // As most of those who wait found it.
    root = rows[0].chain.last!
  }

  private var label: String { root.label ?? "(unknown)" }

  /// Tasks that waited at the last sample.
  private var count: UInt64 { rows.reduce(0) { $0 &+ $1.active } }

  /// "58 tasks of java (812) wait", "java (812) waits", "8 nginx tasks wait".
  private var victimsWait: String {
    let names = Set(rows.map(\.label))
    guard names.count == 1, let row = rows.first else {
      switch count {
      case 0: return "others have been waiting"
      case 1: return "another task waits"
      default: return "\(count) tasks in D wait"
      }
    }
    // Of several processes of one name the label says how many: that isn't how many wait.
    let name = row.pid == nil ? row.process : nil
    switch (count, name) {
    case (0, _): return "others have been waiting"
    case (1, let name?): return "a \(name) task waits"
    case (1, nil): return "\(row.label) waits"
    case (let count, let name?): return "\(count) \(name) tasks wait"
    case (let count, nil): return "\(count) tasks of \(row.label) wait"
    }
  }

  /// Who waits for another one, that waits itself: ", 19 of them indirectly".
  private var behind: String {
    let behind = rows.filter { $0.chain.count > 1 }.reduce(0) { $0 &+ $1.active }
    if behind == 0 || count < 2 { return "" }
    return behind == count ? ", all of them indirectly" : ", \(behind) of them indirectly"
  }

  private var victimsWaitFirst: String {
    switch victimsWait {
    case "others have been waiting": "Tasks have been waiting"
    case "another task waits": "A task waits"
    case let text where text.hasPrefix("a "): "A" + text.dropFirst()
    default: victimsWait
    }
  }

  private var mount: String { root.mount ?? "(unknown)" }

  private var lock: String {
    if let whose = root.mmapLockOf { return "the mmap_lock of \(whose)" }
    switch root.lock {
    case .mutex: return "a kernel mutex"
    case .semaphore: return "a kernel semaphore"
    case .rwsemRead, .rwsemWrite: return "a kernel rwsem"
    case .vfork: return "its parent's address space"
    case .fuse, .remote: return "the file system on \(mount)"
    case .journal: return "the journal of \(root.source ?? "(unknown)")"
    }
  }

  /// What it does itself: "is blocked on disk I/O (submit_bio_wait)".
  private var does: String {
    let site = root.site.map { " (\($0))" } ?? ""
    switch root.state {
    case .running: return "is running"
    case .runnable: return "is waiting for a CPU"
    case .throttled:
      return
        "is throttled: its cgroup\(root.cgroup.map { " \($0)" } ?? "") has used up its CPU quota"
    case .interruptible where root.wait == .networkFileSystem:
      return "waits for a network or FUSE file system\(site)"
    case .interruptible where root.lock == .fuse && root.site == "fuse_dev_do_read":
      return "is waiting for new requests\(site)"
    case .interruptible: return "is asleep\(site)"
    case .stopped: return "is stopped or frozen"
    case .deadlocked: return "waits for one of its own waiters"
    case .unknown: return "is in an unknown state"
    case .uninterruptible:
      switch root.wait {
      case .disk: return "is blocked on disk I/O\(site)"
      case .journal where root.lock == .journal: return "is writing it\(site)"
      case .journal: return "is blocked on a file-system journal\(site)"
      case .networkFileSystem: return "is blocked on a network or FUSE file system\(site)"
      case .memory: return "is blocked on memory reclaim or swap\(site)"
      case .lock: return "is blocked on another kernel lock\(site)"
      case .vfork: return "is blocked in vfork()"
      case .other, .unknown, nil: return "is in uninterruptible sleep\(site)"
      }
    }
  }

  var text: String {
    if root.state == .deadlocked {
      let has =
        switch root.lock {
        case .fuse: "is the FUSE daemon of \(mount)"
        case .journal: "commits \(lock)"
        default: "holds \(lock)"
        }
      return "Deadlock: \(label) \(has), and \(does); \(victimsWait) for it."
    }
    if root.lock == .vfork {
      return
        "\(label), a vfork() child, \(does) and has not called exec or exited yet; \(victimsWait) for it."
    }
    if holders > 1 {
      return
        "\(holders) \(root.process ?? root.comm ?? "(unknown)") tasks have held \(lock), one after "
        + "another; \(victimsWait) for it\(behind)."
    }
    switch root.lock {
    case .fuse where root.tid == nil:
      return "\(victimsWaitFirst) for the FUSE daemon of \(mount)\(behind)."
    case .fuse:
      return
        "\(label), the FUSE daemon of \(mount), \(does); \(victimsWait) for its answer\(behind)."
    case .remote:
      return
        "\(victimsWaitFirst) for an answer from \(root.source ?? "(unknown)"), mounted on "
        + "\(mount)\(behind)."
    case .journal:
      return "\(label), which commits \(lock), \(does); \(victimsWait) for it\(behind)."
    default: break
    }
    if root.uncertain == true {
      return
        "\(label), the last to acquire \(lock), may still hold it and \(does); \(victimsWait) for the lock."
    }
    return "\(label) holds \(lock) and \(does); \(victimsWait) for the lock\(behind)."
  }

  /// How the others are held up by it, the most first.
  var evidence: [Evidence] {
    let turns = Evidence(
      "\(holders) tasks were seen holding it",
      .init("holders", Double(holders), "tasks"))
    return (holders > 1 ? [turns] : []) + waiters
  }

  private var waiters: [Evidence] {
    rows.prefix(3).enumerated().map { index, row in
      let site = row.site.map { " in \($0)" } ?? ""
      let behind = row.chain.dropLast().compactMap(\.label)
      return Evidence(
        "\(row.label)\(site): \(number(row.load1))"
          + (behind.isEmpty ? "" : ", behind \(behind.joined(separator: ", behind "))"),
        .init("load1_of_waiter_\(index + 1)", row.load1, "tasks"))
    }
  }

  var advice: String? {
    let tid = root.tid ?? 0
    if holders > 1, root.mmapLockOf == "\(root.process ?? "") (\(root.pid ?? 0))" {
      return
        "Its own threads take turns: make fewer mmap, munmap and mprotect calls (perf trace -s -p "
        + "\(root.pid ?? 0))."
    }
    if holders > 1 {
      return
        "Find out who starts them and what they do to that process: reading /proc/PID/smaps and the like "
        + "takes its mmap_lock."
    }
    switch root.lock {
    case .remote:
      return
        "Check the server and the network to it: these tasks wait for neither local CPUs nor disks."
    case .fuse where root.tid == nil:
      return "Find the process that serves \(mount) (fuser -v /dev/fuse), and see what it does."
    case .journal where root.state != .throttled:
      return "Call fsync less often, write in larger batches, or put the journal on a faster disk."
    case .fuse where [.interruptible, .running, .unknown].contains(root.state):
      return
        "See what the daemon does (its log, strace -p \(tid)). To abort the waits without the daemon: "
        + "umount -f \(mount)."
    default: break
    }
    switch root.state {
    case .running: return "See what it does there: perf record -g -t \(tid)."
    case .runnable: return "Give it CPU time: raise its priority (renice), or run fewer tasks."
    case .throttled:
      return
        "Raise the quota (cpu.max; in cgroup v1 cpu.cfs_quota_us). Since Linux 6.18 tasks are throttled "
        + "only on return to user space, so never while they hold a kernel lock."
    case .deadlocked where root.lock == .fuse:
      return
        "The daemon waits on its own file system: a bug in the daemon. To break the deadlock: umount -f \(mount), or kill "
        + "the daemon."
    case .deadlocked:
      return
        "None of them can make progress: this is a bug in the kernel or a module. Save /proc/TID/stack of "
        + "each for the bug report, then reboot."
    case .interruptible where root.wait == .networkFileSystem:
      return "Check the file server and the network (or the FUSE daemon)."
    case .stopped: return "Resume it (kill -CONT \(tid), or thaw its cgroup), or kill it."
    case .interruptible, .unknown:
      return
        "See where it sleeps: /proc/\(tid)/stack. Either the event it waits for must happen, or it must "
        + "be killed."
    case .uninterruptible:
      switch root.wait {
      case .disk, .journal:
        return "All of them wait for its I/O: use a faster disk, or do less I/O."
      case .networkFileSystem: return "Check the file server and the network (or the FUSE daemon)."
      case .memory: return Verdict.memoryAdvice
      default: return "See what it waits for: /proc/\(tid)/stack."
      }
    }
  }
}
