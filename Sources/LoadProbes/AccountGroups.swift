import Glibc
import LoadModel
import Proc
import Tasks

/// What the load account tells tasks apart by.
public enum Grouping: String, Sendable, CaseIterable {
  case process, thread, cgroup, user, comm, state, site
}

/// Groups of the load account: their keys, and names that stay when their tasks are gone.
struct AccountGroups {
  let by: [Grouping]
  private var names: [Grouping: [UInt64: String]] = [:]
  private var numbers: [Grouping: [String: UInt64]] = [:]
  private var lastNumber: UInt64 = 0
  /// Of the leaders of processes, as last seen: a process takes another name as it execs.
  private var leaders: [UInt64: Comm] = [:]
  /// Of one sample's tasks: ids come again.
  private var users: [UInt32: UInt32] = [:]
  private var kinds: [UInt64: WaitKind] = [:]
  private var kernelThreads: Set<UInt64> = []

  init(by: [Grouping]) {
    self.by = by
  }

  mutating func key(
    of task: ActiveTask, _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) -> LoadAccount.Key {
    var parts: [UInt64] = []
    for grouping in by { parts.append(part(grouping, task, &sites, probes)) }
    return LoadAccount.Key(
      state: task.state, first: parts.first ?? 0, second: parts.count > 1 ? parts[1] : 0)
  }

  private mutating func part(
    _ grouping: Grouping, _ task: ActiveTask, _ sites: inout WaitSites,
    _ probes: borrowing SchedProbes
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
      note(grouping, tgid) {
        // A task that has come to be and that nothing has told of yet.
        task.tgid == 0 ? "(unknown)" : "\(Self.processName(task, probes)) (\(task.tgid))"
      }
      return tgid
    case .thread:
      names[grouping, default: [:]][UInt64(task.tid)] = "\(task.comm.text) (\(task.tid))"
      return UInt64(task.tid)
    case .cgroup:
      note(grouping, task.cgroup) {
        (probes.seesAllTasks ? Cgroup.path(ofProcess: Int32(bitPattern: task.tgid)) : nil)
          ?? "cgroup \(task.cgroup)"
      }
      return task.cgroup
    case .comm: return number(grouping, task.comm.text)
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
      let number = number(grouping, site.name)
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
    let number = lastNumber
    numbers[grouping, default: [:]][name] = number
    names[grouping, default: [:]][number] = name
    return number
  }

  /// Of the process, which a thread's may differ from. In a PID namespace of one's own /proc has other
  /// ids.
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
  mutating func keep(_ account: LoadAccount) {
    users = [:]
    guard names.values.reduce(0, { $0 + $1.count }) > 4 * account.groups.count + 1000 else {
      return
    }
    for (index, grouping) in by.enumerated() {
      let used = Set(account.groups.keys.map { index == 0 ? $0.first : $0.second })
      names[grouping] = names[grouping]?.filter { used.contains($0.key) }
      numbers[grouping] = numbers[grouping]?.filter { used.contains($0.value) }
      if grouping == .site { kinds = kinds.filter { used.contains($0.key) } }
      if grouping == .process {
        leaders = leaders.filter { used.contains($0.key) }
        kernelThreads.formIntersection(used)
      }
    }
  }

  /// What it waits for, where it is told by site.
  func kind(of key: LoadAccount.Key) -> WaitKind {
    zip(by, [key.first, key.second]).first { $0.0 == .site }.flatMap { kinds[$0.1] } ?? .other
  }

  /// Whether it is a kernel thread, where it is told by process.
  func isKernelThread(_ key: LoadAccount.Key) -> Bool {
    zip(by, [key.first, key.second]).contains { $0 == .process && kernelThreads.contains($1) }
  }

  /// Who it is, by all but the site; and the site, where it is told.
  func name(of key: LoadAccount.Key) -> (group: String, site: String?) {
    if key == LoadAccount.others(key.state) { return ("others", nil) }
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
