import Glibc

/// What this very process takes.
public struct SelfUsage: Sendable, Hashable {
  /// Resident memory in bytes (`/proc/self/statm`: man proc_pid_statm(5)). The kernel counts it in
  /// batches, so it may be some pages off.
  public let residentBytes: UInt64
  /// Nanoseconds on CPUs, of all threads (`CLOCK_PROCESS_CPUTIME_ID`: man clock_getres(2)).
  public let cpuTime: UInt64

  public static func current() throws(ProcError) -> SelfUsage {
    SelfUsage(residentBytes: try residentBytes(), cpuTime: try cpuTime())
  }

  /// Resident memory in bytes.
  public static func residentBytes() throws(ProcError) -> UInt64 {
    let pages = try read("/proc/self/statm", as: SelfUsage.residentPages(parsing:))
    return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Nanoseconds on CPUs, of all threads.
  public static func cpuTime() throws(ProcError) -> UInt64 {
    var time = timespec()
    guard unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else {
      throw ProcError("CLOCK_PROCESS_CPUTIME_ID", errno: errno)
    }
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// The second of seven numbers: "6021 1352 1067 5 0 190 0".
  package static func residentPages(parsing text: String) -> UInt64? {
    guard let words = text.lines.first?.words, words.count == 7 else { return nil }
    return UInt64(words[1])
  }
}
