/// What the load attribution tells tasks apart by.
public enum Grouping: String, Sendable, CaseIterable, Codable {
  case process, thread, cgroup, user, comm, state, site
}

/// Groups of the load attribution: their keys, and names that stay when their tasks are gone.
struct GroupNames {
  let by: [Grouping]
  private var names: [Grouping: [UInt64: String]] = [:]
  private var numbers: [Grouping: [String: UInt64]] = [:]
  private var lastNumber: UInt64 = 0
  /// Of the leaders of processes, as last seen: a process takes another name as it execs.
  private var leaders: [UInt64: Comm] = [:]
  private var kinds: [UInt64: WaitKind] = [:]
  private var kernelThreads: Set<UInt64> = []

  init(by: [Grouping]) {
    self.by = by
  }

  /// What a task's key takes besides what is known.
  func addLookups(for task: ActiveTask, to wanted: inout Set<Lookup>) {
    for grouping in by {
      switch grouping {
      case .process:
        if task.tid != task.tgid, task.tgid != 0, names[grouping]?[UInt64(task.tgid)] == nil {
          wanted.insert(.process(task.tgid))
        }
      case .cgroup:
        if names[grouping]?[task.cgroup] == nil {
          wanted.insert(.cgroup(task.cgroup, process: task.tgid))
        }
      case .user: wanted.insert(.user(process: task.tgid))
      case .thread, .comm, .state, .site: break
      }
    }
  }

  mutating func key(of task: ActiveTask, _ sample: borrowing SampleNames) -> LoadAttribution.Key {
    LoadAttribution.Key(
      state: task.state, first: part(by[0], task, sample),
      second: by.count > 1 ? part(by[1], task, sample) : 0)
  }

  private mutating func part(
    _ grouping: Grouping, _ task: ActiveTask, _ sample: borrowing SampleNames
  ) -> UInt64 {
    switch grouping {
    case .state: return 0
    case .process:
      let tgid = UInt64(task.tgid)
      if task.isKernelThread { kernelThreads.insert(tgid) } else { kernelThreads.remove(tgid) }
      if task.tid == task.tgid, leaders[tgid] != task.comm {
        leaders[tgid] = task.comm
        names[grouping]?[tgid] = nil
      }
      if names[grouping]?[tgid] == nil {
        // A new task that nothing has been reported of yet has no process.
        names[grouping, default: [:]][tgid] =
          task.tgid == 0 ? "(unknown)" : "\(sample.processName(of: task)) (\(task.tgid))"
      }
      return tgid
    case .thread:
      names[grouping, default: [:]][UInt64(task.tid)] = "\(task.comm.text) (\(task.tid))"
      return UInt64(task.tid)
    case .cgroup:
      if names[grouping]?[task.cgroup] == nil {
        names[grouping, default: [:]][task.cgroup] =
          sample.cgroupPath(of: task) ?? "cgroup \(task.cgroup)"
      }
      return task.cgroup
    case .comm: return number(grouping, task.comm.text)
    case .user:
      let user = sample.user(of: task)
      let id = user.map { UInt64($0.id) } ?? .max
      names[grouping, default: [:]][id] = user?.name ?? "(unknown)"
      return id
    case .site:
      guard task.state == .uninterruptible else { return 0 }
      let site = sample.sites.site(of: task)
      let number = number(grouping, site.name)
      kinds[number] = site.kind
      return number
    }
  }

  private mutating func number(_ grouping: Grouping, _ name: String) -> UInt64 {
    if let known = numbers[grouping]?[name] { return known }
    lastNumber += 1
    let number = lastNumber
    numbers[grouping, default: [:]][name] = number
    names[grouping, default: [:]][number] = name
    return number
  }

  /// A sample is over: forgets names that no group has any more.
  mutating func keep(_ attribution: LoadAttribution) {
    guard names.values.reduce(0, { $0 + $1.count }) > 4 * attribution.groups.count + 1000 else {
      return
    }
    for (index, grouping) in by.enumerated() {
      let used = Set(attribution.groups.keys.map { index == 0 ? $0.first : $0.second })
      names[grouping] = names[grouping]?.filter { used.contains($0.key) }
      numbers[grouping] = numbers[grouping]?.filter { used.contains($0.value) }
      if grouping == .site { kinds = kinds.filter { used.contains($0.key) } }
      if grouping == .process {
        leaders = leaders.filter { used.contains($0.key) }
        kernelThreads.formIntersection(used)
      }
    }
  }

  /// What it waits for, where groups are by site.
  func kind(of key: LoadAttribution.Key) -> WaitKind {
    zip(by, [key.first, key.second]).first { $0.0 == .site }.flatMap { kinds[$0.1] } ?? .other
  }

  /// Whether it is a kernel thread, where groups are by process.
  func isKernelThread(_ key: LoadAttribution.Key) -> Bool {
    zip(by, [key.first, key.second]).contains { $0 == .process && kernelThreads.contains($1) }
  }

  /// Who it is, by all but the site; and the site, where groups are by site.
  func name(of key: LoadAttribution.Key) -> (group: String, site: String?) {
    if key == LoadAttribution.others(key.state) { return ("others", nil) }
    var group: [String] = []
    var site: String?
    for (grouping, value) in zip(by, [key.first, key.second]) {
      switch grouping {
      case .state: break
      case .site: site = names[grouping]?[value]
      default: group.append(names[grouping]?[value] ?? "(unknown)")
      }
    }
    return (group.joined(separator: ", "), site)
  }
}
