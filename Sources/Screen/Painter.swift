/// Keeps what stands on a terminal, and changes the lines that differ.
public struct Painter: Sendable {
  private var shown: [String] = []
  private var size = (columns: 0, rows: 0)

  public init() {}

  /// What to write, all at once, for these lines to stand there, from the first row on. The terminal holds
  /// it back until it is whole, where it can (synchronized output, DEC private mode 2026).
  ///
  /// - Parameter lines: none wider than the terminal.
  public mutating func frame(_ lines: [String], columns: Int, rows: Int) -> String {
    let isNew = size != (columns, rows)
    size = (columns, rows)
    var text = isNew ? "\u{1b}[0m\u{1b}[2J" : ""
    if isNew { shown = [] }
    let next = Array(lines.prefix(rows))
    for row in 0..<max(next.count, shown.count) {
      let line = row < next.count ? next[row] : ""
      guard row >= shown.count || shown[row] != line else { continue }
      // Cleared before and not after: behind a line as wide as the terminal the cursor is still on the
      // last character.
      text += "\u{1b}[\(row + 1);1H\u{1b}[K" + line
    }
    shown = next
    return text.isEmpty ? "" : "\u{1b}[?2026h" + text + "\u{1b}[?2026l"
  }

  /// Whatever stands on the terminal isn't known any more.
  public mutating func forget() { size = (0, 0) }
}
