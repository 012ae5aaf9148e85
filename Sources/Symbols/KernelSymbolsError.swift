import Proc

/// Why there are no names for the kernel's addresses.
public struct KernelSymbolsError: Error, Hashable {
  /// What it comes from, for those who have to act on it.
  public enum Kind: Sendable, Hashable {
    /// The file can't be read; a kernel without CONFIG_KALLSYMS has none.
    case unreadable
    /// All addresses are zero: this process may not see them (`kallsyms_show_value` in
    /// kernel/ksyms_common.c).
    case hidden
    /// There is no function in it, or a line whose form isn't known.
    case malformed
  }

  public let kind: Kind
  public let reason: String
  /// What the reader can do about it.
  public let remedy: String?

  private init(_ kind: Kind, _ reason: String, remedy: String? = nil) {
    self.kind = kind
    self.reason = reason
    self.remedy = remedy
  }

  static func unreadable(_ error: ProcError) -> KernelSymbolsError {
    KernelSymbolsError(.unreadable, error.reason)
  }

  static var hidden: KernelSymbolsError {
    KernelSymbolsError(
      .hidden, "the kernel hides its addresses",
      remedy: "run as root, or grant CAP_SYSLOG; where kernel.kptr_restrict is 2, set it to 1")
  }

  static var empty: KernelSymbolsError { KernelSymbolsError(.malformed, "contains no function") }

  /// - Parameter line: counted from 1.
  static func malformed(line: Int) -> KernelSymbolsError {
    KernelSymbolsError(.malformed, "line \(line) has an unexpected format")
  }
}

extension KernelSymbolsError: CustomStringConvertible {
  /// One line: "/proc/kallsyms: the kernel hides its addresses; run as root, or …".
  public var description: String {
    "/proc/kallsyms: \(reason)" + (remedy.map { "; \($0)" } ?? "")
  }
}
