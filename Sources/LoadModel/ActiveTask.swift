import Records
public import Tasks

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
  public var isKernelThread: Bool
  public var state: State
  /// Where it sleeps in D, by the kernel side's number or one that was made up for it; negative for
  /// unknown.
  public var stack: Int32

  package init(
    tid: UInt32, tgid: UInt32, comm: Comm, cgroup: UInt64, isKernelThread: Bool, state: State,
    stack: Int32
  ) {
    (self.tid, self.tgid, self.comm, self.cgroup) = (tid, tgid, comm, cgroup)
    (self.isKernelThread, self.state, self.stack) = (isKernelThread, state, stack)
  }
}

/// What shows of a task's state at a load sample only after it.
public struct LateTask: Sendable {
  /// As it was.
  public var task: ActiveTask
  /// As it was taken to be: woken from D, it already waited for a CPU.
  public var taken: ActiveTask?
}

/// Task-nanoseconds.
public struct ActiveTime: Sendable {
  public var runnable: UInt64 = 0
  public var uninterruptible: UInt64 = 0

  public init() {}

  /// Both together; less than at an earlier time where a stay turned out not to have been one.
  public var all: UInt64 { runnable &+ uninterruptible }
}

extension LoadTracker {
  /// The kernel side reported where a task sleeps, after the switch by which it went to sleep.
  @inline(__always)
  mutating func waits(_ event: sonde_wait) {
    guard TaskTable.canHold(event.header.tid), let slot = tasks.find(event.header.tid),
      tasks[slot].phase == .blocked, tasks[slot].since == event.header.time
    else { return }
    tasks[slot].stack = event.stack
  }

  /// From the iterator: where a task sleeps of which no switch has shown it.
  public mutating func found(waiter tid: UInt32, stack: () -> Int32) {
    guard TaskTable.canHold(tid), let slot = tasks.find(tid), tasks[slot].phase == .blocked,
      tasks[slot].stack < 0
    else { return }
    tasks[slot].stack = stack()
  }

  /// Takes a load sample at `time`, up to which all records were consumed: lends every task that is
  /// known to be active then, as far as the filter lets it.
  ///
  /// That a task had been woken shows only as it is given a CPU, or to a task scan: those come with
  /// ``endSample()``.
  public mutating func beginSample(at time: UInt64, _ body: (ActiveTask) -> Void) {
    sampledAt = time
    sample &+= 1
    late.removeAll(keepingCapacity: true)
    doubtful.removeAll(keepingCapacity: true)
    for slot in tasks.slots where tasks[slot].tid != 0 && tasks[slot].matches {
      guard let state = activeState(slot, at: time) else { continue }
      tasks[slot].sample = sample
      tasks[slot].countedAsD = state == .uninterruptible
      tasks[slot].isCertain = false
      body(active(slot, state))
    }
  }

  /// Who is known to be active at `time`: as ``beginSample(at:_:)`` has it, without a sample.
  func activeTasks(at time: UInt64) -> [ActiveTask] {
    tasks.slots.compactMap { slot in
      guard tasks[slot].tid != 0, tasks[slot].matches, let state = activeState(slot, at: time)
      else { return nil }
      return active(slot, state)
    }
  }

  /// Those who were runnable at the sample as well, by what has been consumed and scanned since. The
  /// sample is over with that.
  ///
  /// ``doubtful`` then holds those that were lent as runnable and that nothing has borne out since.
  public mutating func endSample() -> [LateTask] {
    for slot in tasks.slots where tasks[slot].tid != 0 {
      if tasks[slot].phase == .waiting, tasks[slot].runnableSince <= sampledAt {
        recordLateWakeup(slot)
      }
      recordDoubt(slot)
    }
    sampledAt = 0
    return late
  }

  /// Tasks by the ids they are known under that are active at `time` and that neither a record nor a
  /// task scan has named: the iterator doesn't show every task everywhere.
  public func unnamed(at time: UInt64) -> [UInt32] {
    tasks.slots.filter {
      tasks[$0].tid != 0 && tasks[$0].tgid == 0 && activeState($0, at: time) != nil
    }.map { tasks[$0].tid }
  }

  /// Names a task that no record has named.
  public mutating func name(_ tid: UInt32, tgid: UInt32, comm: Comm) {
    guard let slot = tasks.find(tid), tasks[slot].tgid == 0 else { return }
    identify(
      slot, tgid: tgid, cgroup: tasks[slot].cgroup, comm: comm,
      isKernelThread: tasks[slot].isKernelThread)
  }

  /// It was taken to be runnable at the sample, and may have left its CPU before, by a switch that was
  /// lost or never traced.
  mutating func recordDoubt(_ slot: TaskTable.Slot) {
    guard sampledAt != 0, tasks[slot].sample == sample, !tasks[slot].countedAsD,
      !tasks[slot].isCertain
    else { return }
    doubtful.append(active(slot, .runnable))
    tasks[slot].isCertain = true
  }

  /// A task scan has found a task on the CPU, or in the queue, that it had at the sample, or shows that it
  /// left it later.
  mutating func recordCertainty(_ slot: TaskTable.Slot, _ seen: sonde_task) {
    guard sampledAt != 0, tasks[slot].hasBaseline, seen.pcount == tasks[slot].pcount else { return }
    switch tasks[slot].phase {
    case .running where seen.on_cpu != 0 || max(seen.last_ran, seen.last_queued) > sampledAt:
      tasks[slot].isCertain = true
    case .waiting where seen.on_rq != 0:
      tasks[slot].isCertain = true
    default:
      break
    }
  }

  /// Whether there is a task in D at `time` of which it isn't known where it sleeps.
  public func hasUnknownWait(at time: UInt64) -> Bool {
    for slot in tasks.slots where tasks[slot].tid != 0 && tasks[slot].matches {
      if tasks[slot].stack < 0, activeState(slot, at: time) == .uninterruptible { return true }
    }
    return false
  }

  /// It has waited for a CPU since before the sample.
  @inline(never)
  mutating func recordLateWakeup(_ slot: TaskTable.Slot) {
    guard tasks[slot].matches else { return }
    let isTaken = tasks[slot].sample == sample
    guard !isTaken || tasks[slot].countedAsD else { return }
    late.append(
      LateTask(
        task: active(slot, .runnable), taken: isTaken ? active(slot, .uninterruptible) : nil))
    tasks[slot].sample = sample
    tasks[slot].countedAsD = false
    tasks[slot].isCertain = true
  }

  private func activeState(_ slot: TaskTable.Slot, at time: UInt64) -> ActiveTask.State? {
    switch tasks[slot].phase {
    case .running, .waiting: tasks[slot].runnableSince <= time ? .runnable : nil
    case .blocked where tasks[slot].sleep == .uninterruptible && tasks[slot].since <= time:
      .uninterruptible
    default: nil
    }
  }

  func active(_ slot: TaskTable.Slot, _ state: ActiveTask.State) -> ActiveTask {
    ActiveTask(
      tid: tasks[slot].tid, tgid: tasks[slot].tgid, comm: tasks[slot].comm,
      cgroup: tasks[slot].cgroup, isKernelThread: tasks[slot].isKernelThread, state: state,
      stack: state == .uninterruptible ? tasks[slot].stack : -1)
  }

  /// How long tasks were active since counting began, up to `time`.
  public func activeTime(at time: UInt64) -> ActiveTime {
    var total = activeBefore
    total.runnable &+= runnable.total
    total.uninterruptible &+= uninterruptible.total
    func part(since: UInt64) -> UInt64 {
      let begin = max(since, current.start)
      return time > begin ? time &- begin : 0
    }
    for slot in tasks.slots where tasks[slot].tid != 0 && tasks[slot].matches {
      switch tasks[slot].phase {
      case .running, .waiting: total.runnable &+= part(since: tasks[slot].runnableSince)
      case .blocked where tasks[slot].sleep == .uninterruptible:
        total.uninterruptible &+= part(since: tasks[slot].since)
      default: continue
      }
    }
    return total
  }
}
