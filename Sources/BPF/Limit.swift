import Glibc
import SystemPackage

/// The limits of a process that loading runs into: what an error names instead of libbpf's internals.
enum Limit {
  /// What to raise where a call failed for the want of descriptors or memory; nil for other errors.
  static func remedy(for errno: Errno) -> String? {
    switch errno {
    case .tooManyOpenFiles:
      "raise the limit of open files, now \(current(RLIMIT_NOFILE) ?? 0) (ulimit -n)"
    case .tooManyOpenFilesInSystem: "raise the machine's limit of open files (fs.file-max)"
    case .noMemory:
      current(RLIMIT_AS).map {
        "raise the limit of address space, now \($0 / 1024) KiB (ulimit -v)"
      }
        ?? "memory is short: the machine's, or this cgroup's (memory.max)"
    default: nil
    }
  }

  /// The error of a limit that libbpf's log has, where its result is that of a later step.
  ///
  /// Of a kernel's BTF that can't be read it returns ESRCH, whatever the cause; a feature that it can't
  /// try it takes for missing.
  static func reached(in log: String) -> Int32? {
    nil
  }

  /// The soft limit, or nil where there is none.
  private static func current(_ resource: __rlimit_resource) -> UInt? {
    var limit = rlimit()
    let code = unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    // RLIM_INFINITY, which doesn't import.
    return code == 0 && limit.rlim_cur != .max ? limit.rlim_cur : nil
  }
}
