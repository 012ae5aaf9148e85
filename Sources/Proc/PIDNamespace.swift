import Glibc

/// PID namespaces, in which a process has other ids than the machine's own (man pid_namespaces(7)).
public enum PIDNamespace {
  /// Whether this process is in the machine's own: there ids are those that the kernel side tells.
  public static var isInitial: Bool {
    var status = stat()
    // PROC_PID_INIT_INO, include/linux/proc_ns.h.
    return unsafe stat("/proc/self/ns/pid", &status) != 0 || status.st_ino == 0xEFFF_FFFC
  }

  /// The processes that have an id in a namespace of their own below this one, as those in containers
  /// do.
  public static func processes(withInnerID id: Int32) -> [ProcessStatus] {
    ProcessTree.all().compactMap { try? ProcessStatus.of(pid: $0) }
      .filter { $0.innerIDs.contains(id) }
  }
}
