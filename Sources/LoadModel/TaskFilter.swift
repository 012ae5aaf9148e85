public import Tasks

/// Which tasks the figures are about.
///
/// Kinds of condition all have to hold; within a kind one is enough. Empty: every task.
public struct TaskFilter: Sendable, Codable {
  /// Processes (thread group ids).
  public var processes: Set<UInt32> = []
  /// Single threads.
  public var threads: Set<UInt32> = []
  public var comms: Set<Comm> = []
  /// Ids of cgroups (version 2); nil where cgroups don't matter.
  public var cgroups: Set<UInt64>?

  public init() {}

  public var isEmpty: Bool {
    processes.isEmpty && threads.isEmpty && comms.isEmpty && cgroups == nil
  }

  func matches(_ task: TrackedTask) -> Bool {
    if !processes.isEmpty || !threads.isEmpty {
      guard processes.contains(task.tgid) || threads.contains(task.tid) else { return false }
    }
    if !comms.isEmpty, !comms.contains(task.comm) { return false }
    if let cgroups, !cgroups.contains(task.cgroup) { return false }
    return true
  }
}
