import Reports
import Tasks

/// Groups of the load attribution: their keys, and names that stay when their tasks are gone.
struct GroupNames {
  let by: [Grouping]
  private var names: [Grouping: [UInt64: String]] = [:]
  /// Of names, what stands for them in a key; processes and threads are in families by theirs.
  private var numbers: [Grouping: [String: UInt64]] = [:]
  private var lastNumber: UInt64 = 0
  /// Of the leaders of processes, as last seen: a process takes another name as it execs.
  private var leaders: [UInt64: Comm] = [:]
  private var kinds: [UInt64: WaitKind] = [:]
  /// Of cgroups by their ids, as far as their paths are known.
  private var places: [UInt64: CgroupPlace] = [:]
  /// Of containers, by their numbers.
  private var pods: [UInt64: String] = [:]
  /// Where rows are told apart by processes or threads, but not by cgroups: the cgroup that each was last
  /// seen in.
  private let housed: Grouping?
  private var homes: [UInt64: UInt64] = [:]
  /// The same of all of one name, by that name's number; 0 where they are in several.
  private var familyHomes: [UInt64: UInt64] = [:]
  /// Of the task that a key was made of last, its name's number.
  private var family: UInt64?

  init(by: [Grouping]) {
    self.by = by
    housed = by.contains(.cgroup) ? nil : by.first { $0 == .process || $0 == .thread }
  }

  /// Whether the path of a task's cgroup is wanted, though rows don't go by it.
  func wantsHome(of task: ActiveTask) -> Bool {
    housed != nil && task.cgroup != 0 && task.tgid != 0 && names[.cgroup]?[task.cgroup] == nil
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
      case .container, .unit:
        if places[task.cgroup] == nil {
          wanted.insert(.cgroup(task.cgroup, process: task.tgid))
        }
      case .user: wanted.insert(.user(process: task.tgid))
      case .thread, .comm, .state, .site: break
      }
    }
  }

  mutating func key(of task: ActiveTask, _ sample: borrowing SampleNames) -> LoadAttribution.Key {
    family = nil
    var key = LoadAttribution.Key(state: task.state == .runnable ? .runnable : .uninterruptible)
    for (index, grouping) in by.enumerated() {
      let part = part(grouping, task, sample)
      if index == 0 { key.first = part } else { key.second = part }
      switch grouping {
      case .process, .thread, .comm: key.isKernelThread = task.isKernelThread
      case .site where task.state == .uninterruptible: key.wait = kinds[part] ?? .unknown
      default: break
      }
    }
    if let housed { house(task, housed, sample) }
    return key
  }

  private mutating func house(
    _ task: ActiveTask, _ grouping: Grouping, _ sample: borrowing SampleNames
  ) {
    let value = UInt64(grouping == .process ? task.tgid : task.tid)
    guard value != 0, task.cgroup != 0 else { return }
    if homes[value] != task.cgroup { homes[value] = task.cgroup }
    if let family {
      let known = familyHomes[family]
      if known == nil {
        familyHomes[family] = task.cgroup
      } else if known != task.cgroup, known != 0 {
        familyHomes[family] = 0
      }
    }
    if names[.cgroup]?[task.cgroup] == nil {
      names[.cgroup, default: [:]][task.cgroup] = sample.cgroupPath(of: task)
    }
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
    _ grouping: Grouping, _ task: ActiveTask, _ sample: borrowing SampleNames
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
      if tgid != 0 {
        if names[grouping]?[tgid] == nil {
          names[grouping, default: [:]][tgid] = sample.processName(of: task)
        }
        if let name = names[grouping]?[tgid] { family = number(grouping, name) }
      }
      return tgid
    case .thread:
      names[grouping, default: [:]][UInt64(task.tid)] = task.comm.text
      family = number(grouping, task.comm.text)
      return UInt64(task.tid)
    case .cgroup:
      if names[grouping]?[task.cgroup] == nil {
        names[grouping, default: [:]][task.cgroup] =
          sample.cgroupPath(of: task) ?? "cgroup \(task.cgroup)"
      }
      return task.cgroup
    case .container:
      guard let place = place(of: task, sample) else { return 0 }
      guard let container = place.container else { return named(grouping, Self.noContainer) }
      // No name of a cgroup has a slash in it.
      let number = number(grouping, place.pod.map { "\($0)/\(container)" } ?? container)
      names[grouping, default: [:]][number] = container
      pods[number] = place.pod
      return number
    case .unit:
      guard let place = place(of: task, sample) else { return 0 }
      return named(grouping, place.unit ?? Self.noUnit)
    case .comm: return named(grouping, task.comm.text)
    case .user:
      let user = sample.user(of: task)
      let id = user.map { UInt64($0.id) } ?? .max
      names[grouping, default: [:]][id] = user?.name ?? "(unknown)"
      return id
    case .site:
      guard task.state == .uninterruptible else { return 0 }
      let site = sample.sites.site(of: task)
      let number = named(grouping, site.name)
      kinds[number] = site.kind
      return number
    }
  }

  // No container and no unit can have these names: `CgroupPlace`.
  static let noContainer = "(no container)"
  static let noUnit = "(no unit)"

  /// Nil where the path isn't known: another task of the cgroup may still show it.
  private mutating func place(
    of task: ActiveTask, _ sample: borrowing SampleNames
  ) -> CgroupPlace? {
    if let known = places[task.cgroup] { return known }
    guard let path = sample.cgroupPath(of: task) else { return nil }
    let place = CgroupPlace(path: path)
    // 0 stands for whatever cgroup a task is in that wasn't seen.
    if task.cgroup != 0 { places[task.cgroup] = place }
    return place
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

  /// A sample is over: forgets names that no group has any more.
  mutating func keep(_ attribution: LoadAttribution) {
    let kept = names.values.reduce(places.count) { $0 + $1.count }
    guard kept > 4 * attribution.groups.count + 1000 else { return }
    // They are asked for again: which of them still have tasks isn't known.
    places = [:]
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
        if grouping == housed {
          homes = homes.filter { single.contains($0.key) }
          let numbered = Set(numbers[grouping]?.values ?? [:].values)
          familyHomes = familyHomes.filter { numbered.contains($0.key) }
          let lived = Set(homes.values).union(familyHomes.values)
          names[.cgroup] = names[.cgroup]?.filter { lived.contains($0.key) }
        }
      } else {
        let all = single.union(folded)
        names[grouping] = names[grouping]?.filter { all.contains($0.key) }
        numbers[grouping] = numbers[grouping]?.filter { all.contains($0.value) }
        if grouping == .site { kinds = kinds.filter { all.contains($0.key) } }
        if grouping == .container { pods = pods.filter { all.contains($0.key) } }
      }
    }
  }

  /// Every group as a row, nothing left out.
  func rows(_ attribution: LoadAttribution) -> [AttributionRow] {
    // Of families, which go by numbers.
    let families = numbers.filter { $0.key == .process || $0.key == .thread }.mapValues { numbers in
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
        case .container: (row.container, row.pod) = (name, pods[value])
        case .unit: row.unit = name
        case .user: row.user = name
        case .site: row.site = name
        }
        if grouping == housed, let home = (key.isFolded ? familyHomes : homes)[value] {
          row.cgroup = names[.cgroup]?[home]
        }
      }
      return row
    }
  }
}
