/// What memory a process has in all, in bytes (`/proc/PID/status` and `smaps_rollup`: man
/// proc_pid_status(5), proc_pid_smaps(5)).
public struct MemoryUse: Sendable, Hashable {
  public let resident: UInt64
  public let swapped: UInt64
  /// The page tables of the last level and above.
  public let pageTables: UInt64
  /// From pools of huge pages, which `resident` leaves out.
  public let hugetlb: UInt64
  /// Its part of what it shares, pools left out; nil where that may not be read.
  public let proportional: UInt64?
  /// What entries of 2 MiB map; nil where that may not be read.
  public let anonymousHuge: UInt64?
  /// False where the program has switched transparent huge pages off for itself: PR_SET_THP_DISABLE
  /// of man prctl(2).
  public let mayHaveHugePages: Bool

  /// - Throws: `ProcError` where there is no such process, or it has no memory, as a kernel thread.
  public static func of(pid: Int32) throws(ProcError) -> MemoryUse {
    let status = try contents(of: "/proc/\(pid)/status")
    let rollup = try? contents(of: "/proc/\(pid)/smaps_rollup")
    guard let use = MemoryUse(status: status, rollup: rollup) else {
      throw ProcError("/proc/\(pid)/status", "the process has no memory of its own")
    }
    return use
  }

  package init?(status: String, rollup: String?) {
    func fields(_ text: String) -> [Substring: Substring] {
      Dictionary(text.lines.compactMap { $0.cut(at: ":") }) { first, _ in first }
    }
    let status = fields(status)
    guard let resident = bytes(status["VmRSS"]), let pageTables = bytes(status["VmPTE"]) else {
      return nil
    }
    self.resident = resident
    self.pageTables = pageTables
    swapped = bytes(status["VmSwap"]) ?? 0
    hugetlb = bytes(status["HugetlbPages"]) ?? 0
    // Before 4.20 the line is missing (a1400af7554d), and where there are no such pages.
    mayHaveHugePages = status["THP_enabled"]?.words.first != "0"
    let sums = rollup.map(fields)
    proportional = sums.flatMap { bytes($0["Pss"]) }
    anonymousHuge = sums.flatMap { bytes($0["AnonHugePages"]) }
  }
}
