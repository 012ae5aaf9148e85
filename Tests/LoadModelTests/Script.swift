import LoadModel
import Records

/// A tracker that is told by hand. Times are ns after the beginning of the first interval.
struct Script: ~Copyable {
  static let start: UInt64 = 5_000_000_000
  var tracker: LoadTracker

  init(_ filter: TaskFilter = TaskFilter(), cpus: Int = 2) {
    tracker = LoadTracker(cpus: cpus, filter: filter, interval: 1_000_000_000)
    tracker.begin(at: Self.start)
  }

  /// Who is given the CPU: as `sched_info` is about to have it.
  struct Next {
    var tid: UInt32
    var pcount: UInt32
    var runDelay: UInt64

    static let idle = Next(tid: 0, pcount: 0, runDelay: 0)
  }

  static func next(_ tid: UInt32, pcount: UInt32, runDelay: UInt64 = 0) -> Next {
    Next(tid: tid, pcount: pcount, runDelay: runDelay)
  }

  mutating func switched(
    at time: UInt64, from prev: UInt32 = 0, _ state: UInt16 = 0, to next: Next = .idle,
    cpu: Int = 0, flags: sonde_switch_flags? = nil
  ) {
    var record = sonde_switch()
    record.header.time = Self.start &+ time
    record.prev_tid = prev
    record.header.aux = state
    record.header.tid = next.tid
    record.next_pcount = next.pcount
    record.next_run_delay = next.runDelay
    record.header.flags = flags.map { UInt8($0.rawValue) } ?? 0
    record.header.kind = UInt8(SONDE_KIND_SWITCH.rawValue)
    unsafe tracker.consume(CollectionOfOne(record).span.bytes, cpu: cpu)
  }

  /// A task is migrated while it waits.
  mutating func migrated(at time: UInt64, _ tid: UInt32, from cpu: Int, to: Int, runDelay: UInt64) {
    var record = sonde_migrate()
    record.header.time = Self.start &+ time
    record.header.kind = UInt8(SONDE_KIND_MIGRATE.rawValue)
    record.header.tid = tid
    record.header.aux = UInt16(cpu)
    record.clock = Self.start &+ time
    record.run_delay = runDelay
    unsafe tracker.consume(CollectionOfOne(record).span.bytes, cpu: to)
  }

  mutating func told(
    _ kind: sonde_kind, at time: UInt64, _ tid: UInt32, of process: UInt32? = nil,
    comm: String = "", cgroup: UInt64 = 1, oldTid: UInt32 = 0, cpu: Int = 0
  ) {
    var record = sonde_task_event()
    record.header.time = Self.start &+ time
    record.header.kind = UInt8(kind.rawValue)
    record.header.tid = tid
    record.tgid = process ?? tid
    record.cgroup = cgroup
    record.old_tid = oldTid
    record.set(comm: Array(comm.utf8))
    unsafe tracker.consume(CollectionOfOne(record).span.bytes, cpu: cpu)
  }

  mutating func survey(
    at time: UInt64, boundary: UInt64? = nil, cgroups: Set<UInt64>? = nil, _ seen: [sonde_task]
  ) {
    if let cgroups { tracker.match(cgroups: cgroups) }
    tracker.beginScan()
    for var record in seen {
      record.monotonic = Self.start + time - Simulator.clockOffset
      unsafe tracker.found(
        CollectionOfOne(record).span.bytes, clockOffset: Simulator.clockOffset,
        boundary: Self.start + (boundary ?? time))
    }
    tracker.endScan()
  }

  mutating func close(at time: UInt64) -> LoadInterval { tracker.close(at: Self.start + time) }
}

extension sonde_task {
  /// A task that sleeps. Times are those of the script.
  static func asleep(
    _ tid: UInt32, _ state: UInt16, since time: UInt64, pcount: UInt32 = 1, runDelay: UInt64 = 0,
    comm: String = ""
  ) -> sonde_task {
    var task = sonde_task()
    task.tid = tid
    task.tgid = tid
    task.state = state
    task.pcount = pcount
    task.run_delay = runDelay
    task.last_ran = Script.start + time
    task.last_arrival = Script.start + time - 1
    task.cgroup = 1
    task.set(comm: Array(comm.utf8))
    return task
  }

  /// One that waits for a CPU.
  static func queued(
    _ tid: UInt32, since time: UInt64, pcount: UInt32 = 1, runDelay: UInt64 = 0
  ) -> sonde_task {
    var task = asleep(tid, 0, since: time, pcount: pcount, runDelay: runDelay)
    task.on_rq = 1
    task.last_queued = Script.start + time
    return task
  }

  /// One that has a CPU.
  static func running(
    _ tid: UInt32, since time: UInt64, pcount: UInt32 = 1, runDelay: UInt64 = 0
  ) -> sonde_task {
    var task = asleep(tid, 0, since: time, pcount: pcount, runDelay: runDelay)
    task.on_rq = 1
    task.on_cpu = 1
    task.last_arrival = Script.start + time
    return task
  }
}
