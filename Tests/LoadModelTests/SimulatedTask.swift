import Records

/// A task of the simulated scheduler.
struct SimulatedTask {
  enum Place: Equatable {
    /// Created, and not woken yet for the first time.
    case unstarted
    case queued(Int)
    case running(Int)
    case blocked
    /// Gone, but its id isn't free: its process is still there.
    case zombie
    case gone
  }

  var tid: UInt32
  var tgid: UInt32
  var comm: [UInt8]
  var place = Place.unstarted
  var sleep = SleepState.all[0]
  /// Whether the figures are about it.
  var counts: Bool

  // `struct sched_info`.
  var pcount: UInt32 = 0
  var runDelay: UInt64 = 0
  var lastQueued: UInt64 = 0
  var lastArrival: UInt64 = 0
  /// What ran while it waited, since it last was given a CPU: ns by process, 0 for nobody.
  var culprits: [UInt32: UInt64] = [:]

  /// Run queue clock.
  var lastRan: UInt64 = 0
  /// It was preempted with its state set to sleep: `sched_info` takes no notice of its wait.
  var isAboutToSleep = false
  /// A leader that lost its id to a thread that execs, in its last breath.
  var isDying = false
  /// Between taking the leader's id and the end of execve, where that is told.
  var oldTid: UInt32?

  /// When it was given the CPU it has, and when it left the one it had.
  var arrivedAt: UInt64 = 0
  var leftAt: UInt64 = 0
  /// When it was woken, where it has not run since.
  var wokenAt: UInt64?
  /// `runDelay` as it last was given a CPU, or as a survey told.
  var toldDelay: UInt64 = 0

  var isRunnable: Bool {
    switch place {
    case .queued, .running: true
    default: false
    }
  }

  var isAlive: Bool { place != .zombie && place != .gone }

  /// As the task iterator tells of it.
  func surveyed(at monotonic: UInt64) -> sonde_task {
    var record = sonde_task()
    record.monotonic = monotonic
    record.run_delay = runDelay
    record.last_queued = lastQueued
    record.last_arrival = lastArrival
    record.last_ran = lastRan
    record.cgroup = UInt64(tgid)
    record.tid = tid
    record.tgid = tgid
    record.pcount = pcount
    switch place {
    case .unstarted: record.state = 0x0800
    case .queued:
      record.on_rq = 1
      record.state = isAboutToSleep ? 1 : 0
    case .running:
      record.on_rq = 1
      record.on_cpu = 1
    case .blocked: record.state = sleep.bits
    case .zombie, .gone: record.state = 0x0080
    }
    record.set(comm: comm)
    return record
  }
}

/// A record of a ring.
struct Told {
  enum Event {
    /// With how many switches its CPU had made by then.
    case switched(sonde_switch, count: UInt64)
    case changed(sonde_task_event)
    case moved(sonde_migrate)
  }

  var cpu: Int
  var event: Event

  var time: UInt64 {
    get {
      switch event {
      case .switched(let record, _): record.header.time
      case .changed(let record): record.header.time
      case .moved(let record): record.header.time
      }
    }
    set {
      switch event {
      case .switched(var record, let count):
        record.header.time = newValue
        event = .switched(record, count: count)
      case .changed(var record):
        record.header.time = newValue
        event = .changed(record)
      case .moved(var record):
        record.header.time = newValue
        event = .moved(record)
      }
    }
  }
}

extension sonde_task {
  mutating func set(comm bytes: [UInt8]) { comm = name(bytes) }
}

extension sonde_task_event {
  mutating func set(comm bytes: [UInt8]) { comm = name(bytes) }
}

private func name(
  _ bytes: [UInt8]
) -> (
  UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8,
  UInt8, UInt8
) {
  let b = bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
  return (
    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
    b[15]
  )
}
