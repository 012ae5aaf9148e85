import Glibc
import LoadModel
import Proc
import Reports

/// Groups of the load attribution: their keys, and names that stay when their tasks are gone.
struct AccountGroups {
  let by: [Grouping]
  private var names: [Grouping: [UInt64: String]] = [:]
  /// Of names, what stands for them in a key; processes and threads are in families by theirs.
  private var numbers: [Grouping: [String: UInt64]] = [:]
  private var lastNumber: UInt64 = 0
  /// Of the leaders of processes, as last seen: a process takes another name as it execs.
  private var leaders: [UInt64: Comm] = [:]
  /// Of one sample's tasks: ids come again.
  private var users: [UInt32: UInt32] = [:]
  private var kinds: [UInt64: WaitKind] = [:]

  init(by: [Grouping]) {
    self.by = by
  }

  mutating func key(
    of task: ActiveTask, _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) -> LoadAttribution.Key {
    var key = LoadAttribution.Key(state: task.state == .runnable ? .runnable : .uninterruptible)
    for (index, grouping) in by.enumerated() {
      let part = part(grouping, task, &sites, probes)
      if index == 0 { key.first = part } else { key.second = part }
      switch grouping {
      case .process, .thread, .comm: key.isKernelThread = task.isKernelThread
      case .site where task.state == .uninterruptible: key.wait = kinds[part] ?? .unknown
      default: break
      }
    }
    return key
  }

  /// The same of all processes or threads of its name; nil where groups have no such name.
  func family(of key: LoadAttribution.Key) -> LoadAttribution.Key? {
    var family = key
    family.isFolded = true
    var isFamily = false
    func number(_ grouping: Grouping, _ value: UInt64) -> UInt64? {
      guard grouping == .process || grouping == .thread else { return value }
      isFamily = true
      return names[grouping]?[value].flatMap { numbers[grouping]?[$0] }
    }
    for (index, grouping) in by.enumerated() {
      guard let number = number(grouping, index == 0 ? key.first : key.second) else { return nil }
      if index == 0 { family.first = number } else { family.second = number }
    }
    return isFamily ? family : nil
  }

  private mutating func part(
    _ grouping: Grouping, _ task: ActiveTask, _ sites: inout WaitSites,
    _ probes: borrowing SchedProbes
  ) -> UInt64 {
    switch grouping {
    case .state: return 0
    case .process:
      let tgid = UInt64(task.tgid)
      if task.tid == task.tgid, leaders[tgid] != task.comm {
        leaders[tgid] = task.comm
        names[grouping]?[tgid] = nil
      }
      // Of a task that was only just created nothing is known yet.
      if task.tgid != 0 {
        note(grouping, tgid) { Self.processName(task, probes) }
        if let name = names[grouping]?[tgid] { _ = number(grouping, name) }
      }
      return tgid
    case .thread:
      names[grouping, default: [:]][UInt64(task.tid)] = task.comm.text
      _ = number(grouping, task.comm.text)
      return UInt64(task.tid)
    case .cgroup:
      note(grouping, task.cgroup) {
        (probes.seesAllTasks ? Cgroup.path(ofProcess: Int32(bitPattern: task.tgid)) : nil)
          ?? "cgroup \(task.cgroup)"
      }
      return task.cgroup
    case .comm: return named(grouping, task.comm.text)
    case .user:
      let user = probes.seesAllTasks ? userID(task.tgid) : .max
      note(grouping, UInt64(user)) {
        guard user != .max, let entry = unsafe getpwuid(user) else { return "user \(user)" }
        return unsafe String(cString: entry.pointee.pw_name)
      }
      return UInt64(user)
    case .site:
      guard task.state == .uninterruptible else { return 0 }
      let site = sites.site(of: task, probes)
      let number = named(grouping, site.name)
      kinds[number] = site.kind
      return number
    }
  }

  private mutating func note(_ grouping: Grouping, _ value: UInt64, _ name: () -> String) {
    if names[grouping]?[value] == nil { names[grouping, default: [:]][value] = name() }
  }

  private mutating func number(_ grouping: Grouping, _ name: String) -> UInt64 {
    if let known = numbers[grouping]?[name] { return known }
    lastNumber += 1
    numbers[grouping, default: [:]][name] = lastNumber
    return lastNumber
  }

  private mutating func named(_ grouping: Grouping, _ name: String) -> UInt64 {
    let number = number(grouping, name)
    names[grouping, default: [:]][number] = name
    return number
  }

  /// Of the process, which a thread's may differ from. Inside a PID namespace /proc has other ids.
  private static func processName(_ task: ActiveTask, _ probes: borrowing SchedProbes) -> String {
    if task.tid == task.tgid || !probes.seesAllTasks { return task.comm.text }
    return (try? ProcessStatus.of(pid: Int32(bitPattern: task.tgid)))?.name ?? task.comm.text
  }

  private mutating func userID(_ tgid: UInt32) -> UInt32 {
    if let known = users[tgid] { return known }
    var status = stat()
    let user = unsafe stat("/proc/\(tgid)", &status) == 0 ? status.st_uid : .max
    users[tgid] = user
    return user
  }

  /// A sample is over: forgets names that no group has any more.
  mutating func keep(_ attribution: LoadAttribution) {
    users = [:]
    guard names.values.reduce(0, { $0 + $1.count }) > 4 * attribution.groups.count + 1000 else {
      return
    }
    for (index, grouping) in by.enumerated() {
      func used(isFolded: Bool) -> Set<UInt64> {
        Set(
          attribution.groups.keys.filter { $0.isFolded == isFolded }
            .map { index == 0 ? $0.first : $0.second })
      }
      let (single, folded) = (used(isFolded: false), used(isFolded: true))
      if grouping == .process || grouping == .thread {
        names[grouping] = names[grouping]?.filter { single.contains($0.key) }
        let own = Set((names[grouping] ?? [:]).values)
        numbers[grouping] = numbers[grouping]?.filter {
          own.contains($0.key) || folded.contains($0.value)
        }
        if grouping == .process { leaders = leaders.filter { single.contains($0.key) } }
      } else {
        let all = single.union(folded)
        names[grouping] = names[grouping]?.filter { all.contains($0.key) }
        numbers[grouping] = numbers[grouping]?.filter { all.contains($0.value) }
        if grouping == .site { kinds = kinds.filter { all.contains($0.key) } }
      }
    }
  }

  /// Every group as a row, nothing left out.
  func rows(_ attribution: LoadAttribution) -> [AttributionRow] {
    // Of families, which go by numbers.
    let families = numbers.mapValues { numbers in
      Dictionary(numbers.map { ($0.value, $0.key) }) { first, _ in first }
    }
    return attribution.rows { key in
      var row = AttributionRow(state: key.state)
      guard key != key.others else { return row }
      for (grouping, value) in zip(by, [key.first, key.second]) {
        let name = (key.isFolded ? families : names)[grouping]?[value] ?? names[grouping]?[value]
        let id = key.isFolded || name == nil ? nil : UInt32(truncatingIfNeeded: value)
        switch grouping {
        case .state: break
        case .process: (row.process, row.pid) = (name, id)
        case .thread: (row.comm, row.tid) = (name, id)
        case .comm: row.comm = name
        case .cgroup: row.cgroup = name
        case .user: row.user = name
        case .site: row.site = name
        }
      }
      return row
    }
  }
}
