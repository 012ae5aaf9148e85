import Faces

/// Rows that one can go through and open.
public struct Table<Report: Sendable>: Sendable {
  public struct Column: Sendable {
    let title: String
    /// Of the first column it is what the others leave.
    let width: Int
    let isNumber: Bool

    public init(_ title: String, width: Int, isNumber: Bool = false) {
      (self.title, self.width, self.isNumber) = (title, width, isNumber)
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
  func line(_ cells: [String], width: Int) -> String {
    let others = columns.dropFirst().reduce(0) { $0 + $1.width + 2 }
    let first = max(8, width - others)
    var text = pad(cells[0], to: first, isNumber: false)
    for (cell, column) in zip(cells.dropFirst(), columns.dropFirst()) {
      text += "  " + pad(cell, to: column.width, isNumber: column.isNumber)
    }
    return clipped(text, to: width, mark: "")
  }

  private func pad(_ text: String, to width: Int, isNumber: Bool) -> String {
    let shown = clipped(text, to: width, mark: "~")
    let blanks = String(repeating: " ", count: max(0, width - Faces.columns(of: shown)))
    return isNumber ? blanks + shown : shown + blanks
  }
}
