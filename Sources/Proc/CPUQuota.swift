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
    guard let lines = (try? contents(of: "/proc/\(pid)/cgroup"))?.lines else { return nil }
    for line in lines {
      // "4:cpu,cpuacct:/path", or "0::/path" in version 2.
      guard let (_, rest) = line.cut(at: ":"), let (controllers, path) = rest.cut(at: ":") else {
        continue
      }
      let isVersion2 = line.hasPrefix("0::")
      guard isVersion2 || controllers.split(separator: ",").contains("cpu"),
        let mount = mounts.last(where: { mount in
          mount.root == "/"
            && (isVersion2
              ? mount.type == "cgroup2"
              : mount.type == "cgroup"
                && mount.point.split(separator: "/").last?.split(separator: ",").contains("cpu")
                  == true)
        })
      else { continue }
      var names = path.split(separator: "/")
      while !names.isEmpty {
        let path = "/" + names.joined(separator: "/")
        if let quota = read(path, in: mount.point), quota.throttled > 0 { return quota }
        names.removeLast()
      }
    }
    return nil
  }

  private static func read(_ path: String, in mount: String) -> CPUQuota? {
    guard let text = try? contents(of: "\(mount)\(path)/cpu.stat") else { return nil }
    var values: [Substring: UInt64] = [:]
    for line in text.lines {
      let words = line.words
      if words.count == 2 { values[words[0]] = UInt64(words[1]) }
    }
    guard let periods = values["nr_periods"], let throttled = values["nr_throttled"] else {
      return nil
    }
    return CPUQuota(path: path, periods: periods, throttled: throttled)
  }
}
