import LoadModel

/// What a load trace knows of a task. Times on the run queue clock, ns.
struct TracedTask {
  /// The process; 0 where it isn't known.
  var tgid: UInt32 = 0
  /// Escaped.
  var name = ""
  /// How often it has been given a CPU, and how long it has waited for that in all its life.
  var pcount: UInt32 = 0
  var runDelay: UInt64 = 0
  /// Whether these two are known.
  var hasBaseline = false
  /// Since when it sleeps; nil where it doesn't, or that isn't known.
  var asleepSince: UInt64?
  var sleep = Sleep.other
  /// When it was last heard of.
  var since: UInt64 = 0
  /// It has not run yet since it was created.
  var isNew = false
  /// While it sleeps in D: where, by the kernel side's number or by the frames.
  var stack: Int32 = -1
  var frames: [UInt64] = []
  /// Its tracks, where anything is on them: of its sleeps, and of what others wait for that it has.
  var track: UInt64?
  var holds: UInt64?
  /// Whether the sleep that goes on has been written as begun.
  var hasBegun = false
  /// Whether the trace has its name and process.
  var isListed = false
}

/// A sleep in D that is over. Times are the trace's.
struct TracedWait {
  var track: UInt64
  var since: UInt64
  var end: UInt64
  var stack: Int32
  var frames: [UInt64]
  /// Whether its begin has been written.
  var hasBegun: Bool
}

/// The functions on stacks, as far as anybody has asked for them.
struct TracedStacks {
  private var byNumber: [Int32: [String]] = [:]
  private var byFrames: [[UInt64]: [String]] = [:]

  mutating func take(_ answer: Answer) {
    guard case .stack(let number, let frames) = answer.lookup, let functions = answer.functions
    else { return }
    if frames.isEmpty { byNumber[number] = functions } else { byFrames[frames] = functions }
  }

  /// Innermost first; empty where they aren't known.
  func functions(_ stack: Int32, _ frames: [UInt64]) -> [String] {
    (frames.isEmpty ? byNumber[stack] : byFrames[frames]) ?? []
  }
}

/// A task's state as it leaves a CPU, as the kernel's own sched_switch event has it.
enum TracedState {
  static let dead: Int64 = 0x10
  /// Reported for TASK_IDLE, which is two bits.
  private static let idle: Int64 = 0x80
  private static let report: UInt16 = 0x7f
  private static let uninterruptible: UInt16 = 0x2
  private static let noload: UInt16 = 0x400
  private static let rtLockWait: UInt16 = 0x1000
  private static let frozen: UInt16 = 0x8000

  /// __task_state_index() in include/linux/sched.h, as a bit.
  static func reported(_ bits: UInt16) -> Int64 {
    if Sleep.isDead(bits) { return dead }
    if bits & (uninterruptible | noload) == uninterruptible | noload { return idle }
    if bits & (rtLockWait | frozen) != 0 { return Int64(uninterruptible) }
    let state = bits & report
    return state == 0 ? 0 : 1 << Int64(15 - state.leadingZeroBitCount)
  }
}
