/// A picture on a terminal that is drawn over and over in the same place.
///
/// It takes the place below the cursor, not an alternate screen: the last picture stays in the
/// scrollback. What it returns is to be written to the terminal at once.
public struct LiveScreen: Sendable {
  /// How many lines above the cursor the picture begins.
  private var height = 0

  public init() {}

  /// Draws a picture in the place of the one before.
  ///
  /// - Parameters:
  ///   - text: lines no wider than the terminal.
  ///   - rows: how many the terminal has; more lines than fit are left out. `Int.max` writes all,
  ///     which scrolls, and can't be drawn over any more: for the last picture.
  public mutating func frame(_ text: String, rows: Int) -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    // The cursor needs a row too.
    lines = Array(lines.prefix(max(1, rows - 1)))
    var output = height > 0 ? "\u{1b}[\(height)A" : ""
    for line in lines {
      // Cleared before and not after: behind a line as wide as the terminal the cursor is still on
      // the last character, and would erase that.
      output += "\r\u{1b}[K\(line)\r\n"
    }
    height = lines.count
    return output + "\u{1b}[J"
  }
}
