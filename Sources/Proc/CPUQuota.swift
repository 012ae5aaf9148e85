/// A cgroup's CPU quota and how often it was used up (`cpu.stat`: Documentation/admin-guide/
/// cgroup-v2.rst; Documentation/scheduler/sched-bwc.rst for both versions).
public struct CPUQuota: Sendable, Equatable {
  /// The cgroup, from the hierarchy's root: "/system.slice/nginx.service".
  public let path: String
  /// Periods in which its tasks wanted to run, and those of them in which they had to wait.
  public let periods: UInt64
  public let throttled: UInt64

  /// That of the innermost of a process' cgroups that ever had to wait; nil where there is none.
  package static func of(process pid: Int32, _ mounts: [Mount]) -> CPUQuota? {
    Lookups.shared.value { lookUp(pid, mounts) }
  }

  private static func lookUp(_ pid: Int32, _ mounts: [Mount]) -> CPUQuota? {
    Cgroup.levels(ofProcess: pid, with: "cpu", mounts).lazy.compactMap(read)
      .first { $0.throttled > 0 }
  }

  private static func read(_ level: Cgroup.Level) -> CPUQuota? {
    guard let text = try? contents(of: "\(level.folder)/cpu.stat") else { return nil }
    var values: [Substring: UInt64] = [:]
    for line in text.lines {
      let words = line.words
      if words.count == 2 { values[words[0]] = UInt64(words[1]) }
    }
    guard let periods = values["nr_periods"], let throttled = values["nr_throttled"] else {
      return nil
    }
    return CPUQuota(path: level.path, periods: periods, throttled: throttled)
  }
}
