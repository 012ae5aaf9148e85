import Records

/// A task that counts in the load average at an instant.
public struct ActiveTask: Sendable {
  /// What makes it count.
  public enum State: UInt8, Sendable, CaseIterable {
    /// On a CPU, or waiting for one.
    case runnable
    /// In D.
    case uninterruptible
  }

  public var tid: UInt32
  /// 0 where it isn't known.
  public var tgid: UInt32
  public var comm: Comm
  public var cgroup: UInt64
  public var state: State
  /// Where it sleeps in D, by the kernel side's number or one that was made up for it; negative for
  /// unknown.
  public var stack: Int32
}

extension LoadTracker {
  /// The kernel side told where a task sleeps, after the switch by which it went to sleep.
  @inline(__always)
  mutating func waits(_ event: sonde_wait) {
    guard event.kind == UInt8(SONDE_KIND_WAIT.rawValue), TaskTable.canHold(event.tid),
      let slot = tasks.find(event.tid), tasks[slot].phase == .blocked,
      tasks[slot].since == event.time
    else { return }
    tasks[slot].stack = event.stack
  }

  /// Told by the iterator: where a task sleeps of which no switch has told.
  public mutating func found(waiter tid: UInt32, stack: Int32) {
    guard TaskTable.canHold(tid), let slot = tasks.find(tid), tasks[slot].phase == .blocked,
      tasks[slot].stack < 0
    else { return }
    tasks[slot].stack = stack
  }

  /// Lends every task that is active at `time`, up to which all records were consumed and after
  /// which a survey was made.
  ///
  /// As far as the filter lets it.
  public func forEachActive(at time: UInt64, _ body: (ActiveTask) -> Void) {
    for slot in tasks.slots where tasks[slot].tid != 0 && tasks[slot].matches {
      let state: ActiveTask.State
      switch tasks[slot].phase {
      case .running, .waiting:
        guard tasks[slot].runnableSince <= time else { continue }
        state = .runnable
      case .blocked where tasks[slot].sleep == .uninterruptible && tasks[slot].since <= time:
        state = .uninterruptible
      default:
        continue
      }
      body(
        ActiveTask(
          tid: tasks[slot].tid, tgid: tasks[slot].tgid, comm: tasks[slot].comm,
          cgroup: tasks[slot].cgroup, state: state,
          stack: state == .uninterruptible ? tasks[slot].stack : -1))
    }
  }

  /// Task-nanoseconds that tasks were active since counting began, up to `time`.
  public func activeTime(at time: UInt64) -> UInt64 {
    var total = activeBefore &+ runnable.total &+ uninterruptible.total
    for slot in tasks.slots where tasks[slot].tid != 0 && tasks[slot].matches {
      let since: UInt64
      switch tasks[slot].phase {
      case .running, .waiting: since = tasks[slot].runnableSince
      case .blocked where tasks[slot].sleep == .uninterruptible: since = tasks[slot].since
      default: continue
      }
      let begin = max(since, current.start)
      if begin < time { total &+= time &- begin }
    }
    return total
  }
}
