import Records
import Tasks

/// Tasks that come, change and go.
extension LoadTracker {
  mutating func add(_ tid: UInt32) -> TaskTable.Slot {
    tasks.insert(unidentified(tid))
  }

  /// The id now belongs to another task.
  mutating func startOver(_ slot: TaskTable.Slot) {
    recordDoubt(slot)
    forgetMigrations(slot)
    tasks[slot] = unidentified(tasks[slot].tid)
  }

  private func unidentified(_ tid: UInt32) -> TrackedTask {
    var task = TrackedTask(tid: tid)
    task.matches = filter.matches(task)
    task.scan = scan
    return task
  }

  mutating func taskChanged(_ record: RawSpan, cpu: Int) {
    let event = unsafe record.unsafeLoad(as: sonde_task_event.self)
    guard event.header.tid != 0, TaskTable.canHold(event.header.tid) else { return }
    switch UInt32(event.header.kind) {
    case SONDE_KIND_NEW_TASK.rawValue:
      if let old = tasks.find(event.header.tid) {
        // It ran already, on a CPU whose clock is behind.
        if tasks[old].seededAt < event.header.time,
          tasks[old].arrival &+ Self.clockSlack > event.header.time
        {
          break
        }
        // What a task scan saw of it after this happened is going to be reported from here on.
        recordDoubt(old)
        forgetMigrations(old)
        tasks.remove(old)
      }
      let slot = add(event.header.tid)
      tasks[slot].phase = .new
      tasks[slot].hasBaseline = true
      tasks[slot].arrival = event.header.time
      tasks[slot].since = event.header.time
    case SONDE_KIND_EXEC.rawValue:
      executed(as: event.header.tid, from: event.old_tid, on: cpu)
    case SONDE_KIND_RENAME.rawValue:
      break
    default:
      return
    }
    let slot = tasks.find(event.header.tid) ?? add(event.header.tid)
    identify(
      slot, tgid: event.tgid, cgroup: event.cgroup,
      comm: Comm(record, at: MemoryLayout<sonde_task_event>.offset(of: \.comm)!),
      isKernelThread: event.header.flags & UInt8(SONDE_TASK_IS_KERNEL_THREAD.rawValue) != 0,
      isNew: event.header.kind == UInt8(SONDE_KIND_NEW_TASK.rawValue))
    if event.header.kind == UInt8(SONDE_KIND_NEW_TASK.rawValue) { tasks[slot].isBornHere = true }
  }

  // MARK: - A thread that is not the leader calls execve: de_thread()

  /// The task that runs on `cpu` now goes by another id.
  ///
  /// The one record of that comes at the end of execve, and it may sleep before. But a CPU whose
  /// records are all there runs what it was given: it has taken its leader's id, or it is the
  /// leader, about to die, and has got the thread's.
  mutating func recordExec(on cpu: Int, as tid: UInt32, at time: UInt64) {
    guard tid != 0, let slot = tasks.find(running[cpu]), tasks[slot].phase == .running,
      tasks[slot].cpu == Int32(cpu) || tasks[slot].cpu < 0, time > tasks[slot].since
    else { return }
    let other = tasks.find(tid)
    let leader = tasks[slot].tgid
    if leader == tid || leader == 0 && other.map({ !tasks[$0].hasBaseline }) ?? true {
      exchangeIds(slot, with: tid)
    } else if leader == tasks[slot].tid, let other, tasks[other].tgid == leader {
      exchangeIds(other, with: leader)
    }
  }

  /// A task scan shows a running leader. It may be a thread that has taken its id since it was given
  /// the CPU.
  mutating func recordExec(_ seen: sonde_task) {
    guard seen.on_cpu != 0, seen.tid == seen.tgid else { return }
    for tid in running where tid != seen.tid {
      if let slot = tasks.find(tid), tasks[slot].tgid == seen.tgid, tasks[slot].phase == .running,
        tasks[slot].pcount == seen.pcount, tasks[slot].runDelay == seen.run_delay
      {
        exchangeIds(slot, with: seen.tid)
        return
      }
    }
  }

  /// The record at the end of execve.
  private mutating func executed(as tid: UInt32, from oldTid: UInt32, on cpu: Int) {
    guard tid != oldTid, let old = tasks.find(oldTid) else { return }
    let since = tasks.find(tid).map { tasks[$0].since } ?? 0
    if running[cpu] == oldTid || running[cpu] != tid && since <= tasks[old].since {
      exchangeIds(old, with: tid)
    } else if !running.contains(oldTid) {
      // It has been heard of under its new id; the old one is nobody's.
      forgetMigrations(old)
      tasks.remove(old)
    }
  }

  /// exchange_tids(): the thread gets its leader's id, the leader, where it isn't gone, the thread's.
  private mutating func exchangeIds(_ slot: TaskTable.Slot, with leaderTid: UInt32) {
    forgetMigrations(slot)
    var thread = tasks[slot]
    let tid = thread.tid
    tasks.remove(slot)
    if let other = tasks.find(leaderTid) {
      forgetMigrations(other)
      var leader = tasks[other]
      tasks.remove(other)
      // Not where a task scan has already shown the thread by its new id.
      if leader.phase == .running || leader.phase == .waiting, leader.cpu >= 0 {
        leader.tid = tid
        leader.matches = filter.matches(leader)
        _ = tasks.insert(leader)
      }
    }
    thread.tid = leaderTid
    // The last task scan may not have seen it under the id that it had.
    thread.scan = scan
    thread.matches = filter.matches(thread)
    _ = tasks.insert(thread)
    for cpu in running.indices {
      if running[cpu] == tid {
        running[cpu] = leaderTid
      } else if running[cpu] == leaderTid {
        running[cpu] = tid
      }
    }
  }

  // MARK: - Who a task is

  mutating func identify(
    _ slot: TaskTable.Slot, tgid: UInt32, cgroup: UInt64, comm: Comm, isKernelThread: Bool,
    isNew: Bool = false
  ) {
    let isKnown =
      tasks[slot].tgid == tgid && tasks[slot].comm == comm && tasks[slot].cgroup == cgroup && !isNew
    tasks[slot].isKernelThread = isKernelThread
    tasks[slot].tgid = tgid
    tasks[slot].cgroup = cgroup
    tasks[slot].comm = comm
    tasks[slot].matches = filter.matches(tasks[slot])
    if !isKnown || tasks[slot].party == Party.unknownNumber {
      tasks[slot].party = culprits.parties.number(of: tasks[slot], isNew: isNew)
    }
  }
}
