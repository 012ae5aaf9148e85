import Histograms
import Records
import Reports

/// Follows every task from the stream of switches and reports what became of each interval.
///
/// A pure state machine: raw records in, figures out. It knows nothing of where they come from, and
/// any order and any loss of records leaves it with durations that are possible.
///
/// All times are those of the run queue clock (`rq->clock`), ns.
public struct LoadTracker: ~Copyable {
  var tasks = TaskTable()
  /// The thread that each CPU runs, as far as known; 0 for the idle task or unknown.
  var running: [UInt32]
  /// Who has the CPUs that others wait for.
  var culprits: CulpritAccount
  /// Who runs in bursts.
  var burstLog = BurstLog()
  package var trains = BurstTrains()
  /// By thread: the parts of its current wait on CPUs that it has been migrated from.
  var migrations: [UInt32: [Migration]] = [:]
  /// Of each CPU, for a ``LossLedger``: how many records were consumed, and how many of them had a gap
  /// before them.
  public private(set) var taken: [UInt64]
  public private(set) var gaps: [UInt64]
  /// What doesn't match is followed but not counted.
  var filter: TaskFilter
  var current: LoadInterval
  /// What happened from here on counts, even if its record comes after its interval was closed.
  private(set) var countsFrom: UInt64 = .max
  var runnable = Gauge()
  var uninterruptible = Gauge()
  var scan: UInt8 = 0
  /// The load sample that is being taken: its time, 0 for none; and who turned out to be active only later.
  var sampledAt: UInt64 = 0
  var sample: UInt32 = 0
  var late: [LateTask] = []
  /// Once a load sample is over: those that were taken to be runnable, though nothing that came later bears
  /// it out. The switch by which they left may have been lost.
  public internal(set) var doubtful: [ActiveTask] = []
  /// Task-nanoseconds in which tasks were runnable, and in D, in the intervals that were closed.
  public internal(set) var activeBefore = ActiveTime()
  /// What tasks spent on CPUs that had little to do in all their lives, which have ended; ns.
  public private(set) var shortLives: UInt64 = 0
  private var length: UInt64
  /// All durations since counting began, if anybody wants them so.
  var native: NativeDurations?
  /// Where tasks sleep in D, if that is followed.
  public var waitStacks: WaitStacks?
  /// The last of the kernel's load samples, where it is seen as it is made.
  private(set) var madeSamples: [MadeSample] = []

  private static let mostMadeSamples = 4
  /// A small command takes about a millisecond of a CPU.
  private static let shortLife: UInt64 = 10_000_000
  /// Two CPUs' clocks differ by less than this (`kernel/sched/clock.c` bounds them to a tick).
  static let clockSlack: UInt64 = 10_000_000

  /// - Parameters:
  ///   - cpus: how many CPUs there can be.
  ///   - interval: how long an interval is going to be, ns.
  public init(cpus: Int, filter: TaskFilter, interval: UInt64) {
    running = Array(repeating: 0, count: cpus)
    culprits = CulpritAccount(cpus: cpus)
    taken = Array(repeating: 0, count: cpus)
    gaps = taken
    self.filter = filter
    length = interval
    current = LoadInterval(start: .max, end: .max)
  }

  /// How many tasks are being followed.
  public var taskCount: Int { tasks.count }

  /// Counts from `time` on. What came before only shows where the tasks are.
  public mutating func begin(at time: UInt64) {
    countsFrom = time
    culprits.reset()
    beginInterval(at: time)
  }

  mutating func beginInterval(at time: UInt64) {
    current = LoadInterval(start: time, end: time)
    runnable.begin(at: time, length: length)
    uninterruptible.begin(at: time, length: length)
    culprits.beginInterval(length: length)
  }

  /// Takes one record of a ring: `bpf/include/sonde_sched.h`. What can't be one is left out.
  @inline(__always)
  public mutating func consume(_ record: RawSpan, cpu: Int) {
    guard running.indices.contains(cpu), record.byteCount >= MemoryLayout<sonde_header>.size
    else { return }
    taken[cpu] &+= 1
    let header = unsafe record.unsafeLoad(as: sonde_header.self)
    if header.kind == UInt8(SONDE_KIND_SWITCH.rawValue) {
      guard record.byteCount == MemoryLayout<sonde_switch>.size else { return }
      switched(unsafe record.unsafeLoad(as: sonde_switch.self), cpu: cpu)
    } else if record.byteCount == MemoryLayout<sonde_task_event>.size {
      taskChanged(record, cpu: cpu)
    } else if header.kind == UInt8(SONDE_KIND_WAIT.rawValue),
      record.byteCount == MemoryLayout<sonde_wait>.size
    {
      waits(unsafe record.unsafeLoad(as: sonde_wait.self))
    } else if header.kind == UInt8(SONDE_KIND_MIGRATE.rawValue),
      record.byteCount == MemoryLayout<sonde_migrate>.size
    {
      migrated(unsafe record.unsafeLoad(as: sonde_migrate.self))
    } else if header.kind == UInt8(SONDE_KIND_LOAD.rawValue),
      record.byteCount == MemoryLayout<sonde_load>.size
    {
      loadSampled(unsafe record.unsafeLoad(as: sonde_load.self))
    }
  }

  /// Once in five seconds.
  private mutating func loadSampled(_ record: sonde_load) {
    guard let made = MadeSample(record) else { return }
    if madeSamples.count == Self.mostMadeSamples { madeSamples.removeFirst() }
    madeSamples.append(made)
  }

  // MARK: - A context switch

  @inline(__always)
  private mutating func switched(_ event: sonde_switch, cpu: Int) {
    guard TaskTable.canHold(event.prev_tid | event.header.tid) else { return }
    let counts = event.header.time >= countsFrom
    let gap = event.header.flags & UInt8(SONDE_SWITCH_GAP.rawValue) != 0
    if gap {
      gaps[cpu] &+= 1
      culprits.forgetLast(on: cpu)
      forgetRunning(on: cpu, unless: event.prev_tid, at: event.header.time)
    } else if running[cpu] != event.prev_tid {
      recordExec(on: cpu, as: event.prev_tid, at: event.header.time)
    }
    if counts, filter.isEmpty { current.switches &+= 1 }
    if event.prev_tid != 0 {
      leave(event, cpu: Int32(truncatingIfNeeded: cpu), gap: gap, counts: counts)
    }
    var party = Party.idleNumber
    if event.header.tid != 0 {
      party = arrive(event, cpu: Int32(truncatingIfNeeded: cpu), counts: counts)
    }
    culprits.runs(party, on: cpu, since: event.header.time)
    running[cpu] = event.header.tid
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

  /// What runs on a CPU that is offline by `time` runs there no longer: its last switches may have been
  /// lost. Where it went shows as it is heard of again.
  public mutating func keepRunning(onlyOn online: [Int], at time: UInt64) {
    for cpu in running.indices where running[cpu] != 0 && !online.contains(cpu) {
      forgetRunning(on: cpu, unless: 0, at: time)
      running[cpu] = 0
    }
  }

  /// `prev` leaves the CPU.
  @inline(__always)
  private mutating func leave(_ event: sonde_switch, cpu: Int32, gap: Bool, counts: Bool) {
    let time = event.header.time
    let slot = tasks.find(event.prev_tid) ?? add(event.prev_tid)
    let bits = event.header.aux
    if tasks[slot].phase == .running {
      // A task scan has shown it later than this happened.
      guard time >= tasks[slot].since else { return }
      let isHere = tasks[slot].cpu == cpu || tasks[slot].cpu < 0
      // It has been given another CPU since, one whose clock is behind this one's.
      guard isHere || gap else { return }
      if !gap {
        tasks[slot].isCertain = time > sampledAt
        let ran = time &- tasks[slot].since
        tasks[slot].ran &+= ran
        if counts, tasks[slot].matches {
          current.onCPU.record(ran)
          native?.ran(ran)
        }
      }
    } else {
      if time < tasks[slot].seededAt {
        if tasks[slot].phase == .blocked {
          tasks[slot].since = time
          tasks[slot].sinceIsExact = true
        }
        return
      }
      // Known already.
      guard time > tasks[slot].since || tasks[slot].phase == .unknown else { return }
      // It came to this CPU unseen.
      if tasks[slot].phase != .waiting { tasks[slot].runnableSince = time }
    }

    if Sleep.isDead(bits) {
      endRunnable(slot, at: time)
      if tasks[slot].isBornHere, tasks[slot].ran < Self.shortLife {
        shortLives &+= tasks[slot].ran
      }
      tasks.remove(slot)
      return
    }
    tasks[slot].since = time
    tasks[slot].sinceIsExact = true
    if event.header.flags & UInt8(SONDE_SWITCH_PREV_QUEUED.rawValue) != 0 || bits == 0 {
      tasks[slot].phase = .waiting
      tasks[slot].wasGoingToSleep = bits != 0
      tasks[slot].isPreempted = true
      if counts, tasks[slot].matches { current.preemptions &+= 1 }
      if event.header.flags & UInt8(SONDE_SWITCH_PREV_THROTTLED.rawValue) != 0 {
        culprits.throttled.begin(
          by: tasks[slot],
          isOfTask: event.header.flags & UInt8(SONDE_SWITCH_THROTTLED_ALONE.rawValue) != 0,
          on: Int(cpu), at: time)
      }
    } else {
      endRunnable(slot, at: time)
      tasks[slot].phase = .blocked
      tasks[slot].sleep = Sleep(bits: bits)
      tasks[slot].stack = -1
    }
  }

  @inline(__always)
  mutating func endRunnable(_ slot: TaskTable.Slot, at time: UInt64) {
    guard tasks[slot].matches else { return }
    runnable.add(from: tasks[slot].runnableSince, to: time)
    if tasks[slot].burst != 0 { noteBurst(slot, from: tasks[slot].runnableSince, to: time) }
  }

  @inline(never)
  private mutating func noteBurst(_ slot: TaskTable.Slot, from: UInt64, to: UInt64) {
    let goesOn = burstLog.add(tasks[slot].party, from: from, to: to, mark: tasks[slot].burst)
    if !goesOn { tasks[slot].burst = 0 }
  }

  /// `next` is given the CPU.
  ///
  /// - Returns: its process's number.
  @inline(__always)
  private mutating func arrive(_ event: sonde_switch, cpu: Int32, counts: Bool) -> UInt32 {
    let time = event.header.time
    let slot = tasks.find(event.header.tid) ?? add(event.header.tid)
    if counts, !filter.isEmpty, tasks[slot].matches { current.switches &+= 1 }

    culprits.throttled.end(tasks[slot].cgroup, event.header.tid, on: Int(cpu), at: time)

    var arrivals = Int32(bitPattern: event.next_pcount &- tasks[slot].pcount)
    var waited = event.next_run_delay &- tasks[slot].runDelay
    var isKnown = true
    let isUncounted = tasks[slot].wasGoingToSleep && waited == 0 && arrivals == 1
    tasks[slot].wasGoingToSleep = false
    if !tasks[slot].hasBaseline || !isPossible(slot, arrivals, waited: waited, at: time)
      || arrivals == 0 && !mayBeUncounted(slot, at: time)
    {
      let heard = max(tasks[slot].seededAt, tasks[slot].arrival)
      if arrivals <= 0, time < heard &+ Self.clockSlack {
        // A task scan, or another CPU, has shown it later than this happened.
        return tasks[slot].party
      }
      if tasks[slot].hasBaseline { startOver(slot) }
      // All that a new task has waited, it has waited for this.
      isKnown = event.next_pcount == 1
      arrivals = 1
      waited = event.next_run_delay
      tasks[slot].phase = .new
    }

    let isSleep = tasks[slot].isSleep(waited, until: time)
    if isSleep { waited = 0 }
    if isKnown {
      let since = tasks[slot].since
      // The record of that was lost, or comes later.
      let wasMigratedUnseen =
        tasks[slot].isPreempted && tasks[slot].cpu != cpu && !tasks[slot].wasMigrated
      let wokenAt = waited < time ? max(time &- waited, since) : since
      switch tasks[slot].phase {
      case .blocked:
        let until = arrivals <= 1 ? wokenAt : since
        endBlocked(slot, at: until, counts: until >= countsFrom && arrivals <= 1)
        if until &- since > BurstLog.leastSleep { tasks[slot].burst = BurstLog.mark(of: until) }
        tasks[slot].runnableSince = until
      case .unknown where tasks[slot].runnableSince <= since:
        // It left unseen by `since`. Where it began to wait before that, it had never stopped.
        if wokenAt > since {
          endRunnable(slot, at: since)
          tasks[slot].runnableSince = wokenAt
        } else {
          tasks[slot].isCertain = true
        }
      case .waiting:
        if arrivals <= 1 { tasks[slot].isCertain = true }
      case .running:
        endRunnable(slot, at: since)
        tasks[slot].runnableSince = wokenAt
      case .new, .unknown:
        tasks[slot].runnableSince = wokenAt
      }
      if counts, tasks[slot].matches, arrivals > 0 || waited > 0, !isUncounted, !isSleep {
        record(slot, waited: waited, arrivals: UInt64(max(arrivals, 1)), until: time)
        if arrivals > 1 || wasMigratedUnseen {
          culprits.chargeUnknown(tasks[slot].party, waited: waited)
        } else {
          let here = tasks[slot].wasMigrated ? chargeMigrations(slot, waited: waited) : waited
          culprits.charge(tasks[slot], waited: here, for: Int(cpu), until: time)
        }
      }
    } else {
      tasks[slot].runnableSince = time
    }
    // Where the kernel counts it after all (before 5.14), the next arrival shows two.
    if tasks[slot].runnableSince <= sampledAt, time > sampledAt { recordLateWakeup(slot) }
    tasks[slot].pcount = isUncounted ? event.next_pcount &- 1 : event.next_pcount
    tasks[slot].runDelay = event.next_run_delay
    tasks[slot].hasBaseline = true
    tasks[slot].arrival = time
    tasks[slot].since = time
    tasks[slot].phase = .running
    tasks[slot].cpu = cpu
    tasks[slot].isPreempted = false
    forgetMigrations(slot)
    return tasks[slot].party
  }

  /// Whether these figures can be of the task that is known under this id.
  @inline(__always)
  func isPossible(
    _ slot: TaskTable.Slot, _ arrivals: Int32, waited: UInt64, at time: UInt64
  ) -> Bool {
    // A task can't have waited for longer than it is since it last was given a CPU.
    arrivals >= 0 && waited <= time &- min(tasks[slot].arrival, time) &+ Self.clockSlack
  }

  /// Whether an arrival that doesn't count in `pcount` is one all the same.
  ///
  /// A task that is preempted when it has set its state to sleep, but hasn't slept, isn't queued as
  /// far as `sched_info` goes: sched_info_depart(), and sched_info_arrive() since 5.14.
  @inline(__always)
  private func mayBeUncounted(_ slot: TaskTable.Slot, at time: UInt64) -> Bool {
    (tasks[slot].phase == .waiting || tasks[slot].phase == .blocked) && time > tasks[slot].since
      && time >= tasks[slot].seededAt
  }

  /// Where arrivals went unseen, their waits are known only together: they are taken as equal, so
  /// that count and sum stay exact.
  @inline(__always)
  mutating func record(
    _ slot: TaskTable.Slot, waited: UInt64, arrivals: UInt64, until time: UInt64
  ) {
    if arrivals == 1 {
      current.runQueueLatency.record(waited)
      guard native != nil else { return }
      let cgroup = tasks[slot].cgroup
      if native?.waited(waited, in: cgroup) == true { noteLongest(slot, waited, until: time) }
    } else {
      let each = waited / arrivals
      current.runQueueLatency.record(each, times: arrivals - 1)
      current.runQueueLatency.record(waited - each * (arrivals - 1))
      let cgroup = tasks[slot].cgroup
      native?.waited(each, times: arrivals - 1, in: cgroup)
      native?.waited(waited - each * (arrivals - 1), times: 1, in: cgroup)
    }
  }

  @inline(never)
  private mutating func noteLongest(_ slot: TaskTable.Slot, _ waited: UInt64, until time: UInt64) {
    let task = tasks[slot]
    native?.note(longest: waited, of: task, until: time)
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
      if tasks[slot].burst != 0 { noteBurst(slot, from: since, to: time) }
      if waitStacks != nil { noteWait(slot, until: time) }
      if known {
        current.blockedUninterruptible.record(time &- since)
        let cgroup = tasks[slot].cgroup
        native?.slept(time &- since, in: cgroup)
      }
    case .interruptible:
      if known { current.blockedInterruptible.record(time &- since) }
    case .other:
      break
    }
  }
}
