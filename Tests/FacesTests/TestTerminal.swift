/// As much of a terminal as a live picture needs: it scrolls, wraps late as xterm does, and stops
/// the test at anything it doesn't know.
struct TestTerminal {
  let columns: Int
  let rows: Int
  /// All lines there ever were, those scrolled away first.
  private var grid: [[Character]] = [[]]
  private var row = 0
  private(set) var column = 0

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
  }

  /// What was written, without the cursor's empty line.
  var lines: [String] {
    var lines = grid.map { String($0) }
    while lines.last?.isEmpty == true, lines.count > row { lines.removeLast() }
    return lines
  }

  mutating func feed(_ text: String) {
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\r": column = 0
      case "\n":
        row += 1
        while grid.count <= row { grid.append([]) }
      case "\u{1b}":
        precondition(rest.popFirst() == "[")
        let parameters = rest.prefix { !("@"..."~").contains($0) }
        rest = rest.dropFirst(parameters.count)
        guard let end = rest.popFirst() else { preconditionFailure("cut off") }
        command(end, String(String.UnicodeScalarView(parameters)))
      default: put(Character(scalar))
      }
    }
  }

  private mutating func put(_ character: Character) {
    precondition(column < columns, "a line is wider than the terminal")
    while grid[row].count <= column { grid[row].append(" ") }
    grid[row][column] = character
    column += 1
  }

  private mutating func command(_ end: Unicode.Scalar, _ parameters: String) {
    // Behind the last column the cursor waits on that.
    let at = min(column, columns - 1)
    switch (end, parameters) {
    case ("A", _): row = max(row - (Int(parameters) ?? 1), grid.count - rows, 0)
    case ("K", ""): grid[row] = Array(grid[row].prefix(at))
    case ("J", ""):
      grid[row] = Array(grid[row].prefix(at))
      // The lines are still on the screen, so that the height of what was there stays.
      for below in (row + 1)..<max(row + 1, grid.count) { grid[below] = [] }
    default: preconditionFailure("ESC [ \(parameters) \(end)")
    }
  }
}
