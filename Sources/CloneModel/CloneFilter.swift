public import Tasks

/// Which clones count. Processes are chosen in the kernel.
public struct CloneFilter: Sendable, Equatable, Codable {
  /// Names of the callers; empty: all.
  public var comms: Set<Comm> = []
  /// Ids of cgroups (version 2); nil: all.
  public var cgroups: Set<UInt64>?
  /// Whether new threads count.
  public var threads = false

  public init() {}

  func matches(_ clone: Clone) -> Bool {
    (threads || !clone.isThread) && (comms.isEmpty || comms.contains(clone.comm))
      && cgroups?.contains(clone.cgroup) != false
  }
}
