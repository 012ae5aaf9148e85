/// What the scheduler keeps of one task (`/proc/TID/schedstat`: Documentation/scheduler/
/// sched-stats.rst, `proc_pid_schedstat` in fs/proc/base.c).
///
/// All three are 0 where the kernel doesn't keep them (`sched_info_on`). A task's time and
/// timeslices are its own, not those of its process.
public struct SchedStat: Sendable, Hashable {
  /// Nanoseconds on a CPU; of a task that is on one, up to its last tick.
  public let onCPU: UInt64
  /// Nanoseconds of waiting for a CPU, from runnable to running; without the wait that still lasts.
  public let runDelay: UInt64
  /// How many times it was put on a CPU.
  public let timeslices: UInt64

  public static func of(tid: Int32) throws(ProcError) -> SchedStat {
    // /proc lists only process leaders, but finds any task by its id.
    try read("/proc/\(tid)/schedstat", as: SchedStat.init(parsing:))
  }

  /// From text such as "5131456 270134 42".
  public init?(parsing text: String) {
    guard let words = text.lines.first?.words, words.count == 3,
      let onCPU = UInt64(words[0]), let runDelay = UInt64(words[1]),
      let timeslices = UInt64(words[2])
    else { return nil }
    self.onCPU = onCPU
    self.runDelay = runDelay
    self.timeslices = timeslices
  }
}
