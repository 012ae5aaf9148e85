/// What a task in uninterruptible sleep waits for that another one holds.
public enum LockKind: String, Codable, Sendable, CaseIterable {
  case mutex, semaphore
  /// A read-write semaphore: wanted as a reader, as a writer.
  case rwsemRead = "rwsem_read"
  case rwsemWrite = "rwsem_write"
  /// No lock: a parent waits for its child to exec or exit.
  case vfork
  /// No locks either: a FUSE daemon or a server of a network file system that is to answer, and a file system's
  /// journal that is to be committed.
  case fuse, remote, journal

  /// Who is to do something, instead of holding something.
  public var isOwed: Bool { [.vfork, .fuse, .remote, .journal].contains(self) }
}

/// What a task that blocks others is doing itself.
public enum BlockerState: String, Codable, Sendable, CaseIterable {
  /// It is on a CPU.
  case running
  /// It waits for a CPU.
  case runnable
  /// It could run, but its cgroup's CPU quota is used up.
  case throttled
  /// It waits in D itself.
  case uninterruptible
  /// It waits for an event, in S.
  case interruptible
  /// It is stopped, traced, frozen or idle.
  case stopped
  /// It waits for one that waits for it.
  case deadlocked
  case unknown
}

/// A task that holds what others wait for.
public struct BlockerPart: Codable, Sendable, Hashable {
  /// What it holds.
  public var lock: LockKind
  /// If the lock is an mmap_lock, the process it belongs to: its name and id.
  public var mmapLockOf: String?
  /// True for the last reader to acquire an rwsem, and the last holder of a semaphore: it may have released
  /// it since.
  public var uncertain: Bool?
  /// The process: its leader's name, and its id; nil where the holder isn't known.
  public var process: String?
  public var pid: UInt32?
  /// The task: its own name, and its id.
  public var comm: String?
  public var tid: UInt32?
  public var kernelThread: Bool
  public var state: BlockerState
  /// Where it waits: the kernel function that shows what for, as in `attribution.rows`.
  public var site: String?
  public var wait: WaitKind?
  /// Throttled: the cgroup whose quota is used up.
  public var cgroup: String?
  /// Of a file system: what it calls its device or server, and where it is mounted.
  public var source: String?
  public var mount: String?

  public init(
    lock: LockKind, mmapLockOf: String? = nil, uncertain: Bool? = nil, process: String? = nil,
    pid: UInt32? = nil, comm: String? = nil, tid: UInt32? = nil, kernelThread: Bool = false,
    state: BlockerState = .unknown, site: String? = nil, wait: WaitKind? = nil,
    cgroup: String? = nil, source: String? = nil, mount: String? = nil
  ) {
    (self.source, self.mount) = (source, mount)
    (self.lock, self.mmapLockOf, self.uncertain) = (lock, mmapLockOf, uncertain)
    (self.process, self.pid, self.comm, self.tid) = (process, pid, comm, tid)
    (self.kernelThread, self.state, self.site) = (kernelThread, state, site)
    (self.wait, self.cgroup) = (wait, cgroup)
  }

  enum CodingKeys: String, CodingKey {
    case lock, uncertain, process, pid, comm, tid, state, site, wait, cgroup, source, mount
    case mmapLockOf = "mmap_lock_of"
    case kernelThread = "kernel_thread"
  }

  /// Whether it is known who it is: a task, or a server elsewhere.
  public var isNamed: Bool { tid != nil || source != nil }

  /// "java (812)", or "GC (830) of java (812)". Not escaped.
  public var label: String? {
    guard let tid, let comm else { return nil }
    func named(_ name: String, _ id: UInt32) -> String {
      "\(name.isEmpty ? "\"\"" : name) (\(id))"
    }
    guard let pid, pid != tid, let process else { return named(comm, tid) }
    return "\(named(comm, tid)) of \(named(process, pid))"
  }
}

/// Tasks in uninterruptible sleep that wait for one holder, and its chain to the root: by load sample, with
/// the weights of the load averages.
public struct BlockedPart: Codable, Sendable, Hashable {
  /// The process that waits, and where in the kernel; no id where the row holds several of one name.
  public var process: String?
  public var pid: UInt32?
  /// How many processes are in the row.
  public var count: Int
  public var site: String?
  public var wait: WaitKind?
  /// Its tasks that waited so at the last load sample.
  public var active: UInt64
  /// What they add to the load averages.
  public var load1: Double
  public var load5: Double
  public var load15: Double
  /// Who holds what they wait for; then who holds what that one waits for; and so on, to the root.
  public var chain: [BlockerPart]

  public init(
    process: String?, pid: UInt32?, site: String?, wait: WaitKind?, count: Int = 1,
    active: UInt64 = 0,
    load1: Double = 0, load5: Double = 0, load15: Double = 0, chain: [BlockerPart]
  ) {
    (self.process, self.pid, self.site, self.wait) = (process, pid, site, wait)
    (self.active, self.load1, self.load5, self.load15) = (active, load1, load5, load15)
    (self.count, self.chain) = (count, chain)
  }

  /// "java (812)", "java (8 processes)". Not escaped.
  public var label: String {
    AttributionRow(state: .uninterruptible, process: process, pid: pid, count: count)
      .label(by: [.process])
  }

  /// Who waits and for whom, without figures.
  private var family: BlockedPart {
    BlockedPart(process: process, pid: nil, site: site, wait: wait, chain: chain)
  }

  /// Nobody needs to tell apart processes of one name that wait in the same place for the same holder.
  package static func foldedByName(_ rows: [BlockedPart]) -> [BlockedPart] {
    Dictionary(grouping: rows, by: \.family).values.flatMap { rows -> [BlockedPart] in
      guard rows.count > 2, var sum = rows.first, sum.process != nil else { return rows }
      for row in rows.dropFirst() {
        sum.active += row.active
        sum.load1 += row.load1
        sum.load5 += row.load5
        sum.load15 += row.load15
      }
      (sum.pid, sum.count) = (nil, rows.count)
      return [sum]
    }
  }
}
