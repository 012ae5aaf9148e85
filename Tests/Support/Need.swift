import Foundation
public import Testing

/// What a test needs of the kernel that it runs on, and not all have.
///
/// A skip says "needs NAME"; the lab fails it on a kernel that is known to have the thing
/// (`Tests/Lab/kernels`).
public enum Need: String, Sendable {
  /// A distribution's kernel as it is built, which shows every context switch.
  case stock
  /// `Tests/Lab/noload`, built for this very kernel.
  case noload
  /// FUSE in the kernel, and not as a module.
  case fuse
  /// Loop devices, and a program that makes ext4 file systems.
  case loopDevices
  /// The same, and blkio cgroups of version 1.
  case slowDisks
  /// CPUs that are not emulated.
  case fastCPUs
  /// MADV_COLLAPSE of another process: Linux 6.1. And a kernel without it.
  case collapse, noCollapse
  /// Who holds a mutex or rwsem that a task waits for: `task_struct.blocker`, Linux 6.17.
  case lockHolders
  /// Tasks that are throttled wherever they are, holding a lock too: before Linux 6.18.
  case throttledHolders
  /// Programs that clone, each in its own way.
  case git, postgres, redis
  /// A C compiler, and a static C library.
  case compiler

  /// Whether this is a guest of the lab: emulated, with little memory.
  public static var inLab: Bool { ProcessInfo.processInfo.environment["SONDE_LAB"] != nil }

  /// By how much longer to wait for something there: emulated CPUs are slow, and there may be many loads on them.
  static var patience: Double { inLab ? 4 : 1 }

  private var isThere: Bool {
    switch self {
    case .stock: Self.inLab
    case .fastCPUs: !Self.inLab
    case .noload: Self.noloadModule != nil
    case .loopDevices:
      ["/dev/loop-control", "/sbin/mkfs.ext4"].allSatisfy {
        FileManager.default.fileExists(atPath: $0)
      }
    case .slowDisks:
      Need.loopDevices.isThere
        && FileManager.default.fileExists(
          atPath: "/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device")
    case .collapse: Self.isAtLeast(6, 1)
    case .noCollapse: !Self.isAtLeast(6, 1)
    case .lockHolders: Self.isAtLeast(6, 17)
    case .throttledHolders: !Self.isAtLeast(6, 18)
    case .git: Self.program("git") != nil
    case .postgres: Self.program("postgres") != nil && Self.program("initdb") != nil
    case .redis: Self.program("redis-server") != nil
    case .compiler: Self.program("gcc") != nil
    case .fuse: FileManager.default.fileExists(atPath: "/dev/fuse")
    }
  }

  private static func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
    let release = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
    let numbers = (release ?? "").split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap {
      Int($0)
    }
    return numbers.count == 2 && (numbers[0], numbers[1]) >= (major, minor)
  }

  /// Where a program is: in PATH, or where Debian has those of PostgreSQL.
  public static func program(_ name: String) -> String? {
    let postgres = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: postgres)) ?? []
    let folders =
      (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
      + versions.sorted().map { "\(postgres)/\($0)/bin" }
    return folders.map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Where the lab put the module for this kernel.
  public static var noloadModule: String? {
    let release = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
    let path = "/lab/noload-\(release?.dropLast() ?? "").ko"
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  fileprivate var condition: ConditionTrait {
    .enabled(if: isThere, "needs \(rawValue)")
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips where what the test needs isn't there.
  public static func needs(_ need: Need) -> Self { need.condition }
}
