import Glibc

/// The machine's memory, and what this process may take of it.
public enum Memory {
  /// What can be had without swapping, bytes: MemAvailable of man proc_meminfo(5), or less where the
  /// process' cgroup allows less (its memory limit and those above).
  public static func available() throws(ProcError) -> UInt64 {
    let machine = try read("/proc/meminfo") { text in
      text.lines.first { $0.hasPrefix("MemAvailable:") }.flatMap { bytes($0.cut(at: ":")?.1) }
    }
    return min(machine, leftOfCgroup(ofProcess: nil) ?? .max)
  }

  /// What a process may still take before its cgroup or one above has no more, bytes; nil where none
  /// has a limit. What the page cache has of it counts as taken.
  public static func leftOfCgroup(ofProcess pid: Int32?) -> UInt64? {
    guard let mounts = try? Mount.all() else { return nil }
    return Cgroup.levels(ofProcess: pid ?? getpid(), with: "memory", mounts).compactMap { level in
      func number(_ file: String) -> UInt64? {
        (try? contents(of: "\(level.folder)/\(file)")).flatMap { UInt64($0.lines.first ?? "") }
      }
      let (limit, used) =
        level.isUnified
        ? ("memory.max", "memory.current")
        : ("memory.limit_in_bytes", "memory.usage_in_bytes")
      // Without a limit it is "max" or, in version 1, more than there is.
      guard let limit = number(limit), limit < 1 << 62, let used = number(used) else { return nil }
      return limit - min(limit, used)
    }.min()
  }

  /// What processes take together, bytes, what they share counted once where nobody else has it; nil
  /// where one of them has gone or may not be looked at.
  public static func used(by processes: [Int32]) -> UInt64? {
    var sum: UInt64 = 0
    for pid in processes {
      guard let rollup = try? contents(of: "/proc/\(pid)/smaps_rollup") else { return nil }
      let lines = rollup.lines.compactMap { $0.cut(at: ":") }
      func part(_ name: String) -> UInt64 {
        lines.first { $0.0 == name }.flatMap { bytes($0.1) } ?? 0
      }
      // A pool's pages have no part for each; of two processes both have half.
      sum +=
        part("Pss") + part("Private_Hugetlb")
        + part("Shared_Hugetlb") / UInt64(max(1, processes.count))
    }
    return sum
  }
}

/// The processor's name.
public enum CPUModel {
  /// "AMD EPYC": `model name` of /proc/cpuinfo on x86; elsewhere the architecture's part numbers;
  /// "unknown" where it says neither.
  public static func current() -> String {
    guard let text = try? contents(of: "/proc/cpuinfo") else { return "unknown" }
    func value(_ name: String) -> String? {
      text.lines.first { $0.hasPrefix(name) }?.cut(at: ":")
        .map { $0.1.words.joined(separator: " ") }
    }
    if let name = value("model name") { return name }
    let parts = ["CPU implementer", "CPU part"].compactMap(value)
    return parts.isEmpty ? "unknown" : parts.joined(separator: " ")
  }
}
