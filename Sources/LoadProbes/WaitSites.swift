import LoadTrace
import Records
import Symbols

/// Where tasks sleep in D: the kernel functions on their stacks, and the one of them that tells.
struct WaitSites {
  /// Read when first needed: they take a tenth of a second and 15 MB. Nil where they may not be seen.
  private lazy var symbols: KernelSymbols? = try? KernelSymbols.current()
  /// Stacks that the iterator told, numbered from `firstOwn` on.
  private var own: [[UInt64]: Int32] = [:]
  private var ownFrames: [[UInt64]] = []
  private var names: [Int32: String] = [:]
  /// Above what the kernel side's map of stacks can number.
  private static let firstOwn: Int32 = 1 << 24
  private static let mostOwn = 16384

  /// A number for a stack that isn't in the kernel side's map; negative where there are too many.
  mutating func number(_ frames: [UInt64]) -> Int32 {
    if let known = own[frames] { return known }
    guard own.count < Self.mostOwn, !frames.isEmpty else { return -2 }
    let number = Self.firstOwn + Int32(own.count)
    own[frames] = number
    ownFrames.append(frames)
    return number
  }

  /// The function that tells what a stack waits for.
  mutating func site(of stack: Int32, _ probes: borrowing SchedProbes) -> String {
    guard stack >= 0 else { return "(unknown)" }
    if let known = names[stack] { return known }
    let frames =
      stack >= Self.firstOwn ? ownFrames[Int(stack - Self.firstOwn)] : probes.frames(ofStack: stack)
    let name = symbols.map { Self.site(functions(frames, $0)) } ?? "(hidden)"
    names[stack] = name
    return name
  }

  private func functions(_ frames: [UInt64], _ symbols: KernelSymbols) -> [String] {
    frames.compactMap { symbols.name(of: $0) }
  }

  /// The innermost function that isn't the scheduler's or a way of waiting, with the kind of lock
  /// where it waits for one.
  static func site(_ functions: [String]) -> String {
    var lock: String?
    var last: String?
    for function in functions {
      let plain = String(function.prefix { $0 != "." })
      if let kind = lockKind(plain) { lock = lock ?? kind }
      last = plain
      guard !isWaiting(plain) else { continue }
      return lock.map { "\(plain) (\($0))" } ?? plain
    }
    return last ?? "(unknown)"
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
    "__refrigerator", "bpf_trace_run3", "bpf_trace_run4", "__traceiter_sched_switch",
    "down_read", "down_write", "down_read_killable", "down_write_killable", "down", "__down",
    "__down_common", "rt_mutex_slowlock", "rt_mutex_lock",
  ]

  private static func isWaiting(_ function: String) -> Bool {
    waiting.contains(function) || function.hasPrefix("bpf_prog_")
      || function.hasPrefix("bpf_trampoline") || function.contains("rwsem_down_")
      || function.hasPrefix("__mutex_lock") || function.hasPrefix("mutex_lock")
  }
}
