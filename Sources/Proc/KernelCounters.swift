/// Ever-growing counts of the whole machine (`/proc/stat`: man proc_stat(5), fs/proc/stat.c).
public struct KernelCounters: Sendable, Hashable {
  /// Context switches on all CPUs since boot (`nr_context_switches`).
  public let contextSwitches: UInt64
  /// Tasks made since boot by any fork or clone, threads among them (`total_forks`).
  public let processes: UInt64

  public static func current() throws(ProcError) -> KernelCounters {
    try read("/proc/stat", as: KernelCounters.init(parsing:))
  }

  /// Context switches on all CPUs since boot.
  public static func contextSwitches() throws(ProcError) -> UInt64 {
    try current().contextSwitches
  }

  /// Tasks made since boot by any fork or clone, threads among them.
  public static func processes() throws(ProcError) -> UInt64 {
    try current().processes
  }

  /// From the text of the file.
  public init?(parsing text: String) {
    var contextSwitches: UInt64?
    var processes: UInt64?
    for line in text.lines {
      guard let (key, value) = line.cut(at: " ") else { continue }
      if key == "ctxt" {
        contextSwitches = UInt64(value)
      } else if key == "processes" {
        processes = UInt64(value)
      }
    }
    guard let contextSwitches, let processes else { return nil }
    self.contextSwitches = contextSwitches
    self.processes = processes
  }
}
