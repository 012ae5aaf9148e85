import Histograms
import Records

/// Follows every task from the stream of switches and tells what became of each interval.
///
/// A pure state machine: raw records in, figures out. It knows nothing of where they come from, and
/// any order and any loss of records leaves it with durations that are possible.
///
/// All times are those of the run queue clock (`rq->clock`), ns.
public struct LoadTracker: ~Copyable {
  var tasks = TaskTable()
  /// The thread that each CPU runs, as far as told; 0 for the idle task or unknown.
  private var running: [UInt32]
  /// What doesn't match is followed but not counted.
  private(set) var filter: TaskFilter
  private var current: LoadInterval
  var runnable = Gauge()
  var uninterruptible = Gauge()
  private var survey: UInt8 = 0
  private var length: UInt64

  /// Two CPUs' clocks differ by less than this (`kernel/sched/clock.c` bounds them to a tick).
  static let clockSlack: UInt64 = 10_000_000

  /// - Parameters:
  ///   - cpus: how many CPUs there can be.
  ///   - interval: how long an interval is going to be, ns.
  public init(cpus: Int, filter: TaskFilter, interval: UInt64) {
    running = Array(repeating: 0, count: cpus)
    self.filter = filter
    length = interval
    current = LoadInterval(start: .max, end: .max)
  }

  /// How many tasks are being followed.
  public var taskCount: Int { tasks.count }

  /// Counts from `time` on. What came before has only told where the tasks are.
  public mutating func begin(at time: UInt64) {
    current = LoadInterval(start: time, end: time)
    runnable.begin(at: time, length: length)
    uninterruptible.begin(at: time, length: length)
  }

  /// Takes one record of a ring: `bpf/include/sonde_records.h`.
  @inline(__always)
  public mutating func consume(_ record: RawSpan, cpu: Int) {
    if record.byteCount == MemoryLayout<sonde_switch>.size {
      let event = unsafe record.unsafeLoad(as: sonde_switch.self)
      switched(event, cpu: cpu)
    } else if record.byteCount == MemoryLayout<sonde_task_event>.size {
      taskChanged(record)
    }
  }

  // MARK: - A context switch

  @inline(__always)
  private mutating func switched(_ event: sonde_switch, cpu: Int) {
    guard cpu < running.count else { return }
    let counts = event.time >= current.start
    let gap = event.flags & UInt8(SONDE_SWITCH_GAP.rawValue) != 0
    if gap { forgetRunning(on: cpu, unless: event.prev_tid, at: event.time) }
    if counts, filter.isEmpty { current.switches &+= 1 }
    if event.prev_tid != 0 {
      leave(event, cpu: Int32(truncatingIfNeeded: cpu), gap: gap, counts: counts)
    }
    if event.next_tid != 0 {
      arrive(event, cpu: Int32(truncatingIfNeeded: cpu), counts: counts)
    }
    running[cpu] = event.next_tid
  }

  /// The task that was believed to run here left unseen, by now. Whether it stays runnable shows as
  /// it is given a CPU again.
  private mutating func forgetRunning(on cpu: Int, unless tid: UInt32, at time: UInt64) {
    guard running[cpu] != tid, let slot = tasks.find(running[cpu]) else { return }
    if tasks[slot].phase == .running, tasks[slot].cpu == Int32(cpu), tasks[slot].since <= time {
      tasks[slot].phase = .unknown
      tasks[slot].since = time
    }
  }

  /// `prev` leaves the CPU.
  @inline(__always)
  private mutating func leave(_ event: sonde_switch, cpu: Int32, gap: Bool, counts: Bool) {
    let time = event.time
    let slot = tasks.find(event.prev_tid) ?? add(event.prev_tid)
    let bits = event.prev_state
    if tasks[slot].phase == .running {
      // Told by the iterator later than this happened.
      guard time >= tasks[slot].since else { return }
      if counts, !gap, tasks[slot].matches, tasks[slot].cpu == cpu || tasks[slot].cpu < 0 {
        current.onCPU.record(time &- tasks[slot].since)
      }
    } else {
      if time < tasks[slot].seededAt {
        if tasks[slot].phase == .blocked {
          tasks[slot].since = time
          tasks[slot].sinceIsExact = true
        }
        return
      }
      // It came to this CPU unseen.
      if tasks[slot].phase != .waiting { tasks[slot].runnableSince = time }
    }

    if Sleep.isDead(bits) {
      endRunnable(slot, at: time)
      tasks.remove(slot)
      return
    }
    tasks[slot].since = time
    tasks[slot].sinceIsExact = true
    if event.flags & UInt8(SONDE_SWITCH_PREV_QUEUED.rawValue) != 0 || bits == 0 {
      tasks[slot].phase = .waiting
      if counts, tasks[slot].matches { current.preemptions &+= 1 }
    } else {
      endRunnable(slot, at: time)
      tasks[slot].phase = .blocked
      tasks[slot].sleep = Sleep(bits: bits)
    }
  }

  @inline(__always)
  private mutating func endRunnable(_ slot: TaskTable.Slot, at time: UInt64) {
    if tasks[slot].matches { runnable.add(from: tasks[slot].runnableSince, to: time) }
  }

  /// `next` is given the CPU.
  @inline(__always)
  private mutating func arrive(_ event: sonde_switch, cpu: Int32, counts: Bool) {
    let time = event.time
    let slot = tasks.find(event.next_tid) ?? add(event.next_tid)
    if counts, !filter.isEmpty, tasks[slot].matches { current.switches &+= 1 }

    var arrivals = Int32(bitPattern: event.next_pcount &- tasks[slot].pcount)
    var waited = event.next_run_delay &- tasks[slot].runDelay
    if !tasks[slot].hasBaseline || !isPossible(slot, event, arrivals, waited) {
      if arrivals <= 0, time < tasks[slot].seededAt &+ Self.clockSlack {
        // Told by the iterator later than this happened.
        return
      }
      if tasks[slot].hasBaseline { startOver(slot) }
      // All that a new task has waited, it has waited for this.
      arrivals = event.next_pcount == 1 ? 1 : 0
      waited = event.next_run_delay
      tasks[slot].phase = .new
    }

    if arrivals > 0 {
      let wokenAt = waited < time ? time &- waited : 0
      switch tasks[slot].phase {
      case .blocked:
        let since = tasks[slot].since
        let until = arrivals == 1 ? max(wokenAt, since) : since
        endBlocked(slot, at: until, counts: counts && arrivals == 1)
        tasks[slot].runnableSince = until
      case .unknown where tasks[slot].runnableSince <= tasks[slot].since:
        // It left unseen by `since`. Where it began to wait before that, it had never stopped.
        if wokenAt > tasks[slot].since {
          endRunnable(slot, at: tasks[slot].since)
          tasks[slot].runnableSince = wokenAt
        }
      case .waiting:
        break
      case .new, .unknown, .running:
        tasks[slot].runnableSince = wokenAt
      }
      if counts, tasks[slot].matches {
        record(waited: waited, arrivals: UInt64(UInt32(bitPattern: arrivals)))
      }
    } else {
      tasks[slot].runnableSince = time
    }
    tasks[slot].pcount = event.next_pcount
    tasks[slot].runDelay = event.next_run_delay
    tasks[slot].hasBaseline = true
    tasks[slot].arrival = time
    tasks[slot].since = time
    tasks[slot].phase = .running
    tasks[slot].cpu = cpu
  }

  /// Whether the event can be about the task that is known under this id.
  @inline(__always)
  private func isPossible(
    _ slot: TaskTable.Slot, _ event: sonde_switch, _ arrivals: Int32, _ waited: UInt64
  ) -> Bool {
    guard arrivals > 0, event.next_run_delay >= tasks[slot].runDelay else { return false }
    // A task can't have waited for longer than it is since it last was given a CPU.
    return waited <= event.time &- min(tasks[slot].arrival, event.time) &+ Self.clockSlack
  }

  /// Where arrivals went unseen, their waits are known only together: they are taken as equal, so
  /// that count and sum stay exact.
  @inline(__always)
  private mutating func record(waited: UInt64, arrivals: UInt64) {
    if arrivals == 1 {
      current.runQueueLatency.record(waited)
    } else {
      let each = waited / arrivals
      current.runQueueLatency.record(each, times: arrivals - 1)
      current.runQueueLatency.record(waited - each * (arrivals - 1))
    }
  }

  /// The task was blocked until `time`.
  @inline(__always)
  mutating func endBlocked(_ slot: TaskTable.Slot, at time: UInt64, counts: Bool) {
    guard tasks[slot].matches else { return }
    let since = tasks[slot].since
    let known = counts && tasks[slot].sinceIsExact
    switch tasks[slot].sleep {
    case .uninterruptible:
      uninterruptible.add(from: since, to: time)
      if known { current.blockedUninterruptible.record(time &- since) }
    case .interruptible:
      if known { current.blockedInterruptible.record(time &- since) }
    case .other:
      break
    }
  }

  // MARK: - Tasks that come, change and go

  private mutating func add(_ tid: UInt32) -> TaskTable.Slot {
    var task = Task(tid: tid)
    task.matches = filter.isEmpty
    task.survey = survey
    return tasks.insert(task)
  }

  /// The id now belongs to another task.
  private mutating func startOver(_ slot: TaskTable.Slot) {
    var task = Task(tid: tasks[slot].tid)
    task.matches = filter.isEmpty
    task.survey = survey
    tasks[slot] = task
  }

  private mutating func taskChanged(_ record: RawSpan) {
    let event = unsafe record.unsafeLoad(as: sonde_task_event.self)
    guard event.tid != 0 else { return }
    switch UInt32(event.kind) {
    case SONDE_KIND_NEW_TASK.rawValue:
      if let old = tasks.find(event.tid) {
        if tasks[old].seededAt >= event.time { break }
        tasks.remove(old)
      }
      let slot = add(event.tid)
      tasks[slot].phase = .new
      tasks[slot].hasBaseline = true
      tasks[slot].arrival = event.time
      tasks[slot].since = event.time
    case SONDE_KIND_EXEC.rawValue:
      takeOver(event.tid, from: event.old_tid)
    default:
      break
    }
    let slot = tasks.find(event.tid) ?? add(event.tid)
    identify(
      slot, tgid: event.tgid, cgroup: event.cgroup,
      comm: Comm(record, at: MemoryLayout<sonde_task_event>.offset(of: \.comm)!))
  }

  /// A thread that is not the leader calls execve and takes the leader's id: de_thread().
  private mutating func takeOver(_ tid: UInt32, from oldTid: UInt32) {
    guard let old = tasks.find(oldTid) else { return }
    var task = tasks[old]
    tasks.remove(old)
    task.tid = tid
    if let leader = tasks.find(tid) {
      // It may have switched under its new id before it told.
      let known = tasks[leader]
      if known.hasBaseline, Int32(bitPattern: known.pcount &- task.pcount) >= 0 { return }
      task.since = max(task.since, known.since)
      if known.phase != .unknown { task.phase = known.phase }
      tasks.remove(leader)
    }
    for cpu in running.indices where running[cpu] == oldTid { running[cpu] = tid }
    _ = tasks.insert(task)
  }

  mutating func identify(_ slot: TaskTable.Slot, tgid: UInt32, cgroup: UInt64, comm: Comm) {
    tasks[slot].tgid = tgid
    tasks[slot].cgroup = cgroup
    tasks[slot].comm = comm
    tasks[slot].matches = filter.matches(tasks[slot])
  }

  // MARK: - Surveys and intervals

  /// Begins a pass of the task iterator, each of whose records is to be given to ``found(_:_:)``.
  ///
  /// - Parameter cgroups: the cgroups that match from now on, where the filter has any.
  public mutating func beginSurvey(cgroups: Set<UInt64>? = nil) {
    survey &+= 1
    if cgroups != nil { filter.cgroups = cgroups }
  }

  /// Ends a pass. Tasks that two passes in a row have not seen are gone: their end was lost.
  public mutating func endSurvey() {
    for slot in tasks.slots where tasks[slot].tid != 0 && survey &- tasks[slot].survey >= 2 {
      tasks.remove(slot)
    }
  }

  mutating func slotFound(_ tid: UInt32) -> TaskTable.Slot {
    let slot = tasks.find(tid) ?? add(tid)
    tasks[slot].survey = survey
    return slot
  }

  /// Ends the interval at `end`, up to which all records were consumed, and begins the next.
  public mutating func close(at end: UInt64) -> LoadInterval {
    var closing = current
    closing.end = end
    for slot in tasks.slots where tasks[slot].tid != 0 && tasks[slot].matches {
      switch tasks[slot].phase {
      case .running, .waiting:
        closing.runnable.now += 1
        runnable.add(from: tasks[slot].runnableSince, to: end)
      case .blocked where tasks[slot].sleep == .uninterruptible:
        let since = tasks[slot].since
        closing.uninterruptible.now += 1
        uninterruptible.add(from: since, to: end)
        let duration = end > since ? end - since : 0
        if closing.longest.map({ $0.duration < duration }) ?? true {
          closing.longest = LoadInterval.Waiter(
            tid: tasks[slot].tid, comm: tasks[slot].comm, duration: duration)
        }
      default:
        break
      }
    }
    let length = end - closing.start
    closing.runnable.total = runnable.total
    closing.runnable.maximum = max(runnable.maximum(over: length), closing.runnable.now)
    closing.uninterruptible.total = uninterruptible.total
    closing.uninterruptible.maximum = max(
      uninterruptible.maximum(over: length), closing.uninterruptible.now)
    begin(at: end)
    return closing
  }
}
