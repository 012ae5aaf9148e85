/// A group of tasks and its part of the load averages.
public struct AccountPart: Codable, Sendable, Equatable {
  /// Who: "nginx (812)", by what `--by` tells apart; empty where it is nothing but state and site.
  public var group: String
  /// R: on a CPU or waiting for one. D: uninterruptible.
  public var state: String
  /// In D: the kernel function that tells what for.
  public var site: String?
  public var load1: Double
  public var load5: Double
  public var load15: Double

  public init(
    group: String, state: String, site: String?, load1: Double, load5: Double, load15: Double
  ) {
    self.group = group
    self.state = state
    self.site = site
    self.load1 = load1
    self.load5 = load5
    self.load15 = load15
  }
}

/// One sample that the kernel took for the load average.
public struct LoadSamplePart: Codable, Sendable, Equatable {
  /// Wall clock, ISO 8601, UTC.
  public var at: String
  /// How many tasks the kernel counted as active; absent where that couldn't be told.
  public var active: UInt64?
  /// How many this watch saw active at that instant.
  public var seen: UInt64
  /// How many slept and were counted all the same, since they were still on a run queue; absent where
  /// the kernel doesn't tell.
  public var delayed: UInt64?
  /// How many it saw in the mean since the sample before; absent for the first.
  public var mean: Double?
  /// What the kernel then showed.
  public var load1: Double

  public init(
    at: String, active: UInt64?, seen: UInt64, delayed: UInt64?, mean: Double?, load1: Double
  ) {
    self.at = at
    self.active = active
    self.seen = seen
    self.delayed = delayed
    self.mean = mean
    self.load1 = load1
  }
}

/// What the load means.
public struct VerdictPart: Codable, Sendable, Equatable {
  /// cpu_saturated, one_cpu, throttled, disk, journal, network_fs, memory, kernel_lock,
  /// vfork_parents, process_storm, no_work, uninterruptible, aliasing, older, overflow, healthy,
  /// cannot_tell
  public var cause: String
  /// Of load1, 0 to 1.
  public var share: Double
  /// One sentence.
  public var text: String
  /// The figures that it rests on.
  public var evidence: [String]
  /// What to do, where there is something.
  public var advice: String?

  public init(cause: String, share: Double, text: String, evidence: [String], advice: String?) {
    self.cause = cause
    self.share = share
    self.text = text
    self.evidence = evidence
    self.advice = advice
  }
}

/// Pressure stall information (`/proc/pressure`), shares of the interval, 0 to 1; nil where the kernel
/// has none.
public struct PressurePart: Codable, Sendable, Equatable {
  public var cpu: Shares?
  public var io: Shares?
  public var memory: Shares?

  /// For how long some task waited, and all that weren't idle.
  public struct Shares: Codable, Sendable, Equatable {
    public var some: Double
    public var full: Double

    public init(some: Double, full: Double) {
      self.some = some
      self.full = full
    }
  }

  public init(cpu: Shares?, io: Shares?, memory: Shares?) {
    self.cpu = cpu
    self.io = io
    self.memory = memory
  }
}

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
  /// Of the cgroups that are watched.
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

extension [AccountPart] {
  /// Means, weighted by time as those of the kernel's averages are; who isn't in one has 0 there.
  func merged(_ weight: UInt64, with other: Self, _ otherWeight: UInt64) -> Self {
    let all = Double(weight) + Double(otherWeight)
    guard all > 0 else { return self }
    func scaled(_ parts: Self, _ weight: UInt64) -> Self {
      parts.map { part in
        var part = part
        part.load1 *= Double(weight) / all
        part.load5 *= Double(weight) / all
        part.load15 *= Double(weight) / all
        return part
      }
    }
    var sums: [AccountPart] = scaled(self, weight)
    for part in scaled(other, otherWeight) {
      if let index = sums.firstIndex(where: {
        ($0.group, $0.state, $0.site) == (part.group, part.state, part.site)
      }) {
        sums[index].load1 += part.load1
        sums[index].load5 += part.load5
        sums[index].load15 += part.load15
      } else {
        sums.append(part)
      }
    }
    return sums.sorted { ($1.load1, $0.group, $0.state) < ($0.load1, $1.group, $1.state) }
  }
}
