public import Reports

/// A name that the model wants and only the machine has: asked for by the model, answered through the
/// input door.
public enum Lookup: Hashable, Codable, Sendable {
  /// The name of a process, by its id.
  case process(UInt32)
  /// The path of a cgroup, by its id and one of its processes.
  case cgroup(UInt64, process: UInt32)
  /// Whose a process is.
  case user(process: UInt32)
  /// The functions on a kernel stack, by the kernel side's number, or by the frames, innermost first,
  /// where the kernel side has no number for it.
  case stack(Int32, frames: [UInt64])
  /// The type of the file system that a task's system call is about.
  case fileSystem(task: UInt32)
  /// Who answers for the file system of a server or daemon that a task waits for; or who commits the journal.
  case fileServer(task: UInt32, ServedBy)
  /// The kernel function in which a task waits: for one that isn't in D, of which the kernel side reports
  /// no stack.
  case waitChannel(task: UInt32)
  /// The CPU quota that throttles a process.
  case quota(process: UInt32)
  /// The cgroup whose limit may hold up a process's I/O, or its use of memory.
  case limit(LimitedResource, process: UInt32)
  /// The CPUs that a process may run on: as a list, "0-3", and how many.
  case affinity(process: UInt32)
}

/// What there was to find. All nil where there was nothing.
public struct Answer: Codable, Sendable {
  public var lookup: Lookup
  public var text: String?
  public var userID: UInt32?
  /// Innermost first.
  public var functions: [String]?
  public var quota: QuotaCounters?
  public var count: Int?
  public var server: FileServerName?
  public var limit: LimitSetting?

  public init(_ lookup: Lookup) { self.lookup = lookup }
}

/// Who answers for a file system.
public struct FileServerName: Codable, Sendable, Hashable {
  /// `.fuse`, `.remote` or `.journal`.
  public var kind: LockKind
  /// What the file system calls its device or server: "nas:/export".
  public var source: String
  /// Where it is mounted.
  public var point: String
  /// `st_dev` of its files.
  public var device: String
  /// The daemon or the kernel thread; nil where it is another host, or wasn't found.
  public var task: UInt32?

  public init(kind: LockKind, source: String, point: String, device: String, task: UInt32?) {
    (self.kind, self.source, self.point) = (kind, source, point)
    (self.device, self.task) = (device, task)
  }
}

/// What a task's stack shows of the file system that it waits for.
public enum ServedBy: String, Hashable, Codable, Sendable {
  case fuse, nfs, smb, ceph, p9, afs, journal
  /// That it waits for one is known by the type of the file only.
  case unknown
}

/// What a cgroup may limit.
public enum LimitedResource: String, Hashable, Codable, Sendable {
  case io, memory
}

/// A limit of a cgroup.
public struct LimitSetting: Codable, Sendable, Equatable {
  /// The cgroup, from the hierarchy's root: "/system.slice/nginx.service".
  public var path: String
  /// The file that sets it: "io.max", "memory.high".
  public var file: String
  /// What is in the file: "wbps=1048576" for I/O; for memory, bytes.
  public var setting: String
  /// The block device that an I/O limit is for.
  public var device: String?
  /// Of memory, how much is in use, bytes.
  public var used: UInt64?

  public init(path: String, file: String, setting: String, device: String?, used: UInt64?) {
    (self.path, self.file, self.setting) = (path, file, setting)
    (self.device, self.used) = (device, used)
  }
}

/// A cgroup's CPU quota and how often it was used up (`cpu.stat`).
public struct QuotaCounters: Codable, Sendable, Equatable {
  /// From the hierarchy's root: "/system.slice/nginx.service".
  public var path: String
  /// Periods in which its tasks wanted to run, and those of them in which they were throttled.
  public var periods: UInt64
  public var throttled: UInt64

  public init(path: String, periods: UInt64, throttled: UInt64) {
    (self.path, self.periods, self.throttled) = (path, periods, throttled)
  }
}
