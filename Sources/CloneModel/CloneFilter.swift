public import Tasks

/// Which clones count. A run chooses processes in the kernel; a replay does it here.
public struct CloneFilter: Sendable, Equatable, Codable {
  /// Names of the callers; empty: all.
  public var comms: Set<Comm> = []
  /// Ids of cgroups (version 2); nil: all.
  public var cgroups: Set<UInt64>?
  /// Whether new threads count.
  public var threads = false

  /// Thread group ids of the callers; empty: all.
  public var processes: Set<UInt32> = []

  public init() {}

  package func matches(_ clone: Clone) -> Bool {
    (processes.isEmpty || processes.contains(clone.tgid))
      && (threads || !clone.isThread) && (comms.isEmpty || comms.contains(clone.comm))
      && cgroups?.contains(clone.cgroup) != false
  }
}
