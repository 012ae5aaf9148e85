public import SystemPackage

/// Something that libbpf or the kernel refused: what was tried, why it failed, and what to do.
public struct BPFError: Error, Sendable {
  /// What kind of refusal it is, for those who have to act on it.
  public enum Kind: Sendable, Hashable {
    /// The caller lacks a capability, or the kernel is locked down.
    case notPermitted
    /// This kernel doesn't have what was asked for.
    case unsupported
    /// Anything else.
    case failed
  }

  public let kind: Kind
  /// What was tried, as the end of "could not …": "attach sched_switch".
  public let operation: String
  /// The error number, where a call gave one.
  public let errno: Errno?
  /// What is known of the cause beyond `errno`; for a program that was refused, the verifier's last
  /// words.
  public let cause: String?
  /// What the reader can do about it.
  public let remedy: String?
  /// The whole log of libbpf and the verifier, where there was one.
  public let log: String?

  public init(
    _ kind: Kind, _ operation: String, errno: Errno? = nil, cause: String? = nil,
    remedy: String? = nil, log: String? = nil
  ) {
    self.kind = kind
    self.operation = operation
    self.errno = errno
    self.cause = cause
    self.remedy = remedy
    self.log = log
  }

  static let rights =
    "run as root, or grant CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN)"

  /// An error from a call that failed with `code`; libbpf returns them negative.
  ///
  /// - Parameter log: libbpf's: it names the cause, but where a limit is.
  init(_ operation: String, code: Int32, log: String = "") {
    var errno = Errno(rawValue: abs(code))
    if errno == .noSuchProcess, let hidden = Limit.kernelBTFError(),
      Limit.remedy(for: hidden) != nil
    {
      errno = hidden
    }
    let kind: Kind =
      switch errno {
      case .notPermitted, .permissionDenied: .notPermitted
      case .noSuchFileOrDirectory, .notSupported, .noSuchProcess: .unsupported
      default: .failed
      }
    let limit = Limit.remedy(for: errno)
    self.init(
      kind, operation, errno: errno, cause: limit == nil ? Log.cause(in: log) : nil,
      remedy: limit ?? (kind == .notPermitted ? BPFError.rights : nil),
      log: log.isEmpty ? nil : log)
  }
}

extension BPFError: CustomStringConvertible {
  /// One line: "could not attach sched_switch: Operation not permitted; run as root, or …".
  public var description: String {
    var text = "could not \(operation)"
    if let cause {
      text += ": \(cause)"
    }
    if let errno {
      text += cause == nil ? ": \(errno)" : " (\(errno))"
    }
    if let remedy {
      text += "; \(remedy)"
    }
    return text
  }
}
