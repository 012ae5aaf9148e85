/// How near the machine is to having no room for more tasks.
public struct LimitsPart: Codable, Sendable, Equatable {
  public var tasks: UInt64
  /// kernel.threads-max and kernel.pid_max.
  public var threadsMax: UInt64
  public var pidMax: UInt64
  /// Kernel memory by tasks, bytes: their stacks, and, where that may be seen, a task structure.
  public var stackBytesPerTask: UInt64?
  public var structBytesPerTask: UInt64?
  public var availableBytes: UInt64
  /// Of the cgroups that are traced.
  public var cgroups: [CgroupTasks]?

  /// A cgroup's tasks, and how many it may have (`pids.max`), if there is a limit.
  public struct CgroupTasks: Codable, Sendable, Equatable {
    public var cgroup: String
    public var tasks: UInt64
    public var pidsMax: UInt64?

    public init(cgroup: String, tasks: UInt64, pidsMax: UInt64?) {
      self.cgroup = cgroup
      self.tasks = tasks
      self.pidsMax = pidsMax
    }

    enum CodingKeys: String, CodingKey {
      case cgroup, tasks
      case pidsMax = "pids_max"
    }
  }

  public init(
    tasks: UInt64, threadsMax: UInt64, pidMax: UInt64, stackBytesPerTask: UInt64?,
    structBytesPerTask: UInt64?, availableBytes: UInt64, cgroups: [CgroupTasks]?
  ) {
    self.tasks = tasks
    self.threadsMax = threadsMax
    self.pidMax = pidMax
    self.stackBytesPerTask = stackBytesPerTask
    self.structBytesPerTask = structBytesPerTask
    self.availableBytes = availableBytes
    self.cgroups = cgroups
  }

  enum CodingKeys: String, CodingKey {
    case tasks, cgroups
    case structBytesPerTask = "struct_bytes_per_task"
    case threadsMax = "threads_max"
    case pidMax = "pid_max"
    case stackBytesPerTask = "stack_bytes_per_task"
    case availableBytes = "available_bytes"
  }
}
