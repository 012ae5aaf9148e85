public import Faces
import Reports

/// What stands on the screen.
extension Browser {
  /// The lines of a screen, none wider than that.
  public mutating func lines(
    columns: Int, rows: Int, colors: ColorDepth, bars: BarStyle
  ) -> [String] {
    history.settle()
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

  /// Of as many lines however long it is, for what is below to stay where it is.
  private func sentence(_ ink: Ink, rows: Int) -> [String] {
    let text =
      history.last.map { report in
        face.sentence(report).map { escaped($0) } ?? face.nothing
      } ?? "waiting for the first interval"
    let lines = wrapped(text, to: ink.columns)
    let most = rows < 20 ? 1 : 2
    guard lines.count > most else {
      return lines.map(ink.strong) + Array(repeating: "", count: most - lines.count)
    }
    let last = lines[(most - 1)...].joined(separator: " ")
    return (lines.prefix(most - 1) + [clipped(last, to: ink.columns, mark: "~")]).map(ink.strong)
  }

  private var place: String {
    guard let report = history.current, let index = history.index else { return face.name }
    let back = history.moments.count - 1 - index
    let state =
      history.isLive
      ? (isReplay ? "newest" : "live")
      : back == 0 ? "frozen" : "\(back) interval\(back == 1 ? "" : "s") back"
    let kept =
      history.forgotten > 0
      ? "  last \(history.moments.count) of \(history.forgotten + history.moments.count)" : ""
    let sum =
      history.spanned > 1
      ? "  \(history.spanned) intervals merged"
      : report.intervalNs > Self.usualInterval
        ? "  interval of \(durationText(ns: report.intervalNs))" : ""
    return "\(face.name)  " + escaped(report.host.names.first ?? "")
      + "  \(Self.time(report)) UTC  \(state)\(sum)\(kept)"
  }

  /// One that is longer is told of: a recording is divided into such as there is room for. ns
  private static var usualInterval: UInt64 { 1_500_000_000 }

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
      guard start + tabs[number].count <= ink.columns else {
        if width + gap < ink.columns { line += " >" }
        break
      }
      line += String(repeating: " ", count: start - width)
      line += number == page ? ink.reverse(tabs[number]) : ink.faint(tabs[number])
      width = start + tabs[number].count
      tabColumns.append((number, start..<width))
    }
    return line
  }

  private var bottom: String {
    if isTyping { return "/" + escaped(filter) + "_" }
    if let message { return escaped(message) }
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
      ("/", "filter lines by substring; Enter keeps it, Esc clears it"),
      ("+, -", "merge more or fewer intervals (1, 2, 5, 10, 30, 60)"),
      ("Enter", "in a table: open the row or the group; Esc leaves it"),
      ("s", "in a table: sort by the next column"),
      ("g", "in a table: group by the next text column, then ungroup"),
      ("w", "write this report to a JSON file"), ("q, Ctrl-C", "quit"),
    ]
    let text =
      keys.map { "\($0): \($1)" } + [
        "",
        "Heat maps: one column per interval, one row per power of two; brighter = more events. "
          + "Click a column to go to that interval. Shift-drag selects text.", "",
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
    guard let index = history.index, let report = history.current else { return [] }
    let room = max(1, columns - HeatMap.labelWidth)
    let moments = history.moments
    let first = HeatMap.firstShown(of: moments.count, room: room, selected: index)
    times = (HeatMap.labelWidth, first)
    let shown = moments[first..<min(moments.count, first + room)]
    let figures = rows >= 12 ? face.figures : []
    let lines = figures.enumerated().map { number, figure in
      clipped(
        Self.label(figure.title) + Sparkline.text(shown.map { $0.figures[number] }, bars),
        to: columns, mark: "")
    }
    let below = rows >= 12 ? [axis(shown), "", summary(report, map)] : []
    return lines
      + HeatMap(depth: colors, bars: bars).lines(
        moments.map { $0.maps[map] }, width: columns,
        height: max(1, rows - lines.count - below.count), selected: index)
      + below.map { clipped($0, to: columns, mark: "") }
  }

  /// When every twentieth interval ended; with their columns the times move on to the left.
  private func axis(_ shown: ArraySlice<History<Report>.Moment>) -> String {
    var line = ""
    for (index, moment) in zip(shown.indices, shown)
    where (index + history.forgotten) % Self.betweenTimes == 0 {
      line += String(
        repeating: " ",
        count: HeatMap.labelWidth + index - shown.startIndex - line.count)
      line += Self.time(moment.report)
    }
    return line
  }

  private static var betweenTimes: Int { 20 }

  private static func time(_ report: Report) -> String {
    timeOfDay(report.end)
  }

  /// Of the interval that is looked at.
  private func summary(_ report: Report, _ map: Int) -> String {
    let values = face.maps[map].histogram(report)
    let figures = [
      ("p50", values.percentiles.p50), ("p99", values.percentiles.p99), ("max", values.max),
    ].compactMap { name, ns in ns.map { "\(name) \(durationText(ns: $0))" } }
    return ([Self.time(report), countText(values.count)] + figures).joined(separator: "  ")
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
