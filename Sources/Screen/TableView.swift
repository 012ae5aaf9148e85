import Faces
import Reports

/// A table as it is gone through: where the cursor is, what is open, and by what it is sorted.
struct TableView<Report: Snapshot>: Sendable {
  let table: Table<Report>
  /// The row that the cursor is on, wherever others come and go.
  private var id: String?
  /// Whom the page is about that is open.
  private var opened: String?
  private var sorting: Int
  /// The column by which rows become one; and the group that was gone into.
  private var grouping: Int?
  private var group: (column: Int, name: String)?
  private var first = 0
  /// As they were last shown, and how many of them.
  private var shown: [(id: String, key: String)] = []
  private var room = 0
  /// The row of the screen's body that each of them is in.
  private var top = 1

  init(_ table: Table<Report>) {
    self.table = table
    sorting = table.columns.firstIndex(where: \.isNumber) ?? 0
  }

  // MARK: - Keys

  /// Returns whether the key was for it.
  mutating func take(_ key: Key) -> Bool {
    if opened != nil {
      guard key == .escape || key == .enter || key == .backspace else { return false }
      opened = nil
      return true
    }
    switch key {
    case .escape where group != nil:
      grouping = group?.column
      id = group?.name
      group = nil
    case .text("g"): groupByNext()
    case .up, .text("k"): move(by: -1)
    case .down, .text("j"): move(by: 1)
    case .pageUp, .wheelUp: move(by: key == .pageUp ? -10 : -3)
    case .pageDown, .wheelDown: move(by: key == .pageDown ? 10 : 3)
    case .home: move(by: -shown.count)
    case .end: move(by: shown.count)
    case .enter: open()
    case .text("s"): sorting = (sorting + 1) % table.columns.count
    default: return false
    }
    return true
  }

  private var index: Int? { id.flatMap { id in shown.firstIndex { $0.id == id } } }

  /// One row, or the rows of a group.
  private mutating func open() {
    guard let row = index.map({ shown[$0] }) ?? shown.first else { return }
    guard let grouping else { return opened = row.key }
    group = (grouping, row.key)
    (self.grouping, id) = (nil, nil)
  }

  private mutating func groupByNext() {
    let texts = table.columns.indices.filter { !table.columns[$0].isNumber }
    let next = grouping.map { last in texts.first { $0 > last } } ?? texts.first
    (grouping, group, id) = (next, nil, nil)
  }

  private mutating func move(by steps: Int) {
    guard !shown.isEmpty else { return }
    id = shown[min(shown.count - 1, max(0, (index ?? 0) + steps))].id
  }

  /// On a line of the body: the first click goes there, the second opens it.
  mutating func click(line: Int) {
    let index = first + line - top
    guard opened == nil, (top..<top + room).contains(line), shown.indices.contains(index) else {
      return
    }
    if id == shown[index].id { open() } else { id = shown[index].id }
  }

  // MARK: - The picture

  /// - Parameters:
  ///   - history: with the one that is looked at.
  ///   - filter: only rows with that text, where not empty.
  mutating func lines(
    _ report: Report, history: History<Report>, columns: Int, rows: Int, filter: String,
    bars: BarStyle, marked: (String) -> String
  ) -> [String] {
    if let opened {
      return details(
        opened, report, history: history, columns: columns, bars: bars)
    }
    var all = table.rows(report)
    if !filter.isEmpty {
      let filter = filter.lowercased()
      all = all.filter { row in row.cells.contains { $0.lowercased().contains(filter) } }
    }
    if let group { all = all.filter { Table<Report>.group($0.cells[group.column]) == group.name } }
    if let grouping { all = table.grouped(all, by: grouping) }
    all = table.sorted(all, by: sorting)
    shown = all.map { ($0.id, $0.key) }
    if self.index == nil { id = shown.first?.id }
    let index = self.index ?? 0
    room = max(1, rows - 1)
    first = min(max(0, first), max(0, all.count - room))
    if index < first { first = index }
    if index >= first + room { first = index - room + 1 }
    let titles = table.columns.enumerated().map { number, column in
      let title = number == grouping || number == group?.column ? "[\(column.title)]" : column.title
      return number == sorting ? (bars == .blocks ? "▼" : "*") + title : title
    }
    let named = grouping ?? group?.column
    return [" " + table.line(titles, width: columns - 1, grouping: named)]
      + all.dropFirst(first).prefix(room).enumerated().map { offset, row in
        let line = table.line(row.cells, width: columns - 1, grouping: named)
        return first + offset == index ? marked(line) : " " + line
      }
  }

  private func details(
    _ key: String, _ report: Report, history: History<Report>, columns: Int, bars: BarStyle
  ) -> [String] {
    let label = table.figure + " "
    let room = max(1, columns - label.count)
    let index = history.index ?? 0
    let start = HeatMap.firstShown(of: history.moments.count, room: room, selected: index)
    let seen = history.moments[start..<min(history.moments.count, start + room)]
    let mark = bars == .blocks ? "▲" : "^"
    return [
      clipped(key, to: columns, mark: "~"), "",
      clipped(
        label + Sparkline.text(seen.map { $0.values[key] ?? 0 }, bars), to: columns, mark: ""),
      clipped(
        String(repeating: " ", count: label.count + max(0, index - start)) + mark, to: columns,
        mark: ""), "",
    ] + table.details(report, key, columns)
  }
}
