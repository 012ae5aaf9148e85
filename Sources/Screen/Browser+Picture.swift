public import Faces
import Reports

/// What stands on the screen.
extension Browser {
  /// The lines of a screen, none wider than that.
  public mutating func lines(
    columns: Int, rows: Int, colors: ColorDepth, bars: BarStyle
  ) -> [String] {
    let ink = Ink(isColored: colors != .none, columns: max(1, columns))
    let top = sentence(ink, rows: rows) + [ink.plain(place), tabLine(ink)]
    bodyRow = top.count
    let room = max(0, rows - top.count - 1)
    let body =
      helps
      ? help(ink) : body(columns: ink.columns, rows: room, colors: colors, bars: bars)
    extent = (body.count, max(1, room))
    let last = max(0, body.count - room)
    if helps { helpScroll = min(helpScroll, last) } else { scroll = min(scroll, last) }
    var shown = Array(body.dropFirst(helps ? helpScroll : scroll).prefix(room))
    shown += Array(repeating: "", count: max(0, room - shown.count))
    return Array((top + shown + [ink.faint(bottom)]).prefix(max(0, rows)))
  }

  // MARK: - Above and below

  /// As much of it as a third of the screen holds.
  private func sentence(_ ink: Ink, rows: Int) -> [String] {
    let text =
      history.current.map { report in
        face.sentence(report).map { escaped($0) } ?? "no verdict yet"
      } ?? "waiting for the first interval"
    let lines = wrapped(text, to: ink.columns)
    let most = max(1, min(3, rows / 5))
    guard lines.count > most else { return lines.map(ink.strong) }
    let last = lines[(most - 1)...].joined(separator: " ")
    return (lines.prefix(most - 1) + [clipped(last, to: ink.columns, mark: "~")]).map(ink.strong)
  }

  private var place: String {
    guard let report = history.current, let index = history.index else { return face.name }
    let time = report.end.split(separator: "T").last.map { String($0.prefix(8)) } ?? report.end
    let back = history.moments.count - 1 - index
    let state =
      history.isLive
      ? "live" : back == 0 ? "frozen" : "\(back) interval\(back == 1 ? "" : "s") back"
    let kept =
      history.forgotten > 0
      ? "  last \(history.moments.count) of \(history.forgotten + history.moments.count)" : ""
    let sum = history.span > 1 ? "  sum of \(history.spanned) intervals" : ""
    return "\(face.name)  " + escaped(report.host.names.first ?? "")
      + "  \(escaped(time)) UTC  \(state)\(sum)\(kept)"
  }

  /// As many as fit, the one that is shown among them.
  private mutating func tabLine(_ ink: Ink) -> String {
    tabColumns = []
    let tabs = pageNames.enumerated().map { number, name in
      let text = "\(number + 1) \(name)"
      return number == page && !ink.isColored ? "[\(text)]" : text
    }
    let gap = 2
    var first = 0
    while first < page, tabs[first...page].reduce(-gap, { $0 + $1.count + gap }) > ink.columns {
      first += 1
    }
    var line = ""
    var width = 0
    for number in first..<tabs.count {
      let start = width == 0 ? 0 : width + gap
      guard start + tabs[number].count <= ink.columns else { break }
      line += String(repeating: " ", count: start - width)
      line += number == page ? ink.reverse(tabs[number]) : ink.faint(tabs[number])
      width = start + tabs[number].count
      tabColumns.append((number, start..<width))
    }
    return line
  }

  private var bottom: String {
    if let message { return escaped(message) }
    if isTyping { return "/" + escaped(filter) + "_" }
    let found = filter.isEmpty ? "" : "filter: \"\(escaped(filter))\" (Esc clears)  "
    return found + "? help  q quit  <- -> history  Space pause  Tab page  / filter"
  }

  private func help(_ ink: Ink) -> [String] {
    let keys = [
      ("Left, Right", "previous or next interval; [ and ] by ten"),
      ("Space", "pause or resume the display; measurement continues"),
      ("Esc", "clear the filter, or return to live"),
      ("Tab, 1 to \(pageNames.count)", "switch pages; so does a click on a name"),
      ("Up, Down, PgUp, PgDn, Home, End, wheel", "scroll, or move the cursor"),
      ("/", "show only lines that contain a text; Enter applies"),
      ("+, -", "show the sum of more or fewer intervals, up to a minute's worth at one a second"),
      (
        "Enter, s, g", "in a table: open the row, sort by the next column, group by the next column"
      ),
      ("w", "write this report to a JSON file"), ("q, Ctrl-C", "quit"),
    ]
    let text =
      keys.map { "\($0): \($1)" } + [
        "",
        "On pages of histograms each column is an interval, each row a power of two; brighter means "
          + "more. A click on a column goes to that interval.", "",
        "Any other key closes this help.",
      ]
    return text.flatMap { $0.isEmpty ? [""] : wrapped($0, to: ink.columns) }
  }

  // MARK: - Pages

  private mutating func body(
    columns: Int, rows: Int, colors: ColorDepth, bars: BarStyle
  ) -> [String] {
    times = nil
    guard let report = history.current else { return [] }
    if isOnTable {
      let ink = Ink(isColored: colors != .none, columns: columns)
      return table?.lines(
        report, history: history, columns: columns, rows: rows, filter: filter, bars: bars,
        marked: ink.marked) ?? []
    }
    let text: ScreenFace<Report>.Page
    switch contents[page] {
    case .text(let page): text = page
    case .table: return []
    case .map(let index):
      return map(index, columns: columns, rows: rows, colors: colors, bars: bars)
    }
    var lines = text.text(report, columns, colors != .none, bars)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    guard !filter.isEmpty else { return lines }
    let filter = filter.lowercased()
    return lines.filter { Self.text(of: $0).lowercased().contains(filter) }
  }

  /// Without what switches styles: ESC [ ... m.
  private static func text(of line: String) -> String {
    var text = ""
    var isStyle = false
    for scalar in line.unicodeScalars {
      if scalar == "\u{1b}" { isStyle = true }
      if !isStyle { text.unicodeScalars.append(scalar) }
      if isStyle, scalar == "m" { isStyle = false }
    }
    return text
  }

  private mutating func map(
    _ map: Int, columns: Int, rows: Int, colors: ColorDepth, bars: BarStyle
  ) -> [String] {
    guard let index = history.index else { return [] }
    let room = max(1, columns - HeatMap.labelWidth)
    let moments = history.moments
    let first = HeatMap.firstShown(of: moments.count, room: room, selected: index)
    times = (HeatMap.labelWidth, first)
    let shown = moments[first..<min(moments.count, first + room)]
    let figures = rows >= 12 ? face.figures : []
    let lines = figures.enumerated().map { number, figure in
      Self.label(figure.title) + Sparkline.text(shown.map { $0.figures[number] }, bars)
    }
    return lines
      + HeatMap(depth: colors, bars: bars).lines(
        moments.map { $0.maps[map] }, width: columns, height: max(1, rows - lines.count),
        selected: index)
  }

  private static func label(_ title: String) -> String {
    let width = HeatMap.labelWidth - 1
    let text = String(title.prefix(width))
    return String(repeating: " ", count: width - text.count) + text + " "
  }
}

/// Styles, where there are any; lines cut to the screen.
private struct Ink {
  let isColored: Bool
  let columns: Int

  func plain(_ text: String) -> String { clipped(text, to: columns, mark: "") }
  func strong(_ text: String) -> String { styled(text, "1") }
  func faint(_ text: String) -> String { styled(text, "2") }
  /// The page that is shown.
  func reverse(_ text: String) -> String { styled(text, "7") }
  /// A row that the cursor is on.
  func marked(_ text: String) -> String { isColored ? styled(" " + text, "7") : plain(">" + text) }

  private func styled(_ text: String, _ code: String) -> String {
    isColored ? "\u{1b}[\(code)m\(plain(text))\u{1b}[0m" : plain(text)
  }
}
