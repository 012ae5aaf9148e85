import CLibbpf
import Glibc
import SystemPackage

/// The limits of a process that a tracer runs into: what an error names instead of libbpf's internals.
public enum Limit {
  /// Makes sure that there is address space (`RLIMIT_AS`) for what is allocated later: an allocation in
  /// Swift that fails ends the process.
  ///
  /// - Parameters:
  ///   - bytes: at least one.
  ///   - operation: what it is for, as the end of "could not …".
  /// - Throws: an error that names the limit, where there is less.
  public static func ensure(addressSpace bytes: Int, to operation: String) throws(BPFError) {
    let space = unsafe mmap(
      nil, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let space = unsafe space, unsafe space != MAP_FAILED else {
      throw BPFError(operation, code: errno)
    }
    unsafe munmap(space, bytes)
  }

  /// What to raise where a call failed for the want of descriptors or memory; nil for other errors.
  static func remedy(for errno: Errno) -> String? {
    switch errno {
    case .tooManyOpenFiles:
      "raise the limit on open files, now \(current(RLIMIT_NOFILE) ?? 0) (ulimit -n)"
    case .tooManyOpenFilesInSystem: "raise the system-wide limit on open files (fs.file-max)"
    case .noMemory:
      current(RLIMIT_AS).map {
        "raise the limit on address space, now \($0 / 1024) KiB (ulimit -v)"
      }
        ?? "the machine or this cgroup (memory.max) is out of memory"
    default: nil
    }
  }

  /// Why the kernel's BTF can't be read; nil where it can.
  ///
  /// `btf__load_vmlinux_btf()` returns ESRCH, whatever the cause.
  static func kernelBTFError() -> Errno? {
    let (types, code, _) = unsafe Log.collect { unsafe btf__parse("/sys/kernel/btf/vmlinux", nil) }
    guard unsafe types == nil else {
      unsafe btf__free(types)
      return nil
    }
    return Errno(rawValue: code)
  }

  /// Makes sure that libbpf won't run out of descriptors: a feature of the kernel that it can't try for
  /// the want of one it takes for missing, as long as the process lives (`kernel_supports()`).
  static func ensure(descriptors count: Int, to operation: String) throws(BPFError) {
    let limit = current(RLIMIT_NOFILE) ?? .max
    var free = 0
    var descriptor: Int32 = 0
    while free < count {
      guard descriptor < limit else { throw BPFError(operation, code: EMFILE) }
      if fcntl(descriptor, F_GETFD) < 0 { free += 1 }
      descriptor += 1
    }
  }

  /// The soft limit, or nil where there is none.
  private static func current(_ resource: __rlimit_resource) -> UInt? {
    var limit = rlimit()
    let code = unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    // RLIM_INFINITY, which doesn't import.
    return code == 0 && limit.rlim_cur != .max ? limit.rlim_cur : nil
  }
}
