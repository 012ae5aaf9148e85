import Records

extension LoadTracker {
  /// Takes one record of the task iterator, `sonde_task`.
  ///
  /// It tells of tasks that no switch has told of yet, names them, and shows which of the tasks
  /// that went to sleep have been woken since and wait for a CPU.
  ///
  /// - Parameters:
  ///   - clockOffset: what to add to CLOCK_MONOTONIC for the run queue clock, ns.
  ///   - boundary: up to when records were consumed, run queue clock.
  public mutating func found(_ record: RawSpan, clockOffset: UInt64, boundary: UInt64) {
    let seen = unsafe record.unsafeLoad(as: sonde_task.self)
    let slot = slotFound(seen.tid)
    identify(
      slot, tgid: seen.tgid, cgroup: seen.cgroup,
      comm: Comm(record, at: MemoryLayout<sonde_task>.offset(of: \.comm)!))
    if !tasks[slot].hasBaseline || tasks[slot].phase == .unknown {
      seed(slot, seen, at: seen.monotonic &+ clockOffset)
    } else {
      noticeWakeup(slot, seen, boundary: boundary)
    }
  }

  private mutating func seed(_ slot: TaskTable.Slot, _ seen: sonde_task, at time: UInt64) {
    var task = tasks[slot]
    task.pcount = seen.pcount
    task.runDelay = seen.run_delay
    task.arrival = seen.last_arrival
    task.hasBaseline = true
    task.seededAt = time
    task.cpu = -1
    if seen.on_cpu != 0 {
      task.phase = .running
      task.since = seen.last_arrival
      task.runnableSince = seen.last_arrival
    } else if seen.on_rq != 0 {
      task.phase = .waiting
      task.since = seen.last_ran
      task.runnableSince = seen.last_queued == 0 ? time : seen.last_queued
    } else if seen.pcount == 0 {
      task.phase = .new
      task.since = time
    } else {
      task.phase = .blocked
      task.sleep = Sleep(bits: seen.state)
      task.sinceIsExact = seen.last_ran != 0
      task.since = task.sinceIsExact ? seen.last_ran : time
    }
    tasks[slot] = task
  }

  /// A task that slept as it was last heard of is on a run queue now.
  ///
  /// Only where nothing has happened since but the wakeup: the same number of arrivals.
  private mutating func noticeWakeup(
    _ slot: TaskTable.Slot, _ seen: sonde_task, boundary: UInt64
  ) {
    let task = tasks[slot]
    guard task.phase == .blocked, seen.on_rq != 0, seen.on_cpu == 0, seen.last_queued != 0,
      seen.pcount == task.pcount, seen.run_delay >= task.runDelay
    else { return }
    // What it waited on another CPU before it was moved is in run_delay already.
    let movedFor = seen.run_delay - task.runDelay
    guard movedFor < seen.last_queued else { return }
    let wokenAt = seen.last_queued - movedFor
    guard wokenAt >= task.since, wokenAt <= boundary else { return }
    endBlocked(slot, at: wokenAt, counts: true)
    tasks[slot].phase = .waiting
    tasks[slot].runnableSince = wokenAt
  }
}
