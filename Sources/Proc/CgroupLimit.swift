/// A limit of a cgroup that may hold up its tasks.
public struct CgroupLimit: Sendable, Equatable {
  public enum Resource: String, Sendable {
    case io, memory
  }

  /// From the hierarchy's root: "/system.slice/nginx.service".
  public let path: String
  /// The file that sets it: "io.max", "memory.high".
  public let file: String
  /// "wbps=1048576" for I/O; for memory, bytes.
  public let setting: String
  /// The block device that an I/O limit is for: "sda", or "8:0" where it has no name.
  public let device: String?
  /// Of memory, how much is in use, bytes.
  public let used: UInt64?

  /// That of the innermost of a process's cgroups that has one; of memory, one that is nearly used up. Nil
  /// where there is none.
  package static func of(
    _ resource: Resource, process pid: Int32, _ mounts: [Mount]
  ) -> CgroupLimit? {
    Lookups.shared.value {
      switch resource {
      case .io:
        Cgroup.levels(ofProcess: pid, with: "blkio", mounts).lazy.compactMap(io).first
      case .memory:
        Cgroup.levels(ofProcess: pid, with: "memory", mounts).lazy.compactMap(memory).first
      }
    }
  }

  // MARK: - I/O

  /// Documentation/admin-guide/cgroup-v1/blkio-controller.rst
  private static let throttleFiles = ["read_bps", "write_bps", "read_iops", "write_iops"].map {
    "blkio.throttle.\($0)_device"
  }

  private static func io(_ level: Cgroup.Level) -> CgroupLimit? {
    for file in level.isUnified ? ["io.max"] : throttleFiles {
      guard let text = try? contents(of: "\(level.folder)/\(file)") else { continue }
      if let (numbers, setting) = limits(parsing: text).first {
        return CgroupLimit(
          path: level.path, file: file, setting: setting, device: device(numbers), used: nil)
      }
    }
    return nil
  }

  /// Of "8:16 rbps=2097152 wbps=max riops=max wiops=120" the device's numbers and what is limited; version 1
  /// has one figure in each of several files.
  package static func limits(parsing text: String) -> [(numbers: String, setting: String)] {
    text.lines.compactMap { line in
      let words = line.words
      guard let numbers = words.first, numbers.contains(":") else { return nil }
      let settings = words.dropFirst().filter { !$0.hasSuffix("=max") && $0 != "max" }
      return settings.isEmpty ? nil : (String(numbers), settings.joined(separator: " "))
    }
  }

  private static func device(_ numbers: String) -> String {
    (try? contents(of: "/sys/dev/block/\(numbers)/uevent"))?.lines
      .first { $0.hasPrefix("DEVNAME=") }.map { String($0.dropFirst(8)) } ?? numbers
  }

  // MARK: - Memory

  /// A cgroup reclaims memory before all of it is in use, in batches of pages (`MEMCG_CHARGE_BATCH`).
  private static let nearlyAll = 0.9

  private static func memory(_ level: Cgroup.Level) -> CgroupLimit? {
    func number(_ file: String) -> UInt64? {
      (try? contents(of: "\(level.folder)/\(file)"))?.lines.first.flatMap { UInt64($0) }
    }
    let (usage, files) =
      level.isUnified
      ? ("memory.current", ["memory.high", "memory.max"])
      : ("memory.usage_in_bytes", ["memory.limit_in_bytes"])
    guard let used = number(usage) else { return nil }
    for file in files {
      // Without a limit it is "max" or, in version 1, more than there is.
      if let limit = number(file), limit < 1 << 62, Double(used) >= nearlyAll * Double(limit) {
        return CgroupLimit(
          path: level.path, file: file, setting: "\(limit)", device: nil, used: used)
      }
    }
    return nil
  }
}
