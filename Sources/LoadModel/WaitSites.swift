package import Reports
import Tasks

/// Where tasks sleep in D: the kernel functions on their stacks, and the one of them that tells.
package struct WaitSites {
  /// Stacks that the iterator reported, numbered from `firstOwn` on.
  private var own: [[UInt64]: Int32] = [:]
  private var ownFrames: [[UInt64]] = []
  /// Nil where the kernel's symbols are hidden.
  private var functions: [Int32: [String]?] = [:]
  private var sites: [Int32: Site] = [:]
  /// By stack: the lock that the last task there waited for. The slow paths of locks are the scheduler's
  /// (`__sched`), and on no stack that a task scan brings: stack_trace_save_tsk() in kernel/stacktrace.c.
  private var locks: [Int32: LockKind] = [:]
  /// By stack: the file system of a server that the last task there waited for.
  private var servers: [Int32: String] = [:]
  /// Above what the kernel side's map of stacks can number.
  private static let firstOwn: Int32 = 1 << 24
  private static let mostOwn = 16384

  package struct Site: Equatable {
    package var name: String
    package var kind: WaitKind
  }

  /// A number for a stack that isn't in the kernel side's map; negative where there are too many.
  mutating func number(_ frames: [UInt64]) -> Int32 {
    if let known = own[frames] { return known }
    guard own.count < Self.mostOwn, !frames.isEmpty else { return -2 }
    let number = Self.firstOwn + Int32(own.count)
    own[frames] = number
    ownFrames.append(frames)
    return number
  }

  /// Asks for the functions on a stack; nil where they are known, or there is no stack.
  func lookup(of stack: Int32) -> Lookup? {
    guard stack >= 0, functions[stack] == nil else { return nil }
    let index = Int(stack) - Int(Self.firstOwn)
    return .stack(stack, frames: ownFrames.indices.contains(index) ? ownFrames[index] : [])
  }

  /// - Parameter names: innermost first; nil where the kernel's symbols are hidden.
  mutating func know(_ stack: Int32, functions names: [String]?) {
    // Without what the compiler added: ".isra.0", ".constprop.0".
    let names = names?.map { String($0.prefix { $0 != "." }) }
    functions.updateValue(names, forKey: stack)
    sites[stack] = names.map(Self.site) ?? Site(name: "(hidden)", kind: .unknown)
  }

  /// Another sample: what a task with this stack waits for may be another thing.
  mutating func forgetLocks() { locks = [:] }

  /// A task with this stack waits for a lock, as the kernel has noted.
  mutating func know(_ stack: Int32, lock: LockKind) { locks[stack] = lock }

  /// - Parameter server: the type of the file system that a task with this stack waits for.
  mutating func know(_ stack: Int32, server: String?) {
    servers[stack] = server.flatMap { WaitKind.isNetwork($0) ? $0 : nil }
  }

  /// Whether what it waits for depends on the file system that its call is about.
  func mayWaitForServer(_ task: ActiveTask) -> Bool {
    task.state == .uninterruptible && !task.isKernelThread && task.stack >= 0
      && [.disk, .other, .unknown].contains(site(of: task.stack).kind)
  }

  /// What a task in D waits for that somebody answers for: another host, a daemon, or the thread that commits the
  /// journal of ext4 and its like; nil where it waits for nothing of that kind.
  func server(of task: ActiveTask) -> ServedBy? {
    let functions = (functions[task.stack] ?? nil) ?? []
    switch site(of: task).kind {
    case .networkFileSystem: return WaitKind.server(functions) ?? .unknown
    case .journal:
      // The thread itself; a checkpoint and a fast commit, which tasks write themselves.
      let isOwn = functions.contains {
        $0 == "kjournald2" || $0.hasPrefix("jbd2_log_do_checkpoint") || $0.hasPrefix("jbd2_fc_")
      }
      let isJBD2 = functions.contains {
        $0.hasPrefix("jbd2_") || ["wait_transaction_locked", "start_this_handle"].contains($0)
      }
      return isJBD2 && !isOwn ? .journal : nil
    default: return nil
    }
  }

  /// Where a task waits, with the file system, where that is one of a server.
  func site(of task: ActiveTask) -> Site {
    let site = site(of: task.stack)
    guard mayWaitForServer(task), let server = servers[task.stack] else { return site }
    return Site(name: "\(site.name) (\(server))", kind: .networkFileSystem)
  }

  private func site(of stack: Int32) -> Site {
    let site = sites[stack] ?? Site(name: "(unknown)", kind: .unknown)
    guard
      [.other, .unknown].contains(site.kind) || site.kind == .lock && !site.name.hasSuffix(")"),
      let word = locks[stack]?.word
    else { return site }
    return Site(name: "\(site.name) (\(word))", kind: .lock)
  }

  /// Sleeps in D by their stacks' names, the longest first.
  func parts(_ waits: WaitStacks) -> [StackPart] {
    struct Key: Hashable {
      var comm: Comm
      var frames: [String]
    }
    var sums: [Key: WaitStacks.Sum] = [:]
    for (key, sum) in waits.sums {
      let frames = functions[key.stack]?.flatMap { $0 } ?? []
      // The iterator's stacks begin where the scheduler was called, those of switches within it.
      let called = frames.drop { Self.isTracing($0) || ["__schedule", "schedule"].contains($0) }
      let shown = Key(comm: key.comm, frames: Array(called))
      sums[shown, default: WaitStacks.Sum()].count += sum.count
      sums[shown]!.ns &+= sum.ns
    }
    return sums.map { key, sum in
      StackPart(comm: key.comm.text, frames: key.frames, count: sum.count, ns: sum.ns)
    }.sorted { ($1.ns, $0.comm) < ($0.ns, $1.comm) }
  }

  /// The innermost function that isn't the scheduler's or a way of waiting, with the kind of lock
  /// where it waits for one.
  package static func site(_ functions: [String]) -> Site {
    let index = functions.firstIndex { !isWaiting($0) }
    guard let name = index.map({ functions[$0] }) ?? functions.last else {
      return Site(name: "(unknown)", kind: .unknown)
    }
    let lock = functions[...(index ?? functions.count - 1)].lazy.compactMap(lockKind).first
    let (kind, word) = WaitKind.of(site: name, functions, waitsForLock: lock != nil)
    let remarks = [lock, word].compactMap { $0 }
    return Site(
      name: remarks.isEmpty ? name : "\(name) (\(remarks.joined(separator: ", ")))", kind: kind)
  }

  private static func lockKind(_ function: String) -> String? {
    if function.contains("rwsem_down_read") || function == "down_read" { return "rwsem, read" }
    if function.contains("rwsem_down_write") || function == "down_write" { return "rwsem, write" }
    if function.hasPrefix("__mutex_lock") || function.hasPrefix("mutex_lock") { return "mutex" }
    if function.hasPrefix("rt_mutex") || function.hasPrefix("__rt_mutex") { return "rt_mutex" }
    if function == "__down" || function == "down" { return "semaphore" }
    return nil
  }

  /// Ways of waiting, that don't tell for what.
  private static let waiting: Set<String> = [
    "__schedule", "schedule", "preempt_schedule", "io_schedule", "io_schedule_timeout",
    "schedule_timeout", "schedule_timeout_uninterruptible", "schedule_preempt_disabled",
    "schedule_hrtimeout_range", "schedule_hrtimeout_range_clock", "usleep_range_state", "msleep",
    "wait_for_completion", "wait_for_completion_io", "wait_for_completion_state",
    "wait_for_completion_killable", "wait_for_completion_timeout",
    "wait_for_completion_io_timeout", "folio_wait_bit", "folio_wait_bit_common", "__folio_lock",
    "wait_on_page_bit", "wait_on_page_bit_common", "__lock_page", "__wait_for_common",
    "wait_for_common", "do_wait_for_common", "bit_wait", "bit_wait_io", "__wait_on_bit",
    "__wait_on_bit_lock", "out_of_line_wait_on_bit", "out_of_line_wait_on_bit_lock",
    "__refrigerator", "down_read", "down_write", "down_read_killable", "down_write_killable",
    "down", "__down",
    "__down_common", "rt_mutex_slowlock", "rt_mutex_lock",
  ]

  /// What stands on a stack because it was taken.
  private static func isTracing(_ function: String) -> Bool {
    function.hasPrefix("bpf_") || function == "__traceiter_sched_switch"
  }

  private static func isWaiting(_ function: String) -> Bool {
    waiting.contains(function) || isTracing(function) || function.contains("rwsem_down_")
      || function.hasPrefix("__mutex_lock") || function.hasPrefix("mutex_lock")
  }
}

extension LockKind {
  /// As a site has it; nil for what is no lock.
  fileprivate var word: String? {
    switch self {
    case .mutex: "mutex"
    case .semaphore: "semaphore"
    case .rwsemRead: "rwsem, read"
    case .rwsemWrite: "rwsem, write"
    case .vfork, .fuse, .remote, .journal: nil
    }
  }
}
