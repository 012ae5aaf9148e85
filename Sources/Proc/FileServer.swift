import Glibc

/// Who answers for a file system that a task waits for: a FUSE daemon, another host, or the thread that commits
/// its journal.
public struct FileServer: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case fuse, remote, journal
  }

  public let kind: Kind
  /// What the file system calls its server, "nas:/export"; of a journal its block device, "sda1".
  public let source: String
  /// Where it is mounted.
  public let point: String
  /// `st_dev` of its files, "0:52": the same wherever it is mounted.
  public let device: String
  /// The daemon or the kernel thread; nil where there is none, or it wasn't found.
  public let task: Int32?
}

/// A kind of file system that needs somebody to answer, as a task's stack shows it.
public enum ServedFileSystem: String, Sendable, Codable, Hashable, CaseIterable {
  case fuse, nfs, smb, ceph, p9, afs
  /// The stack doesn't show it.
  case unknown

  /// virtiofs is FUSE without a daemon on this host.
  static let virtio = "virtiofs"

  func includes(_ type: String) -> Bool {
    switch self {
    case .fuse:
      type == "fuse" || type == "fuseblk" || type.hasPrefix("fuse.") || type == Self.virtio
    case .nfs: type == "nfs" || type == "nfs4"
    case .smb: type == "cifs" || type == "smb3"
    case .ceph: type == "ceph"
    case .p9: type == "9p"
    case .afs: type == "afs"
    case .unknown: false
    }
  }
}

/// Finds them in /proc, without touching the file system itself, which may never answer.
public struct FileServers: Sendable {
  private var daemons: FuseDaemons?
  private var journals: [String: (at: UInt64, task: Int32?)] = [:]
  private static let kept: UInt64 = 60_000_000_000

  public init() {}

  /// Who answers for the file system of a server or daemon that a task waits for: the one that its system call
  /// is about, or the only one of that kind that it sees.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, ns.
  public mutating func server(
    ofTask tid: Int32, _ kind: ServedFileSystem, now: UInt64
  ) -> FileServer? {
    var mounts =
      Lookups.shared.value {
        Self.mounts(
          ofTask: tid,
          isOne: { type in
            ServedFileSystem.allCases.contains { $0.includes(type) }
          }, mayBe: kind.includes)
      } ?? []
    // Nobody waits for a daemon that has gone: that ends all waits, and leaves the mount.
    if mounts.count > 1 { mounts.removeAll { isAbandoned($0.device, now) } }
    guard mounts.count == 1, let mount = mounts.first else { return nil }
    let isFUSE = ServedFileSystem.fuse.includes(mount.type) && mount.type != ServedFileSystem.virtio
    return FileServer(
      kind: isFUSE ? .fuse : .remote, source: mount.source, point: mount.point,
      device: mount.device, task: isFUSE ? daemon(of: mount.device, now) : nil)
  }

  /// Who commits the journal that a task waits for.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, ns.
  public mutating func journal(ofTask tid: Int32, now: UInt64) -> FileServer? {
    let isOne = { @Sendable (type: String) in ["ext3", "ext4", "ocfs2"].contains(type) }
    guard
      let mounts = Lookups.shared.value({
        Self.mounts(ofTask: tid, isOne: isOne, mayBe: isOne)
      }), mounts.count == 1, let mount = mounts.first,
      let name = link("/sys/dev/block/\(mount.device)")?.split(separator: "/").last
    else { return nil }
    let device = String(name)
    if journals[device].map({ now &- $0.at >= Self.kept }) ?? true {
      journals[device] = (now, Lookups.shared.value { Self.journalThread(of: device) })
    }
    guard let task = journals[device]?.task else { return nil }
    return FileServer(
      kind: .journal, source: device, point: mount.point, device: mount.device, task: task)
  }

  /// `s_dev` in the kernel's own form, as fuse_dev_show_fdinfo() prints it.
  private static func connection(_ device: String) -> UInt32? {
    let numbers = device.split(separator: ":").compactMap { UInt32($0) }
    return numbers.count == 2 ? numbers[0] << 20 | numbers[1] : nil
  }

  private mutating func isAbandoned(_ device: String, _ now: UInt64) -> Bool {
    guard let connection = Self.connection(device), daemon(of: device, now) == nil else {
      return false
    }
    return daemons?.hasNone(for: connection) ?? false
  }

  private mutating func daemon(of device: String, _ now: UInt64) -> Int32? {
    guard let connection = Self.connection(device) else { return nil }
    if let daemon = daemons?.daemon(of: connection), daemons.map({ now &- $0.at < Self.kept })! {
      return daemon
    }
    // Perhaps it is new.
    if daemons.map({ now &- $0.at >= Self.kept / 12 }) ?? true {
      daemons = Lookups.shared.value { FuseDaemons(at: now) } ?? FuseDaemons(failedAt: now)
    }
    return daemons?.daemon(of: connection)
  }

  /// The file system that a task's system call is about, if it is one of those; else all that it sees of those
  /// that it may be, each once.
  private static func mounts(
    ofTask tid: Int32, isOne: (String) -> Bool, mayBe: (String) -> Bool
  ) -> [Mount] {
    if let id = SyscallFile.mountID(ofTask: tid) {
      return Mount.ofTask(tid, id).flatMap { isOne($0.type) ? [$0] : nil } ?? []
    }
    var devices: Set<String> = []
    return Mount.ofTask(tid, where: mayBe).filter { devices.insert($0.device).inserted }
  }

  /// jbd2_journal_start_thread() names it "jbd2/sda1-8". Before 5.17 names end after 15 bytes.
  private static func journalThread(of device: String) -> Int32? {
    let name = "jbd2/\(device)-"
    let threads = (try? contents(of: "/proc/2/task/2/children"))?.lines.first?.words ?? []
    let names = threads.compactMap { word -> (Int32, Substring)? in
      guard let tid = Int32(word), let comm = (try? contents(of: "/proc/\(tid)/comm"))?.lines.first
      else { return nil }
      return (tid, comm)
    }
    if let exact = names.first(where: { $0.1.hasPrefix(name) }) { return exact.0 }
    let cut = names.filter { $0.1.utf8.count == 15 && name.hasPrefix($0.1) }
    return cut.count == 1 ? cut[0].0 : nil
  }
}
