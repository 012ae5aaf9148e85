import Glibc

/// What could not be learned from the kernel's files, and why.
public struct ProcError: Error, Hashable {
  /// The file or directory, or what was called.
  public let path: String
  /// The error number, where a system call failed.
  public let errno: Int32?
  public let reason: String

  /// A system call failed.
  package init(_ path: String, errno: Int32) {
    self.path = path
    self.errno = errno
    reason = unsafe String(cString: strerror(errno))
  }

  /// No call failed, but what was found can't be used.
  package init(_ path: String, _ reason: String) {
    self.path = path
    errno = nil
    self.reason = reason
  }
}

extension ProcError: CustomStringConvertible {
  /// "/proc/99999/schedstat: No such file or directory".
  public var description: String { "\(path): \(reason)" }
}
