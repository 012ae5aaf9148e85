public import Proc

/// Why there are no names for the kernel's addresses.
public enum KernelSymbolsError: Error, Hashable {
  /// The file can't be read; a kernel without CONFIG_KALLSYMS has none.
  case unreadable(ProcError)
  /// All addresses are zero: the reader may not see them (`kallsyms_show_value` in
  /// kernel/ksyms_common.c).
  case hidden
  /// There is no function in it.
  case empty
  /// A line, counted from 1, has a form that isn't known.
  case malformed(line: Int)

  /// What the reader can do about it.
  public var remedy: String? {
    guard self == .hidden else { return nil }
    return "run as root, or grant CAP_SYSLOG; where kernel.kptr_restrict is 2, set it to 1"
  }
}

extension KernelSymbolsError: CustomStringConvertible {
  /// One line: "/proc/kallsyms: the kernel hides its addresses; run as root, or …".
  public var description: String {
    switch self {
    case .unreadable(let error): error.description
    case .hidden:
      "/proc/kallsyms: the kernel hides its addresses" + (remedy.map { "; \($0)" } ?? "")
    case .empty: "/proc/kallsyms: no function in it"
    case .malformed(let line): "/proc/kallsyms: line \(line) is not in the form that is known of it"
    }
  }
}
