import Records
import Tasks

extension LoadTracker {
  /// The cgroups that match from now on.
  public mutating func match(cgroups: Set<UInt64>) { filter.cgroups = cgroups }

  /// Begins a pass of the task iterator that shows every task: each of its records is to be given to
  /// ``found(_:clockOffset:boundary:)``.
  public mutating func beginScan() { scan &+= 1 }

  /// Ends such a pass. Tasks that two passes in a row have not seen are gone: their end was lost.
  public mutating func endScan() {
    for slot in tasks.slots where tasks[slot].tid != 0 && scan &- tasks[slot].scan >= 2 {
      recordDoubt(slot)
      forgetMigrations(slot)
      tasks.remove(slot)
    }
  }

  mutating func slotFound(_ tid: UInt32) -> TaskTable.Slot {
    let slot = tasks.find(tid) ?? add(tid)
    tasks[slot].scan = scan
    return slot
  }

  /// Takes one record of the task iterator, `sonde_task`.
  ///
  /// It shows tasks that no switch has shown yet, names them, shows which of the tasks that
  /// went to sleep or were created have been woken since and wait for a CPU, and sets right what is
  /// believed of a task whose records were lost.
  ///
  /// - Parameters:
  ///   - clockOffset: what to add to CLOCK_MONOTONIC for the run queue clock, ns.
  ///   - boundary: up to when records were consumed, run queue clock.
  public mutating func found(_ record: RawSpan, clockOffset: UInt64, boundary: UInt64) {
    guard record.byteCount == MemoryLayout<sonde_task>.size else { return }
    let seen = unsafe record.unsafeLoad(as: sonde_task.self)
    // A dead task that its parent hasn't asked for is nobody's load.
    guard seen.tid != 0, TaskTable.canHold(seen.tid), !Sleep.isDead(seen.state) else { return }
    recordExec(seen)
    let slot = slotFound(seen.tid)
    recordCertainty(slot, seen)
    let time = seen.monotonic &+ clockOffset
    if hasStaleStamp(seen, at: time) { tasks[slot].staleStamp = seen.last_queued }
    identify(
      slot, tgid: seen.tgid, cgroup: seen.cgroup,
      comm: Comm(record, at: MemoryLayout<sonde_task>.offset(of: \.comm)!),
      isKernelThread: seen.is_kernel_thread != 0)
    if !tasks[slot].hasBaseline || tasks[slot].phase == .unknown
      || isOutdated(slot, seen, boundary: boundary)
    {
      seed(slot, seen, at: time)
    } else {
      recordWakeup(slot, seen, boundary: boundary)
    }
  }

  /// Whether the kernel is going to count the sleep of this task as a wait for a CPU.
  ///
  /// Since Linux 6.12 (commit 152e11f6df29, "sched/fair: Implement delayed dequeue") a task that has gone
  /// to sleep may stand on its run queue for a while. Where it is moved to another CPU then,
  /// enqueue_task() notes in `last_queued` that it waits. It is taken off the queue by
  /// dequeue_entities() alone, which doesn't clear that.
  private func hasStaleStamp(_ seen: sonde_task, at time: UInt64) -> Bool {
    // A wakeup sets `last_queued` shortly before `on_rq`.
    seen.on_rq == 0 && seen.on_cpu == 0 && seen.state != 0 && seen.last_queued != 0
      && seen.last_queued &+ Self.clockSlack < time
  }

  /// Whether a record from before the boundary, up to which all were consumed, never came.
  private func isOutdated(
    _ slot: TaskTable.Slot, _ seen: sonde_task, boundary: UInt64
  ) -> Bool {
    if Int32(bitPattern: seen.pcount &- tasks[slot].pcount) > 0
      || seen.run_delay < tasks[slot].runDelay
    {
      return seen.last_arrival != 0 && seen.last_arrival <= boundary
    }
    guard seen.on_cpu == 0 else { return false }
    let left: UInt64
    switch tasks[slot].phase {
    case .running: left = seen.on_rq != 0 ? seen.last_queued : seen.last_ran
    case .waiting where seen.on_rq == 0: left = seen.last_ran
    default: return false
    }
    return left != 0 && left <= boundary
  }

  /// Takes the task scan's word for where the task is. Where it was known before, what it has waited
  /// and how long it has been runnable since goes on to count.
  private mutating func seed(_ slot: TaskTable.Slot, _ seen: sonde_task, at time: UInt64) {
    let arrivals = Int32(bitPattern: seen.pcount &- tasks[slot].pcount)
    let waited = seen.run_delay &- tasks[slot].runDelay
    let isSame =
      tasks[slot].hasBaseline && isPossible(slot, arrivals, waited: waited, at: time)
    var task = tasks[slot]
    let isSleep = task.isSleep(waited, until: seen.last_arrival)
    let isStamped = seen.last_queued != 0 && !task.isSleep(0, until: seen.last_queued)
    if isSame, arrivals > 0, !isSleep, time >= countsFrom, task.matches {
      record(slot, waited: waited, arrivals: UInt64(arrivals), until: seen.last_arrival)
      culprits.chargeUnknown(task.party, waited: waited)
    }
    // Its one arrival's record comes late, or never: the sleep that it ended is known all the same.
    if isSame, arrivals == 1, task.phase == .blocked, seen.last_arrival > waited {
      let wokenAt = isSleep ? seen.last_arrival : seen.last_arrival - waited
      if wokenAt >= task.since {
        endBlocked(slot, at: wokenAt, counts: wokenAt >= countsFrom)
        if wokenAt - task.since > BurstLog.leastSleep { task.burst = BurstLog.mark(of: wokenAt) }
      }
    }
    var wasRunnableSince: UInt64?
    if isSame || !task.hasBaseline {
      wasRunnableSince = runnableSince(slot, seen, waited: isSame ? waited : 0)
    }
    if !isSame || arrivals > 0 {
      forgetMigrations(slot)
      task.wasMigrated = false
    }
    task.pcount = seen.pcount
    // Without an arrival what it waited so far belongs to the wait that goes on.
    if !isSame || arrivals > 0 { task.runDelay = seen.run_delay }
    task.arrival = seen.last_arrival
    task.hasBaseline = true
    task.seededAt = time
    task.cpu = -1
    if seen.on_cpu != 0 {
      task.phase = .running
      task.since = seen.last_arrival
      task.runnableSince = wasRunnableSince ?? seen.last_arrival
    } else if seen.on_rq != 0 {
      task.phase = .waiting
      task.since = seen.last_ran
      task.runnableSince = wasRunnableSince ?? (isStamped ? seen.last_queued : time)
    } else if seen.pcount == 0 {
      task.phase = .new
      task.since = time
    } else {
      task.phase = .blocked
      task.sleep = Sleep(bits: seen.state)
      task.sinceIsExact = seen.last_ran != 0
      // By then it slept: hasStaleStamp(_:at:).
      let wasMigrated = task.isSleep(0, until: seen.last_queued)
      task.since = task.sinceIsExact ? seen.last_ran : wasMigrated ? seen.last_queued : time
      if let wasRunnableSince, task.matches {
        runnable.add(from: wasRunnableSince, to: task.since)
      }
    }
    tasks[slot] = task
  }

  /// Since when a task whose records were lost has been runnable: until shown otherwise.
  private mutating func runnableSince(
    _ slot: TaskTable.Slot, _ seen: sonde_task, waited: UInt64
  ) -> UInt64? {
    switch tasks[slot].phase {
    case .running, .waiting:
      return tasks[slot].runnableSince
    case .unknown where tasks[slot].runnableSince <= tasks[slot].since:
      // It left unseen by `since`: see `forgetRunning`.
      let left = tasks[slot].since
      let queued = seen.on_cpu != 0 ? seen.last_arrival : seen.last_queued
      if seen.on_rq != 0, queued != 0, queued <= left &+ waited {
        return tasks[slot].runnableSince
      }
      endRunnable(slot, at: seen.last_ran == 0 ? left : min(left, seen.last_ran))
      return nil
    case .unknown, .new, .blocked:
      return nil
    }
  }

  /// A task that slept as it was last heard of, or had not run yet, had been woken by the boundary.
  ///
  /// Only where nothing has happened since the wakeup but that it was given a CPU once, after the
  /// boundary.
  private mutating func recordWakeup(
    _ slot: TaskTable.Slot, _ seen: sonde_task, boundary: UInt64
  ) {
    let task = tasks[slot]
    guard task.phase == .blocked || task.phase == .new, seen.run_delay >= task.runDelay else {
      return
    }
    // When the last piece of its wait began, or all of it ended.
    let time: UInt64
    switch seen.pcount &- task.pcount {
    case 0 where seen.on_rq != 0 && seen.on_cpu == 0:
      time = seen.last_queued
    case 1 where seen.last_arrival > boundary && (seen.on_rq == 0 || seen.on_cpu != 0):
      time = seen.last_arrival
    default:
      return
    }
    // What it waited on another CPU before it was moved is in run_delay already.
    let waited = seen.run_delay - task.runDelay
    guard waited < time else { return }
    let wokenAt = time - waited
    guard wokenAt >= task.since, wokenAt <= boundary, !task.isSleep(waited, until: time) else {
      return
    }
    if task.phase == .blocked {
      endBlocked(slot, at: wokenAt, counts: wokenAt >= countsFrom)
      if wokenAt - task.since > BurstLog.leastSleep {
        tasks[slot].burst = BurstLog.mark(of: wokenAt)
      }
    }
    tasks[slot].phase = .waiting
    tasks[slot].runnableSince = wokenAt
  }
}
