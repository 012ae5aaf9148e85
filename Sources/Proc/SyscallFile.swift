import CLinux

/// The file that a task's system call is about, where it waits in one (man proc_pid_syscall(5)).
public enum SyscallFile {
  /// The type of the file system it is on, such as "nfs4"; nil where there is none, or it can't be seen.
  /// Doesn't touch the file system itself, which may never answer.
  public static func fileSystem(ofTask tid: Int32) -> String? {
    Lookups.shared.value {
      mountID(ofTask: tid).flatMap { Mount.ofTask(tid, $0)?.type }
    }
  }

  /// The number of the mount that the file is on, as mountinfo has it.
  static func mountID(ofTask tid: Int32) -> Substring? {
    guard let words = (try? contents(of: "/proc/\(tid)/syscall"))?.lines.first?.words,
      words.count > 1, let number = Int(words[0]), sonde_call_is_about_file(number),
      let file = UInt32(words[1].dropFirst(2), radix: 16),
      let info = (try? contents(of: "/proc/\(tid)/fdinfo/\(file)"))?.lines
    else { return nil }
    return info.first { $0.hasPrefix("mnt_id:") }?.words.last
  }
}
