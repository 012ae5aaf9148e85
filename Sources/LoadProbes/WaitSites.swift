import LoadModel
import Proc
import Reports
import Records
import Symbols
import Tasks

/// Where tasks sleep in D: the kernel functions on their stacks, and the one of them that tells.
package struct WaitSites {
  /// Read when first needed: they take a tenth of a second and 15 MB. Nil where they may not be seen.
  private lazy var symbols: KernelSymbols? = try? KernelSymbols.current()
  /// Stacks that the iterator told, numbered from `firstOwn` on.
  private var own: [[UInt64]: Int32] = [:]
  private var ownFrames: [[UInt64]] = []
  private var sites: [Int32: Site] = [:]
  /// By stack: the file system of a server that the last task there waited for.
  private var servers: [Int32: String] = [:]
  private var lookups = 0
  private static let mostLookups = 64
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

  /// The same of a task, with the file system that it waits for, where that is one of a server.
  mutating func site(of task: ActiveTask, _ probes: borrowing SchedProbes) -> Site {
    var site = site(of: task.stack, probes)
    guard [.disk, .other, .unknown].contains(site.kind), !task.isKernelThread, task.stack >= 0,
      probes.seesAllTasks
    else { return site }
    // Of very many that wait alike, the last one stands for the rest.
    if lookups < Self.mostLookups {
      lookups += 1
      servers[task.stack] = FileCall.fileSystem(ofTask: Int32(bitPattern: task.tid))
        .flatMap { WaitKind.isNetwork($0) ? $0 : nil }
    }
    if let server = servers[task.stack] {
      site = Site(name: "\(site.name) (\(server))", kind: .networkFileSystem)
    }
    return site
  }

  /// Another load sample.
  mutating func beginSample() { lookups = 0 }
  /// From here on tasks may be elsewhere than where they were counted.
  mutating func endLookups() { lookups = Self.mostLookups }

  /// The function that tells what a stack waits for.
  mutating func site(of stack: Int32, _ probes: borrowing SchedProbes) -> Site {
    guard stack >= 0 else { return Site(name: "(unknown)", kind: .unknown) }
    if let known = sites[stack] { return known }
    let site =
      functions(of: stack, probes).map(Self.site) ?? Site(name: "(hidden)", kind: .unknown)
    sites[stack] = site
    return site
  }

  /// The functions on a stack, innermost first, without what the compiler added to their names; nil
  /// where the kernel's symbols are hidden.
  mutating func functions(of stack: Int32, _ probes: borrowing SchedProbes) -> [String]? {
    let frames =
      stack >= Self.firstOwn ? ownFrames[Int(stack - Self.firstOwn)] : probes.frames(ofStack: stack)
    return symbols.map { symbols in
      frames.compactMap { symbols.name(of: $0).map { String($0.prefix { $0 != "." }) } }
    }
  }

  /// Sleeps in D by their stacks' names, the longest first.
  mutating func parts(_ waits: WaitStacks, _ probes: borrowing SchedProbes) -> [StackPart] {
    struct Key: Hashable {
      var comm: Comm
      var frames: [String]
    }
    var sums: [Key: WaitStacks.Sum] = [:]
    for (key, sum) in waits.sums {
      let frames = key.stack < 0 ? [] : functions(of: key.stack, probes) ?? []
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
