import ExportProtos
import Faces
import Input
public import LoadModel
import Records
public import Reports
import Tasks

/// Every context switch, sleeps in D with what they wait for, and the load, for Perfetto.
public struct LoadTrace: EventTrace {
  private var writer = TraceWriter()
  private var tasks: [UInt32: TracedTask] = [:]
  private var stacks = TracedStacks()
  /// What happened on each CPU and isn't written yet.
  private var cpus: [[PerfettoFtraceEvent]] = []
  private var listed = PerfettoProcessTree()
  /// Sleeps in D that are over and whose stacks may yet be named.
  private var waits: [TracedWait] = []
  /// Who has what tasks wait for, at the sample that is being taken.
  private var lockWaits: [LockWait] = []
  private var sampledAt: UInt64 = 0
  private var lastFlow: UInt64 = 0
  private var tracks: Tracks?
  private var clock: TraceClock?
  /// From when on events are written, run queue clock; nil before that is known.
  private var from: UInt64?
  private var hasEnded = false
  /// To take from a time of the run queue clock for the trace's: one and the same for all, so that
  /// durations and order stay.
  private var offset: UInt64 = 0

  private struct Tracks {
    var load: UInt64
    var runnable: UInt64
    var uninterruptible: UInt64
    var lost: UInt64
    var gaps: UInt64
  }

  /// Beyond that they are written without waiting for names: memory stays bounded.
  private static let mostWaits = 8192
  /// So many events of a CPU make a packet.
  private static let bundle = 256

  public init() {}

  public mutating func takeBytes() -> [UInt8] {
    for cpu in cpus.indices { flush(cpu) }
    return writer.takeBytes()
  }

  // MARK: - Records

  public mutating func record(_ bytes: RawSpan, cpu: Int) {
    guard cpus.indices.contains(cpu), bytes.byteCount >= MemoryLayout<sonde_header>.size else {
      return
    }
    let header = unsafe bytes.unsafeLoadUnaligned(as: sonde_header.self)
    switch (UInt32(header.kind), bytes.byteCount) {
    case (SONDE_KIND_SWITCH.rawValue, MemoryLayout<sonde_switch>.size):
      switched(unsafe bytes.unsafeLoadUnaligned(as: sonde_switch.self), on: cpu)
    case (SONDE_KIND_WAIT.rawValue, MemoryLayout<sonde_wait>.size):
      let wait = unsafe bytes.unsafeLoadUnaligned(as: sonde_wait.self)
      if tasks[header.tid]?.asleepSince == header.time { tasks[header.tid]?.stack = wait.stack }
    case (SONDE_KIND_NEW_TASK.rawValue, MemoryLayout<sonde_task_event>.size),
      (SONDE_KIND_RENAME.rawValue, MemoryLayout<sonde_task_event>.size),
      (SONDE_KIND_EXEC.rawValue, MemoryLayout<sonde_task_event>.size):
      changed(bytes, header)
    default: break
    }
  }

  /// A task was created, renamed, or has called exec.
  private mutating func changed(_ bytes: RawSpan, _ header: sonde_header) {
    let event = unsafe bytes.unsafeLoadUnaligned(as: sonde_task_event.self)
    guard Self.canBe(header.tid | event.old_tid) else { return }
    // A thread that calls exec takes its leader's id: de_thread() in fs/exec.c.
    if event.old_tid != 0, event.old_tid != header.tid,
      var thread = tasks.removeValue(forKey: event.old_tid)
    {
      // Its tracks are of the id that it had.
      (thread.track, thread.holds, thread.isListed) = (nil, nil, false)
      tasks[header.tid] = thread
    }
    if UInt32(header.kind) == SONDE_KIND_NEW_TASK.rawValue {
      var task = TracedTask()
      (task.since, task.isNew, task.hasBaseline) = (header.time, true, true)
      tasks[header.tid] = task
    }
    let comm = Comm(bytes, at: MemoryLayout<sonde_task_event>.offset(of: \.comm)!)
    name(header.tid, tgid: event.tgid, comm)
  }

  /// Below PID_MAX_LIMIT (include/linux/threads.h): a recording may come from anywhere.
  private static func canBe(_ tid: UInt32) -> Bool { tid >> 22 == 0 }

  private mutating func name(_ tid: UInt32, tgid: UInt32, _ comm: Comm) {
    guard tid != 0, Self.canBe(tid) else { return }
    let name = escaped(comm.text)
    var task = tasks[tid] ?? TracedTask()
    if task.name != name || task.tgid != tgid {
      (task.name, task.tgid, task.isListed) = (name, tgid, false)
    }
    tasks[tid] = task
  }

  public mutating func scanned(_ bytes: RawSpan) {
    guard bytes.byteCount == MemoryLayout<sonde_task>.size else { return }
    let seen = unsafe bytes.unsafeLoadUnaligned(as: sonde_task.self)
    let comm = Comm(bytes, at: MemoryLayout<sonde_task>.offset(of: \.comm)!)
    name(seen.tid, tgid: seen.tgid, comm)
    guard var task = tasks[seen.tid], !task.hasBaseline else { return }
    (task.pcount, task.runDelay, task.hasBaseline) = (seen.pcount, seen.run_delay, true)
    task.since = max(seen.last_ran, seen.last_arrival)
    if seen.on_cpu == 0, seen.on_rq == 0, seen.pcount > 0, seen.last_ran != 0 {
      task.asleepSince = seen.last_ran
      task.sleep = Sleep(bits: seen.state)
    }
    tasks[seen.tid] = task
  }

  // MARK: - Context switches

  private mutating func switched(_ event: sonde_switch, on cpu: Int) {
    guard Self.canBe(event.prev_tid | event.header.tid) else { return }
    let time = event.header.time
    let counts = !hasEnded && from.map { time >= $0 } ?? false
    if counts, event.header.flags & UInt8(SONDE_SWITCH_GAP.rawValue) != 0 { noteGap(cpu, time) }
    var written = PerfettoSchedSwitchFtraceEvent()
    (written.prevPid, written.nextPid) = (
      Int32(bitPattern: event.prev_tid), Int32(bitPattern: event.header.tid)
    )
    written.prevState = leave(event, counts: counts)
    written.nextComm = arrive(event, on: cpu, counts: counts)
    written.prevComm = name(event.prev_tid, on: cpu)
    if counts { append(.schedSwitch(written), on: cpu, at: time) }
    if Sleep.isDead(event.header.aux), event.prev_tid != 0 {
      if counts {
        var free = PerfettoSchedProcessFreeFtraceEvent()
        (free.comm, free.pid) = (written.prevComm, written.prevPid)
        append(.schedProcessFree(free), on: cpu, at: time)
      }
      tasks[event.prev_tid] = nil
    }
  }

  private func name(_ tid: UInt32, on cpu: Int) -> String {
    tid == 0 ? "swapper/\(cpu)" : tasks[tid]?.name ?? ""
  }

  /// - Returns: the state that it leaves in.
  private mutating func leave(_ event: sonde_switch, counts: Bool) -> Int64 {
    let bits = event.header.aux
    let isQueued = event.header.flags & UInt8(SONDE_SWITCH_PREV_QUEUED.rawValue) != 0
    let state = isQueued && !Sleep.isDead(bits) ? 0 : TracedState.reported(bits)
    guard event.prev_tid != 0 else { return state }
    var task = tasks[event.prev_tid] ?? TracedTask()
    task.since = event.header.time
    task.isNew = false
    if state == 0 {
      task.asleepSince = nil
    } else {
      task.asleepSince = event.header.time
      task.sleep = Sleep(bits: bits)
      (task.stack, task.frames, task.hasBegun) = (-1, [], false)
    }
    if counts { list(&task, event.prev_tid) }
    tasks[event.prev_tid] = task
    return state
  }

  /// - Returns: its name.
  private mutating func arrive(_ event: sonde_switch, on cpu: Int, counts: Bool) -> String {
    let (tid, time) = (event.header.tid, event.header.time)
    guard tid != 0 else { return name(0, on: cpu) }
    var task = tasks[tid] ?? TracedTask()
    let waited = event.next_run_delay &- task.runDelay
    let isKnown =
      task.hasBaseline && event.next_pcount &- task.pcount == 1 && time >= task.since
      && waited <= time - task.since
    let wokenAt = isKnown ? time - waited : nil
    // Whoever was preempted was never woken.
    let wasWoken = task.isNew || task.asleepSince != nil
    if let since = task.asleepSince {
      if counts, task.sleep == .uninterruptible {
        end(&task, tid, since: since, at: wokenAt ?? time)
      }
      task.asleepSince = nil
    }
    if counts, let wokenAt, let from, wasWoken, wokenAt < time, wokenAt >= from {
      var waking = PerfettoSchedWakingFtraceEvent()
      (waking.comm, waking.pid) = (task.name, Int32(bitPattern: tid))
      (waking.success, waking.targetCpu) = (1, Int32(cpu))
      append(.schedWaking(waking), on: cpu, at: wokenAt)
    }
    (task.pcount, task.runDelay, task.hasBaseline) = (event.next_pcount, event.next_run_delay, true)
    (task.since, task.isNew) = (time, false)
    if counts { list(&task, tid) }
    tasks[tid] = task
    return task.name
  }

  /// Who wakes a task is in no record: the event's own task is left at 0.
  private mutating func append(
    _ event: PerfettoFtraceEvent.OneOf_Event, on cpu: Int, at time: UInt64
  ) {
    var written = PerfettoFtraceEvent()
    written.timestamp = time &- offset
    written.event = event
    cpus[cpu].append(written)
    if cpus[cpu].count >= Self.bundle { flush(cpu) }
  }

  private mutating func flush(_ cpu: Int) {
    guard let last = cpus[cpu].last?.timestamp else { return }
    if !listed.threads.isEmpty {
      writer.append(.processTree(listed), at: last)
      listed = PerfettoProcessTree()
    }
    var bundle = PerfettoFtraceEventBundle()
    bundle.cpu = UInt32(cpu)
    // A wakeup is known only as the task is given a CPU.
    bundle.event = cpus[cpu].sorted { $0.timestamp < $1.timestamp }
    writer.append(.ftraceEvents(bundle))
    cpus[cpu].removeAll(keepingCapacity: true)
  }

  private mutating func list(_ task: inout TracedTask, _ tid: UInt32) {
    guard !task.isListed, task.tgid != 0 else { return }
    task.isListed = true
    var thread = PerfettoProcessTree.Thread()
    (thread.tid, thread.tgid) = (Int32(bitPattern: tid), Int32(bitPattern: task.tgid))
    thread.name = task.name
    listed.threads.append(thread)
    guard tid == task.tgid || tasks[task.tgid]?.isListed != true else { return }
    var process = PerfettoProcessTree.Process()
    process.pid = thread.tgid
    process.cmdline = [tid == task.tgid ? task.name : tasks[task.tgid]?.name ?? task.name]
    listed.processes.append(process)
    if tid != task.tgid { tasks[task.tgid]?.isListed = true }
  }

  private mutating func noteGap(_ cpu: Int, _ time: UInt64) {
    guard let tracks else { return }
    writer.instant(
      "switches before this one were not seen", of: "loss", on: tracks.gaps, at: time &- offset,
      [TraceArgument("cpu", UInt64(cpu))])
  }

  // MARK: - Sleeps in D

  private mutating func end(
    _ task: inout TracedTask, _ tid: UInt32, since: UInt64, at end: UInt64
  ) {
    let begin = max(since, from ?? 0)
    waits.append(
      TracedWait(
        track: track(of: &task, tid), since: begin &- offset, end: max(begin, end) &- offset,
        stack: task.stack, frames: task.frames, hasBegun: task.hasBegun))
    task.hasBegun = false
    if waits.count >= Self.mostWaits { writeWaits() }
  }

  private mutating func track(of task: inout TracedTask, _ tid: UInt32) -> UInt64 {
    if let track = task.track { return track }
    let track = writer.track(ofThread: tid, process: task.tgid, name: task.name)
    task.track = track
    return track
  }

  private mutating func writeWaits() {
    for wait in waits {
      if !wait.hasBegun {
        begin(wait.stack, wait.frames, on: wait.track, at: wait.since)
      }
      writer.end(on: wait.track, at: wait.end)
    }
    waits.removeAll(keepingCapacity: true)
  }

  private mutating func begin(
    _ stack: Int32, _ frames: [UInt64], on track: UInt64, at time: UInt64
  ) {
    let functions = stacks.functions(stack, frames)
    writer.begin(
      functions.isEmpty ? "uninterruptible sleep" : escaped(WaitSites.site(functions).name),
      of: "D", on: track, at: time, [TraceArgument(stack: functions)].compactMap { $0 })
  }

  /// Those that go on; all of them at the end.
  private mutating func beginWaits(all: Bool) {
    guard let from else { return }
    for tid in tasks.keys.sorted() {
      guard var task = tasks[tid], let since = task.asleepSince, task.sleep == .uninterruptible,
        !task.hasBegun, all || !stacks.functions(task.stack, task.frames).isEmpty
      else { continue }
      begin(
        task.stack, task.frames, on: track(of: &task, tid), at: max(since, from) &- offset)
      task.hasBegun = true
      tasks[tid] = task
    }
  }

  /// An arrow from whoever has what a task waits for.
  private mutating func writeHolders() {
    for wait in lockWaits {
      guard let holder = wait.holder, var owner = tasks[holder], let waiting = tasks[wait.tid],
        waiting.hasBegun, let track = waiting.track
      else { continue }
      let below = self.track(of: &owner, holder)
      let holds = owner.holds ?? writer.track(named: "has what others wait for", below: below)
      owner.holds = holds
      tasks[holder] = owner
      lastFlow += 1
      let what =
        wait.isMmapLock || wait.isHoldersMmapLock || wait.mmapOf != nil
        ? "mmap_lock" : wait.lock.rawValue
      let arguments = [
        TraceArgument("lock", what), TraceArgument("holder", "\(owner.name) (\(holder))"),
        TraceArgument("waiting", "\(waiting.name) (\(wait.tid))"),
        TraceArgument("certain", wait.isUncertain ? "no: it may have released it since" : "yes"),
      ]
      writer.instant(
        "\(waiting.name) waits for \(what)", of: "holder", on: holds, at: sampledAt, arguments,
        flows: [lastFlow])
      writer.instant(
        "\(owner.name) has it", of: "holder", on: track, at: sampledAt, arguments,
        endsFlows: [lastFlow])
    }
    lockWaits = []
  }

  // MARK: - Everything else

  public mutating func observed(_ observation: LoadObservation) {
    switch observation {
    case .setUp(let setup):
      cpus = Array(repeating: [], count: setup.cpus)
    case .task(let tid, let tgid, let comm): name(tid, tgid: tgid, comm)
    case .waiter(let tid, let frames):
      if tasks[tid]?.stack ?? 0 < 0 { tasks[tid]?.frames = frames }
    case .begins(let reading, _): begin(reading)
    case .holders(let waits): lockWaits = waits
    case .sample(let reading): sampledAt = reading.time
    case .names(let answers):
      for answer in answers {
        stacks.take(answer)
        if case .fileServer(let tid, _) = answer.lookup, let server = answer.server {
          lockWaits.append(LockWait(tid: tid, for: server))
        }
      }
    case .sampleEnds:
      guard from != nil else {
        lockWaits = []
        return
      }
      writeWaits()
      beginWaits(all: false)
      writeHolders()
    case .closes(let reading):
      if from != nil { writer.clock(at: reading.at &- offset, wall: reading.wall) }
    case .ends: hasEnded = true
    case .totals:
      writeWaits()
      beginWaits(all: true)
      from = nil
    default: break
    }
  }

  private mutating func begin(_ reading: IntervalReading) {
    offset = reading.clockOffset
    from = reading.at
    let start = reading.at &- offset
    clock = TraceClock(time: start, wall: reading.wall)
    writer.clock(at: start, wall: reading.wall)
    tracks = Tracks(
      load: writer.counter(named: "load1"),
      runnable: writer.counter(named: "R, mean of the interval"),
      uninterruptible: writer.counter(named: "D, mean of the interval"),
      lost: writer.counter(named: "lost records of the interval"),
      gaps: writer.track(named: "gaps between switches"))
  }

  public mutating func add(_ report: LoadSnapshot) {
    guard !report.final, let tracks, let start = clock?.time(of: report.start),
      let end = clock?.time(of: report.end)
    else { return }
    if let load = report.load.kernel.first { writer.count(load, on: tracks.load, at: end) }
    writer.count(report.tasks.runnable.mean, on: tracks.runnable, at: start)
    writer.count(report.tasks.uninterruptible.mean, on: tracks.uninterruptible, at: start)
    writer.count(Double(report.loss.lost), on: tracks.lost, at: start)
  }
}
