import Records
import Support

/// A scheduler with the kernel's own accounts (`kernel/sched/stats.h`), which does random things.
///
/// It tells what the kernel side would tell, and knows the truth.
struct Simulator {
  struct Options {
    var cpus = 3
    var processes = 6
    var threadsEach = 2
    /// New tasks and ends of tasks.
    var lives = true
    /// execve by threads that are not the leader.
    var execs = true
    /// Preemptions of tasks that are about to sleep.
    var uncounted = true
    /// Whether `next_pcount` is told as if every arrival counted.
    var tellsAllArrivals = false
    /// Whether the birth of every task is told.
    var tellsFromStart = false
    /// How far each CPU's clock is ahead.
    var skew: [UInt64] = []
    var longestStep: UInt64 = 150_000
  }

  struct CPU {
    var running: Int?
    var queue: [Int] = []
    var switches: UInt64 = 0
    /// Time of the last record.
    var told: UInt64 = 0
  }

  static let start: UInt64 = 1_000_000_000_000
  /// Run queue clock less CLOCK_MONOTONIC.
  static let clockOffset: UInt64 = 12_345_678

  let options: Options
  var random: SplitMix64
  private(set) var now = Simulator.start
  var truth = Truth()
  /// All there have ever been, by the order of their creation.
  var tasks: [SimulatedTask] = []
  /// Those that are not gone.
  var present: [Int] = []
  var cpus: [CPU]
  /// Records that were not taken yet, of each CPU.
  var told: [[Told]]
  var tells = false
  /// Ids that are free, and since when.
  var freeTids: [(tid: UInt32, since: UInt64)] = []
  /// How much `run_delay` has grown since records are told, by the id at the time of growth.
  var growth: [UInt32: UInt64] = [:]
  /// Processes that the figures are about; nil for all.
  private(set) var counted: Set<UInt32>?

  init(seed: UInt64, _ options: Options = Options()) {
    self.options = options
    random = SplitMix64(seed: seed)
    cpus = Array(repeating: CPU(), count: options.cpus)
    told = Array(repeating: [], count: options.cpus)
    let first = UInt32.random(in: 2...4_194_303 - 400, using: &random)
    freeTids = (first..<first + 400).map { ($0, 0) }
    freeTids.shuffle(using: &random)
    tells = options.tellsFromStart
    for _ in 0..<options.processes {
      let leader = create(threadOf: nil, on: 0)
      for _ in 1..<options.threadsEach { _ = create(threadOf: tasks[leader].tgid, on: 0) }
    }
    for task in tasks.indices { wake(task) }
  }

  /// The figures are to be about these processes only.
  mutating func count(only processes: Set<UInt32>) {
    counted = processes
    for task in tasks.indices {
      tasks[task].counts = processes.contains(tasks[task].tgid)
    }
    let counts = tasks.filter(\.counts)
    truth.runnable = counts.count { $0.isRunnable }
    truth.uninterruptible = counts.count {
      $0.place == .blocked && $0.sleep.kind == .uninterruptible
    }
  }

  func clock(_ cpu: Int) -> UInt64 {
    now + (options.skew.isEmpty ? 0 : options.skew[cpu])
  }

  // MARK: - Time

  mutating func run(steps: Int) {
    for _ in 0..<steps {
      pass(to: now + UInt64.random(in: 1...options.longestStep, using: &random))
      act()
    }
  }

  /// Stops between two actions, at that very time.
  mutating func run(until time: UInt64) {
    while true {
      let next = now + UInt64.random(in: 1...options.longestStep, using: &random)
      if next > time { break }
      pass(to: next)
      act()
    }
    pass(to: time)
  }

  mutating func pass(to time: UInt64) {
    truth.pass(from: now, to: time)
    for cpu in cpus {
      let runs = cpu.running.map { tasks[$0].tgid } ?? 0
      for task in cpu.queue where tasks[task].lastQueued != 0 {
        tasks[task].culprits[runs, default: 0] += time - now
      }
    }
    now = time
  }

  private mutating func act() {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<60: reschedule(Int.random(in: cpus.indices, using: &random))
    case 60..<85:
      let asleep = present.filter { !tasks[$0].isRunnable && tasks[$0].isAlive }
      if let task = asleep.randomElement(using: &random) { wake(task) }
    case 85..<92: migrate()
    case 92..<95: if options.lives { fork() }
    case 95..<97: rename()
    default: if options.execs { exec() }
    }
  }

  // MARK: - Queues

  mutating func count(_ task: Int, runnable: Int = 0, uninterruptible: Int = 0) {
    guard tasks[task].counts else { return }
    truth.runnable += runnable
    truth.uninterruptible += uninterruptible
  }

  /// sched_info_enqueue()
  private mutating func enqueue(_ task: Int, on cpu: Int) {
    if tasks[task].lastQueued == 0 { tasks[task].lastQueued = clock(cpu) }
    tasks[task].place = .queued(cpu)
    cpus[cpu].queue.append(task)
  }

  mutating func wake(_ task: Int) {
    if tasks[task].place == .blocked {
      if tasks[task].sleep.kind == .uninterruptible { count(task, uninterruptible: -1) }
      if tasks[task].counts {
        truth.slept(now - tasks[task].leftAt, in: tasks[task].sleep.kind)
      }
    }
    count(task, runnable: 1)
    tasks[task].wokenAt = now
    enqueue(task, on: Int.random(in: cpus.indices, using: &random))
  }

  /// A queued task moves to another CPU, where its wait goes on: sched_info_dequeue().
  private mutating func migrate() {
    let from = Int.random(in: cpus.indices, using: &random)
    guard let index = cpus[from].queue.indices.randomElement(using: &random) else { return }
    let task = cpus[from].queue.remove(at: index)
    if tasks[task].lastQueued != 0 {
      grow(task, by: clock(from) - tasks[task].lastQueued)
      tasks[task].lastQueued = 0
    }
    let to = Int.random(in: cpus.indices, using: &random)
    enqueue(task, on: to)
    var record = sonde_migrate()
    record.header.time = clock(to)
    record.header.kind = UInt8(SONDE_KIND_MIGRATE.rawValue)
    record.header.tid = tasks[task].tid
    record.header.aux = UInt16(from)
    record.clock = clock(from)
    record.run_delay = tasks[task].runDelay
    tell(.moved(record), on: to)
  }

  private mutating func grow(_ task: Int, by waited: UInt64) {
    tasks[task].runDelay += waited
    growth[tasks[task].tid, default: 0] += waited
  }

  // MARK: - A context switch

  private enum Leaving {
    case preempted, yielded, aboutToSleep, asleep, dead
  }

  mutating func reschedule(_ cpu: Int) {
    let others = cpus[cpu].queue.indices.randomElement(using: &random)
    let next = others.map { cpus[cpu].queue.remove(at: $0) }
    let prev = cpus[cpu].running
    guard prev != nil || next != nil else { return }
    var record = sonde_switch()
    record.header.time = clock(cpu)
    record.header.kind = UInt8(SONDE_KIND_SWITCH.rawValue)
    if let prev {
      record.prev_tid = tasks[prev].tid
      depart(prev, how: leaving(prev, alone: next == nil), from: cpu, &record)
    }
    if let next {
      record.header.tid = tasks[next].tid
      arrive(next, on: cpu, &record)
    }
    cpus[cpu].running = next
    cpus[cpu].switches += 1
    truth.switched(counts: counted == nil || next.map { tasks[$0].counts } ?? false)
    tell(.switched(record, count: cpus[cpu].switches), on: cpu)
  }

  private mutating func leaving(_ task: Int, alone: Bool) -> Leaving {
    if tasks[task].isDying { return .dead }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<3 where options.lives && tasks[task].oldTid == nil && present.count > 8: return .dead
    case 3..<25 where !alone: return .preempted
    case 25..<30 where !alone: return .yielded
    case 30..<36 where !alone && options.uncounted: return .aboutToSleep
    default: return .asleep
    }
  }

  private mutating func depart(
    _ task: Int, how: Leaving, from cpu: Int, _ record: inout sonde_switch
  ) {
    if tasks[task].counts { truth.ran(now - tasks[task].arrivedAt) }
    tasks[task].leftAt = now
    tasks[task].lastRan = clock(cpu)
    tasks[task].isAboutToSleep = how == .aboutToSleep
    switch how {
    case .preempted, .yielded, .aboutToSleep:
      if tasks[task].counts { truth.preempted() }
      record.header.flags = UInt8(SONDE_SWITCH_PREV_QUEUED.rawValue)
      switch how {
      case .preempted:
        record.header.aux = random.once(in: 2) ? 0 : 0x0100
      case .yielded:
        // By sched_yield(), or since a signal was pending as it went to sleep.
        record.header.aux = random.once(in: 2) ? 0 : 1
      default:
        record.header.aux = random.once(in: 2) ? 1 : 2
      }
      if how == .aboutToSleep {
        tasks[task].place = .queued(cpu)
        cpus[cpu].queue.append(task)
      } else {
        enqueue(task, on: cpu)
      }
    case .asleep:
      count(task, runnable: -1)
      tasks[task].place = .blocked
      // Mostly one of the usual ones.
      let states = random.once(in: 3) ? SleepState.all.count : 4
      tasks[task].sleep = SleepState.all[Int.random(in: 0..<states, using: &random)]
      if tasks[task].sleep.kind == .uninterruptible { count(task, uninterruptible: 1) }
      record.header.aux = tasks[task].sleep.bits
    case .dead:
      count(task, runnable: -1)
      record.header.aux = UInt16(TASK_DEAD)
      end(task)
    }
  }

  /// sched_info_arrive()
  private mutating func arrive(_ task: Int, on cpu: Int, _ record: inout sonde_switch) {
    let counts = tasks[task].lastQueued != 0
    if counts {
      grow(task, by: clock(cpu) - tasks[task].lastQueued)
      tasks[task].lastQueued = 0
      tasks[task].pcount &+= 1
      tasks[task].lastArrival = clock(cpu)
      if tasks[task].counts {
        truth.waited(tasks[task].runDelay - tasks[task].toldDelay)
        truth.ran(while: tasks[task].tgid, waited: tasks[task].culprits)
      }
      tasks[task].culprits = [:]
      tasks[task].toldDelay = tasks[task].runDelay
    }
    record.next_run_delay = tasks[task].runDelay
    record.next_pcount = tasks[task].pcount
    if !counts, options.tellsAllArrivals { record.next_pcount &+= 1 }
    tasks[task].arrivedAt = now
    tasks[task].wokenAt = nil
    tasks[task].place = .running(cpu)
  }

  mutating func tell(_ event: Told.Event, on cpu: Int) {
    let new = Told(cpu: cpu, event: event)
    cpus[cpu].told = new.time
    if tells { told[cpu].append(new) }
  }
}
