import Reports
import Tasks

/// The names of one load sample's tasks: which are wanted, and what was answered.
struct SampleNames {
  private(set) var sites = WaitSites()
  /// Whether /proc has tasks by the ids that the kernel side reports them by.
  let pidsAreGlobal: Bool
  private var answers: [Lookup: Answer] = [:]
  /// Tasks whose file system was asked for at this sample, with their stacks.
  private var fileSystems: [UInt32: Int32] = [:]
  /// The same of those who answer for file systems.
  private var serversWanted: [UInt32: (stack: Int32, kind: ServedBy)] = [:]
  private static let mostFileSystems = 64
  private static let mostOfOnePlace = 16

  /// Whether to ask also for what no table is by.
  private let wantsAll: Bool

  init(pidsAreGlobal: Bool, wantsAll: Bool) {
    (self.pidsAreGlobal, self.wantsAll) = (pidsAreGlobal, wantsAll)
  }

  /// What is still to be asked for, once or several times until it is nothing: of which file system a
  /// task waits depends on where it does.
  ///
  /// - Parameters:
  ///   - processes: tasks of which the process's name is wanted, whatever the tables are by.
  ///   - owners: the same, by their ids.
  ///   - asleep: tasks that are not in D, of which it is wanted where they wait.
  ///   - isOver: whether the sample is: tasks may be elsewhere than where they were counted.
  mutating func missing(
    for tasks: [ActiveTask], throttled: [ActiveTask], processes: [ActiveTask] = [],
    owners: Set<UInt32> = [], asleep: [ActiveTask] = [], in tables: [AttributionTable], isOver: Bool
  ) -> [Lookup] {
    var wanted: Set<Lookup> = []
    let namesSites = tables.contains { $0.groups.by.contains(.site) }
    // Any of its tasks tells a cgroup's path.
    var homes: Set<UInt64> = []
    for task in tasks {
      if namesSites, task.state == .uninterruptible, let lookup = sites.lookup(of: task.stack) {
        wanted.insert(lookup)
      }
      guard pidsAreGlobal else { continue }
      for table in tables { table.groups.addLookups(for: task, to: &wanted) }
      if tables.first?.groups.wantsHome(of: task) == true,
        homes.insert(task.cgroup).inserted
      {
        wanted.insert(.cgroup(task.cgroup, process: task.tgid))
      }
      if wantsAll {
        wanted.insert(.cgroup(task.cgroup, process: task.tgid))
        wanted.insert(.user(process: task.tgid))
        if task.tid != task.tgid, task.tgid != 0 { wanted.insert(.process(task.tgid)) }
      }
    }
    for task in processes where pidsAreGlobal && task.tid != task.tgid && task.tgid != 0 {
      wanted.insert(.process(task.tgid))
    }
    if pidsAreGlobal { for owner in owners { wanted.insert(.process(owner)) } }
    if pidsAreGlobal { for task in asleep { wanted.insert(.waitChannel(task: task.tid)) } }
    if pidsAreGlobal { for task in throttled { wanted.insert(.quota(process: task.tgid)) } }
    wanted = wanted.filter { answers[$0] == nil }
    if wanted.isEmpty, pidsAreGlobal, namesSites, !isOver {
      addFileSystems(of: tasks, to: &wanted)
      if wanted.isEmpty { addServers(of: tasks, asleep: asleep, to: &wanted) }
    }
    return Array(wanted)
  }

  private mutating func addServers(
    of tasks: [ActiveTask], asleep: [ActiveTask], to wanted: inout Set<Lookup>
  ) {
    func want(_ task: ActiveTask, _ stack: Int32, _ kind: ServedBy) {
      guard serversWanted.count < Self.mostFileSystems, serversWanted[task.tid] == nil else {
        return
      }
      serversWanted[task.tid] = (stack, kind)
      wanted.insert(.fileServer(task: task.tid, kind))
    }
    if serversWanted.isEmpty {
      // Many tasks sleep in few places.
      var places: [Int32: (kind: ServedBy?, asked: Int)] = [:]
      for task in tasks where task.state == .uninterruptible {
        guard serversWanted.count < Self.mostFileSystems else { break }
        var place = places[task.stack] ?? (sites.server(of: task), 0)
        if let kind = place.kind, place.asked < Self.mostOfOnePlace {
          want(task, task.stack, kind)
          place.asked += 1
        }
        places[task.stack] = place
      }
    }
    for task in asleep {
      guard let site = waitChannel(of: task), site.kind == .networkFileSystem else { continue }
      want(task, -1, WaitKind.server([site.name]) ?? .unknown)
    }
  }

  /// Who answers for the file systems that tasks wait for: of those that were asked for, and of others that sleep
  /// in the same place, where all that were asked for there wait for the same.
  func servers(of tasks: [ActiveTask]) -> [(tid: UInt32, server: FileServerName)] {
    guard !serversWanted.isEmpty else { return [] }
    var known: [UInt32: FileServerName?] = [:]
    var byStack: [Int32: Set<FileServerName?>] = [:]
    for (tid, (stack, kind)) in serversWanted {
      guard let answer = answers[.fileServer(task: tid, kind)] else { continue }
      known[tid] = .some(answer.server)
      if stack >= 0 { byStack[stack, default: []].insert(answer.server) }
    }
    let others = tasks.filter { $0.state == .uninterruptible && known[$0.tid] == nil }
      .compactMap { task -> (UInt32, FileServerName)? in
        guard let all = byStack[task.stack], all.count == 1, let server = all.first! else {
          return nil
        }
        return (task.tid, server)
      }
    return known.compactMap { tid, server in server.map { (tid, $0) } } + others
  }

  private mutating func addFileSystems(of tasks: [ActiveTask], to wanted: inout Set<Lookup>) {
    guard fileSystems.isEmpty else { return }
    for task in tasks where sites.mayWaitForServer(task) {
      guard fileSystems.count < Self.mostFileSystems else { return }
      fileSystems[task.tid] = task.stack
      wanted.insert(.fileSystem(task: task.tid))
    }
  }

  mutating func take(_ new: [Answer]) {
    for answer in new {
      switch answer.lookup {
      case .stack(let stack, _): sites.know(stack, functions: answer.functions)
      case .fileSystem(let task):
        if let stack = fileSystems[task] { sites.know(stack, server: answer.text) }
      default: break
      }
      answers[answer.lookup] = answer
    }
  }

  /// Another sample: ids come again.
  mutating func begin() {
    sites.forgetLocks()
    answers = [:]
    fileSystems = [:]
    serversWanted = [:]
  }

  /// Gives a stack a number that the kernel side has none for.
  mutating func number(_ frames: [UInt64]) -> Int32 { sites.number(frames) }

  /// What a task waits for, as the kernel has noted.
  mutating func know(_ task: ActiveTask, waitsFor lock: LockKind) {
    guard task.stack >= 0 else { return }
    sites.know(task.stack, lock: lock)
  }

  /// Asks for the functions on these stacks, those that are known left out.
  func missing(stacks: some Sequence<Int32>) -> [Lookup] {
    Array(Set(stacks.compactMap { sites.lookup(of: $0) }))
  }

  // MARK: - Answers

  /// Of the process, which a thread's may differ from.
  func processName(of task: ActiveTask) -> String {
    if task.tid == task.tgid { return task.comm.text }
    return answers[.process(task.tgid)]?.text ?? task.comm.text
  }

  func processName(of tgid: UInt32) -> String? { answers[.process(tgid)]?.text }

  /// Where a task waits that isn't in D; nil where that isn't known.
  func waitChannel(of task: ActiveTask) -> WaitSites.Site? {
    answers[.waitChannel(task: task.tid)]?.text.map { WaitSites.site([$0]) }
  }

  func cgroupPath(of task: ActiveTask) -> String? {
    answers[.cgroup(task.cgroup, process: task.tgid)]?.text
  }

  func user(of task: ActiveTask) -> (id: UInt32, name: String)? {
    guard let answer = answers[.user(process: task.tgid)], let id = answer.userID else {
      return nil
    }
    return (id, answer.text ?? "user \(id)")
  }

  func quota(of task: ActiveTask) -> QuotaCounters? {
    answers[.quota(process: task.tgid)]?.quota
  }
}
