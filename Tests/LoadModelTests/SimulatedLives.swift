import Records
import Support

/// How tasks of the simulation come, change and go.
extension Simulator {
  mutating func create(threadOf process: UInt32?, on cpu: Int) -> Int {
    let tid = freeTids.removeFirst().tid
    let tgid = process ?? tid
    tasks.append(
      SimulatedTask(
        tid: tid, tgid: tgid, comm: Array("task \(tasks.count % 1000)".utf8),
        counts: counted?.contains(tgid) ?? true))
    present.append(tasks.count - 1)
    tell(SONDE_KIND_NEW_TASK, of: tasks.count - 1, on: cpu)
    return tasks.count - 1
  }

  mutating func fork() {
    let cpu = Int.random(in: cpus.indices, using: &random)
    guard let parent = cpus[cpu].running, tasks[parent].oldTid == nil, !tasks[parent].isDying,
      present.count < 100, let free = freeTids.first, free.since + 2_000_000 < now
    else { return }
    let child = create(threadOf: random.once(in: 2) ? tasks[parent].tgid : nil, on: cpu)
    // Some are created and made to wait for their start.
    if !random.once(in: 4) { wake(child) }
  }

  mutating func rename() {
    let cpu = Int.random(in: cpus.indices, using: &random)
    guard let task = cpus[cpu].running else { return }
    tasks[task].comm = Array("named \(now % 1000)".utf8)
    tell(SONDE_KIND_RENAME, of: task, on: cpu)
  }

  /// The last switch of a task. An id is free once nothing needs it.
  mutating func end(_ task: Int) {
    let process = tasks[task].tgid
    tasks[task].place = .zombie
    let members = present.filter { tasks[$0].tgid == process }
    if members.allSatisfy({ !tasks[$0].isAlive }) {
      members.forEach { release($0) }
    } else if tasks[task].tid != process {
      release(task)
    }
  }

  private mutating func release(_ task: Int) {
    tasks[task].place = .gone
    present.removeAll { $0 == task }
    // The leader's id stays the process's as long as there is one.
    freeTids.append((tasks[task].tid, now))
  }

  /// de_thread(): the last thread of a process beside its leader takes the leader's id in execve.
  /// The end of execve, where it is told of, comes later.
  mutating func exec() {
    let cpu = Int.random(in: cpus.indices, using: &random)
    guard let thread = cpus[cpu].running, !tasks[thread].isDying else { return }
    if let old = tasks[thread].oldTid {
      tasks[thread].oldTid = nil
      tell(SONDE_KIND_EXEC, of: thread, on: cpu, oldTid: old)
      return
    }
    let members = present.filter { tasks[$0].tgid == tasks[thread].tgid }
    guard tasks[thread].tid != tasks[thread].tgid, members.count == 2,
      let leader = members.first(where: { $0 != thread }),
      tasks[leader].tid == tasks[leader].tgid
    else { return }
    switch tasks[leader].place {
    case .zombie: break
    case .running: tasks[leader].isDying = true
    default: return
    }
    tasks[thread].oldTid = tasks[thread].tid
    (tasks[thread].tid, tasks[leader].tid) = (tasks[leader].tid, tasks[thread].tid)
    if tasks[leader].place == .zombie { release(leader) }
    if random.once(in: 2) {
      tasks[thread].comm = Array("exec \(now % 1000)".utf8)
      tell(SONDE_KIND_RENAME, of: thread, on: cpu)
    }
  }

  /// The time of such a record is the CPU's clock as it was last read.
  private mutating func tell(_ kind: sonde_kind, of task: Int, on cpu: Int, oldTid: UInt32 = 0) {
    var record = sonde_task_event()
    record.header.time = max(
      cpus[cpu].told, clock(cpu) - UInt64.random(in: 0...50_000, using: &random))
    record.header.kind = UInt8(kind.rawValue)
    record.cgroup = UInt64(tasks[task].tgid)
    record.header.tid = tasks[task].tid
    record.tgid = tasks[task].tgid
    record.old_tid = oldTid
    record.set(comm: tasks[task].comm)
    tell(.changed(record), on: cpu)
  }

  // MARK: - For the reader

  /// The records up to `horizon`, as `RingBuffers` merges them.
  mutating func take(upTo horizon: UInt64 = .max) -> [Told] {
    var taken: [Told] = []
    var next = Array(repeating: 0, count: cpus.count)
    while true {
      var first: Int?
      for cpu in cpus.indices where next[cpu] < told[cpu].count {
        let time = told[cpu][next[cpu]].time
        if time <= horizon, first.map({ told[$0][next[$0]].time > time }) ?? true { first = cpu }
      }
      guard let cpu = first else { break }
      taken.append(told[cpu][next[cpu]])
      next[cpu] += 1
    }
    for cpu in cpus.indices { told[cpu].removeFirst(next[cpu]) }
    return taken
  }

  /// A pass of the task iterator. Between tasks, time goes on by so many steps at most.
  mutating func survey(steps: Int = 0) -> [sonde_task] {
    var records: [sonde_task] = []
    for task in present.sorted(by: { tasks[$0].tid < tasks[$1].tid }) {
      if steps > 0 { run(steps: Int.random(in: 0...steps, using: &random)) }
      guard tasks[task].place != .gone else { continue }
      records.append(tasks[task].surveyed(at: now - Simulator.clockOffset))
    }
    return records
  }

  /// A pass in which time may go on between any two fields of a record.
  mutating func tornSurvey() -> [sonde_task] {
    var records: [sonde_task] = []
    for task in present.sorted(by: { tasks[$0].tid < tasks[$1].tid }) {
      guard tasks[task].place != .gone else { continue }
      var record = sonde_task()
      for field in 0..<8 {
        if random.once(in: 30) { run(steps: Int.random(in: 1...40, using: &random)) }
        let now = tasks[task].surveyed(at: now - Simulator.clockOffset)
        // In the order of the program.
        switch field {
        case 0: record = now
        case 1: record.pcount = now.pcount
        case 2: record.run_delay = now.run_delay
        case 3: record.last_queued = now.last_queued
        case 4: record.last_arrival = now.last_arrival
        case 5: record.last_ran = now.last_ran
        case 6: (record.tid, record.state) = (now.tid, now.state)
        default: (record.on_cpu, record.on_rq) = (now.on_cpu, now.on_rq)
        }
      }
      records.append(record)
    }
    return records
  }

  /// Of those that a tracker first hears of by a survey, it learns what has grown since.
  mutating func baseline(_ records: [sonde_task]) {
    for record in records {
      guard let task = present.first(where: { tasks[$0].tid == record.tid }) else { continue }
      if tasks[task].pcount == record.pcount { tasks[task].toldDelay = record.run_delay }
      if case .running = tasks[task].place, tasks[task].pcount == record.pcount {
        tasks[task].arrivedAt = min(record.last_arrival, now)
      }
    }
  }

  /// Runs until every CPU has told of a switch.
  mutating func attach() {
    tells = true
    growth = [:]
    for task in present where tasks[task].pcount == 0 {
      growth[tasks[task].tid] = tasks[task].runDelay
    }
    let before = cpus.map(\.switches)
    while zip(cpus, before).contains(where: { $0.switches == $1 }) { run(steps: 10) }
  }
}
