/// What bars are drawn with.
public enum BarStyle: Sendable {
  /// Eighths of a block: U+2588 to U+258F.
  case blocks
  /// `#`, for terminals and files without Unicode.
  case ascii

  /// A bar of at most `width` columns, padded to that; what is not zero shows.
  package func bar(_ value: UInt64, of largest: UInt64, width: Int) -> String {
    guard value > 0, width > 0 else { return String(repeating: " ", count: max(0, width)) }
    let part = Double(value) / Double(largest)
    switch self {
    case .ascii:
      let length = max(1, Int((part * Double(width)).rounded()))
      return left(String(repeating: "#", count: length), width)
    case .blocks:
      let eighths = max(1, Int((part * Double(width * 8)).rounded()))
      let last = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
      return left(String(repeating: "█", count: eighths / 8) + last, width)
    }
  }

  /// Before an uncertainty.
  var plusMinus: String {
    switch self {
    case .blocks: "±"
    case .ascii: "+-"
    }
  }

  /// Says that text was cut.
  var mark: String {
    switch self {
    case .blocks: "…"
    case .ascii: "~"
    }
  }
}
