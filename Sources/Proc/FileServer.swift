/// Who answers for a file system that a task waits for: a FUSE daemon, another host, or the thread that commits
/// its journal.
public struct FileServer: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case fuse, remote, journal
  }

  public let kind: Kind
  /// What the file system calls its device or server: "nas:/export", "/dev/sda1".
  public let source: String
  /// Where it is mounted.
  public let point: String
  /// The daemon or the kernel thread; nil where there is none, or it wasn't found.
  public let task: Int32?
}

/// Finds them by /proc, without touching the file system itself, which may never answer. A daemon found is kept
/// for a minute: to find it all processes' files are looked at.
public struct FileServers: Sendable {
  private var daemons: [String: (at: UInt64, task: Int32?)] = [:]
  private static let kept: UInt64 = 60_000_000_000

  public init() {}

  /// Who answers for the file system of a server or daemon that a task waits for: the one that its system call
  /// is about, or the only one that it could be.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, ns.
  public mutating func server(ofTask tid: Int32, now: UInt64) -> FileServer? {
    guard let mount = Lookups.shared.value({ Self.mount(ofTask: tid, where: Self.hasServer) })
    else { return nil }
    guard mount.type.isFUSE else {
      return FileServer(kind: .remote, source: mount.source, point: mount.point, task: nil)
    }
    let task = task(of: mount.device, now) { Self.daemon(of: mount.device) }
    return FileServer(kind: .fuse, source: mount.source, point: mount.point, task: task)
  }

  /// Who commits the journal that a task waits for.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, ns.
  public mutating func journal(ofTask tid: Int32, now: UInt64) -> FileServer? {
    guard
      let mount = Lookups.shared.value({
        Self.mount(ofTask: tid) { ["ext3", "ext4", "ocfs2"].contains($0.type) }
      }),
      let name = Self.blockDevice(mount.device),
      let task = task(of: name, now, { Self.journalThread(of: name) })
    else { return nil }
    return FileServer(kind: .journal, source: name, point: mount.point, task: task)
  }

  private mutating func task(
    of key: String, _ now: UInt64, _ find: @escaping @Sendable () -> Int32?
  ) -> Int32? {
    if let known = daemons[key], now &- known.at < Self.kept { return known.task }
    let task = Lookups.shared.value(find)
    daemons[key] = (now, task)
    return task
  }

  // MARK: - Which file system

  /// The one that a task's system call is about; else the only one that it sees of those that it could be.
  private static func mount(ofTask tid: Int32, where isOne: (Mount) -> Bool) -> Mount? {
    guard let mounts = try? Mount.all(of: tid) else { return nil }
    if let mount = SyscallFile.mount(ofTask: tid, among: mounts) {
      return isOne(mount) ? mount : nil
    }
    let possible = mounts.map(\.mount).filter(isOne)
    return Set(possible.map(\.device)).count == 1 ? possible.first : nil
  }

  private static func hasServer(_ mount: Mount) -> Bool {
    mount.type.isFUSE
      || ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs"].contains(mount.type)
  }

  // MARK: - Who

  /// The process that has the connection's /dev/fuse open. The kernel says which connection that is since
  /// 6.18 (fuse_dev_show_fdinfo()); before, it must be the only one there is.
  private static func daemon(of device: String) -> Int32? {
    // s_dev in the kernel's own form: fuse_dev_show_fdinfo() prints fc->dev.
    let numbers = device.split(separator: ":").compactMap { UInt32($0) }
    guard numbers.count == 2 else { return nil }
    let connection = numbers[0] << 20 | numbers[1]
    var candidates: [Int32] = []
    for pid in ProcessTree.all() {
      var isCandidate = false
      for file in names(in: "/proc/\(pid)/fd") where link("/proc/\(pid)/fd/\(file)") == "/dev/fuse"
      {
        let line = (try? contents(of: "/proc/\(pid)/fdinfo/\(file)"))?.lines.first {
          $0.hasPrefix("fuse_connection:")
        }
        guard let line else {
          isCandidate = true
          continue
        }
        if line.words.last.flatMap({ UInt32($0) }) == connection { return telling(threadOf: pid) }
      }
      if isCandidate { candidates.append(pid) }
    }
    return candidates.count == 1 ? telling(threadOf: candidates[0]) : nil
  }

  /// Of a daemon's threads the one that is stuck or at work, if one is.
  private static func telling(threadOf pid: Int32) -> Int32 {
    let states = names(in: "/proc/\(pid)/task").compactMap { Int32($0) }.sorted().map { tid in
      (tid, (try? contents(of: "/proc/\(pid)/task/\(tid)/stat")).flatMap(ProcessTree.state))
    }
    for state in ["D", "T", "t", "R"] {
      if let thread = states.first(where: { $0.1.map(String.init) == state }) { return thread.0 }
    }
    return pid
  }

  /// "sda1" of "8:1".
  private static func blockDevice(_ device: String) -> String? {
    (try? contents(of: "/sys/dev/block/\(device)/uevent"))?.lines.first {
      $0.hasPrefix("DEVNAME=")
    }.map { String($0.dropFirst(8)) }
  }

  /// jbd2_journal_start_thread() names it "jbd2/sda1-8". Before 5.17 names end after 15 bytes.
  private static func journalThread(of device: String) -> Int32? {
    let name = "jbd2/\(device)-"
    let threads = (try? contents(of: "/proc/2/task/2/children"))?.lines.first?.words ?? []
    return threads.compactMap { Int32($0) }.first { tid in
      guard let comm = (try? contents(of: "/proc/\(tid)/comm"))?.lines.first else { return false }
      return comm.hasPrefix(name) || comm.utf8.count == 15 && name.hasPrefix(comm)
    }
  }
}

extension String {
  fileprivate var isFUSE: Bool { self == "fuse" || self == "fuseblk" || hasPrefix("fuse.") }
}
