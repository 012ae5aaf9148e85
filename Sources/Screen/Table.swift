import Faces

/// Rows that one can go through and open.
public struct Table<Report: Sendable>: Sendable {
  public struct Column: Sendable {
    let title: String
    /// Of the first column it is what the others leave.
    let width: Int
    /// How a number is written; nil in columns of text.
    let number: (@Sendable (Double) -> String)?
    /// Of longer text the end is shown.
    let isPath: Bool
    /// On a narrower screen it is left out, unless rows are grouped by it.
    let leastScreen: Int
    var isNumber: Bool { number != nil }

    public init(
      _ title: String, width: Int, isPath: Bool = false, leastScreen: Int = 0,
      number: (@Sendable (Double) -> String)? = nil
    ) {
      (self.title, self.width, self.number) = (title, width, number)
      (self.isPath, self.leastScreen) = (isPath, leastScreen)
    }
  }

  public struct Row: Sendable {
    /// Tells the row from the others of a report, and stays the same from one to the next.
    let id: String
    /// Whom it is about: several rows may be about one.
    let key: String
    let cells: [String]
    /// Of columns of numbers, to sort by; the first is shown over time.
    let numbers: [Double]
    var value: Double { numbers.first ?? 0 }

    /// - Parameters:
    ///   - key: escaped, as it is shown.
    ///   - cells: one a column, escaped.
    ///   - numbers: one a column of numbers.
    public init(id: String, key: String, cells: [String], numbers: [Double]) {
      (self.id, self.key, self.cells, self.numbers) = (id, key, cells, numbers)
    }
  }

  let title: String
  let columns: [Column]
  let rows: @Sendable (Report) -> [Row]
  /// What the first column of numbers is called over time.
  let figure: String
  /// All that a report tells of one, escaped, no line wider than so many columns.
  let details: @Sendable (Report, _ key: String, _ columns: Int) -> [String]

  public init(
    title: String, columns: [Column], rows: @escaping @Sendable (Report) -> [Row], figure: String,
    details: @escaping @Sendable (Report, String, Int) -> [String]
  ) {
    (self.title, self.columns, self.rows) = (title, columns, rows)
    (self.figure, self.details) = (figure, details)
  }

  /// Rows of the same text in a column become one, with their sums.
  func grouped(_ rows: [Row], by column: Int) -> [Row] {
    var groups: [String: (count: Int, numbers: [Double])] = [:]
    for row in rows {
      var group = groups[Self.group(row.cells[column])] ?? (0, row.numbers.map { _ in 0 })
      group.count += 1
      group.numbers = zip(group.numbers, row.numbers).map(+)
      groups[Self.group(row.cells[column])] = group
    }
    return groups.map { name, group in
      var numbers = group.numbers[...]
      var cells = columns.map { $0.number?(numbers.removeFirst()) ?? "" }
      let count = "\(group.count) row\(group.count == 1 ? "" : "s")"
      cells[0] = column == 0 ? "\(name), \(count)" : count
      if column > 0 { cells[column] = name.isEmpty ? "-" : name }
      return Row(id: name, key: name, cells: cells, numbers: group.numbers)
    }.sorted { $0.id < $1.id }
  }

  /// A process's name without its id: "nginx (812)".
  package static func group(_ cell: String) -> String {
    guard cell.hasSuffix(")"), let open = cell.lastIndex(of: "("), open > cell.startIndex,
      cell[cell.index(before: open)] == " "
    else { return cell }
    let id = cell[cell.index(after: open)...].dropLast()
    guard !id.isEmpty, id.allSatisfy({ ("0"..."9").contains($0) }) else { return cell }
    return String(cell[..<open].dropLast())
  }

  /// By one of the columns: numbers from the largest, names from the first letter on.
  func sorted(_ rows: [Row], by column: Int) -> [Row] {
    let numbers = columns[..<column].filter(\.isNumber).count
    let isNumber = columns[column].isNumber
    return rows.enumerated().sorted { one, two in
      if isNumber {
        let (a, b) = (one.element.numbers[numbers], two.element.numbers[numbers])
        return a != b ? a > b : one.offset < two.offset
      }
      let (a, b) = (one.element.cells[column], two.element.cells[column])
      return a != b ? a < b : one.offset < two.offset
    }.map(\.element)
  }

  /// A line of cells.
  ///
  /// - Parameter grouping: the column that rows are grouped by.
  func line(_ cells: [String], width: Int, grouping: Int?) -> String {
    let shown = zip(cells, columns).enumerated().dropFirst().filter { index, cell in
      cell.1.leastScreen <= width || index == grouping
    }.map(\.element)
    let others = shown.reduce(0) { $0 + $1.1.width + 2 }
    var text = pad(cells[0], to: max(8, width - others), columns[0])
    for (cell, column) in shown { text += "  " + pad(cell, to: column.width, column) }
    return clipped(text, to: width, mark: "")
  }

  private func pad(_ text: String, to width: Int, _ column: Column) -> String {
    let shown =
      column.isPath
      ? clippedAtStart(text, to: width, mark: "~") : clipped(text, to: width, mark: "~")
    let blanks = String(repeating: " ", count: max(0, width - Faces.columns(of: shown)))
    return column.isNumber ? blanks + shown : shown + blanks
  }
}
