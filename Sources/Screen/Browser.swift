public import Faces
import Foundation
import Histograms
public import Reports

/// A screen to move about in: pages that scroll, and the reports of the last minutes, one by one or over
/// time. It draws nothing itself, and knows no terminal.
public struct Browser<Report: Snapshot>: Sendable {
  /// What a key asks of who shows the screen.
  public enum Request: Equatable, Sendable {
    /// Nothing but to show the screen again.
    case none
    case quit
    /// To write the report that is looked at to a file.
    case write
  }

  let face: ScreenFace<Report>
  private(set) var history = History<Report>()
  private var table: TableView<Report>?
  private(set) var page = 0
  /// How many lines of the page are above the screen.
  private var scroll = 0
  private(set) var filter = ""
  private var isTyping = false
  private var helps = false
  /// What came of the last request, until the next key.
  private var message: String?
  /// Of the frame that is shown: lines of the page, and how many of them there is room for.
  private var extent = (lines: 0, room: 1)
  /// Where columns of time begin, and the first that is shown: for clicks.
  private var times: (column: Int, first: Int)?

  public init(_ face: ScreenFace<Report>) {
    self.face = face
    table = face.table.map { TableView($0) }
  }

  /// The report that is looked at.
  public var current: Report? { history.current }

  public mutating func add(_ report: Report) { history.add(report) }

  public mutating func say(_ text: String) { message = text }

  // MARK: - Keys

  public mutating func take(_ key: Key) -> Request {
    message = nil
    if isTyping { return type(key) }
    if helps {
      helps = false
      return .none
    }
    if isOnTable, table?.take(key) ?? false { return .none }
    switch key {
    case .text("q"): return .quit
    case .text("w"): return history.current == nil ? .none : .write
    case .text("?"), .text("h"): helps = true
    case .text("/"): (isTyping, filter) = (true, "")
    case .text(" "): if history.isLive { history.freeze() } else { history.goLive() }
    case .left: history.move(by: -1)
    case .right: history.move(by: 1)
    case .text("["): history.move(by: -10)
    case .text("]"): history.move(by: 10)
    case .escape: escape()
    case .tab: show(page: page + 1)
    case .backTab: show(page: page - 1)
    case .text(let character):
      if let number = character.wholeNumberValue, (1...pageCount).contains(number) {
        show(page: number - 1)
      } else {
        move(character)
      }
    case .click(let column, let row): click(column, row)
    default: move(key)
    }
    return .none
  }

  private mutating func type(_ key: Key) -> Request {
    switch key {
    case .text(let character): filter.append(character)
    case .backspace: if !filter.isEmpty { filter.removeLast() }
    case .enter: isTyping = false
    case .escape: (isTyping, filter) = (false, "")
    default: break
    }
    scroll = 0
    return .none
  }

  /// One step back: out of the filter, or out of the past.
  private mutating func escape() {
    if filter.isEmpty { history.goLive() } else { filter = "" }
  }

  private var pageCount: Int { tabs.count }
  private var isOnTable: Bool { table != nil && page == 1 }
  private var firstMap: Int { table == nil ? 1 : 2 }

  private mutating func show(page number: Int) {
    page = (number + pageCount) % pageCount
    scroll = 0
  }

  /// As in less(1).
  private mutating func move(_ character: Character) {
    switch character {
    case "j": scroll(by: 1)
    case "k": scroll(by: -1)
    case "g": scroll = 0
    case "G": scroll = .max
    default: break
    }
  }

  private mutating func move(_ key: Key) {
    switch key {
    case .up: scroll(by: -1)
    case .down: scroll(by: 1)
    case .pageUp: scroll(by: -max(1, extent.room - 1))
    case .pageDown: scroll(by: max(1, extent.room - 1))
    case .home: scroll = 0
    case .end: scroll = .max
    case .wheelUp: scroll(by: -3)
    case .wheelDown: scroll(by: 3)
    default: break
    }
  }

  private mutating func scroll(by lines: Int) {
    scroll = min(max(0, extent.lines - extent.room), max(0, min(scroll, 1 << 30) + lines))
  }

  /// On a page's name, or on a moment.
  private mutating func click(_ column: Int, _ row: Int) {
    if row == Self.tabRow {
      var start = 0
      for (number, tab) in tabs.enumerated() {
        if (start..<start + tab.count).contains(column) { return show(page: number) }
        start += tab.count + Self.tabGap.count
      }
    } else if isOnTable {
      table?.click(line: row - Self.tabRow - 1)
    } else if let times, row > Self.tabRow, column >= times.column {
      history.look(at: times.first + column - times.column)
    }
  }

  // MARK: - The picture

  private static var tabRow: Int { 2 }
  private static var tabGap: String { "  " }
  private var tabs: [String] {
    (["report"] + [face.table?.title].compactMap { $0 } + face.maps.map(\.title)).enumerated()
      .map { "\($0 + 1) \($1)" }
  }

  /// The lines of a screen, none wider than that.
  public mutating func lines(
    columns: Int, rows: Int, colors: ColorDepth, bars: BarStyle
  ) -> [String] {
    let ink = Ink(isColored: colors != .none, columns: columns)
    let top = [ink.strong(sentence), ink.plain(place), tabLine(ink)]
    let room = max(0, rows - top.count - 1)
    let body = helps ? help : body(columns: columns, rows: room, colors: colors, bars: bars)
    extent = (body.count, max(1, room))
    scroll = min(scroll, max(0, body.count - room))
    // Text that is colored is as wide as it is made.
    var shown = Array(body.dropFirst(helps ? 0 : scroll).prefix(room))
    if helps { shown = shown.map { ink.plain($0) } }
    shown += Array(repeating: "", count: max(0, room - shown.count))
    return Array((top + shown + [ink.faint(bottom)]).prefix(max(0, rows)))
  }

  private var sentence: String {
    guard let report = history.current else { return "waiting for the first interval" }
    return face.sentence(report) ?? "nothing to say yet"
  }

  private var place: String {
    guard let report = history.current, let index = history.index else { return face.name }
    let time = report.end.split(separator: "T").last.map { String($0.prefix(8)) } ?? report.end
    let back = history.reports.count - 1 - index
    let state =
      history.isLive ? "live" : back == 0 ? "frozen" : "\(back) interval\(back == 1 ? "" : "s") back"
    return "\(face.name)  " + escaped(report.host.names.first ?? "")
      + "  \(escaped(time)) UTC  \(state)"
  }

  private func tabLine(_ ink: Ink) -> String {
    var line = ""
    var width = 0
    for (number, tab) in tabs.enumerated() where width + tab.count <= ink.columns {
      line += number == page ? ink.reverse(tab) : ink.faint(tab)
      line += Self.tabGap
      width += tab.count + Self.tabGap.count
    }
    return line
  }

  private var bottom: String {
    if let message { return message }
    if isTyping { return "/" + escaped(filter) + "_" }
    let found = filter.isEmpty ? "" : "only lines with \"\(escaped(filter))\" (Esc: all)  "
    return found + "? help  q quit  <- -> back and forth in time  Space freeze  Tab page  / filter"
  }

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
    guard page == 0 else {
      return map(
        face.maps[page - firstMap], columns: columns, rows: rows, colors: colors, bars: bars)
    }
    var lines = face.report(report, columns, colors != .none, bars)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    guard !filter.isEmpty else { return lines }
    return lines.filter { Self.text(of: $0).localizedCaseInsensitiveContains(filter) }
  }

  /// Without what switches colours.
  private static func text(of line: String) -> String {
    line.replacing(/\u{1b}\[[0-9;]*m/, with: "")
  }

  private mutating func map(
    _ map: ScreenFace<Report>.Map, columns: Int, rows: Int, colors: ColorDepth, bars: BarStyle
  ) -> [String] {
    guard let index = history.index else { return [] }
    let room = max(1, columns - HeatMap.labelWidth)
    let first = HeatMap.firstShown(of: history.reports.count, room: room, selected: index)
    times = (HeatMap.labelWidth, first)
    let shown = history.reports[first..<min(history.reports.count, first + room)]
    let figures = rows >= 12 ? face.figures : []
    var lines = figures.map { figure in
      let values = shown.map(figure.value)
      return Self.label(figure.title) + Sparkline.text(values, bars)
    }
    // Those that aren't shown cost nothing.
    let histograms = history.reports.indices.map { place in
      shown.indices.contains(place)
        ? try? map.histogram(history.reports[place]).histogram().octaves : nil
    }
    lines += HeatMap(depth: colors, bars: bars).lines(
      histograms, width: columns, height: max(1, rows - lines.count), selected: index)
    return lines
  }

  private static func label(_ title: String) -> String {
    let width = HeatMap.labelWidth - 1
    let text = String(title.prefix(width))
    return String(repeating: " ", count: width - text.count) + text + " "
  }

  private var help: [String] {
    [
      "Left, Right    one interval back or forth in time; [ and ] ten",
      "Space          freeze, or go on live; what is measured meanwhile is kept",
      "Esc            drop the filter, or go back to live",
      "Tab, 1 to \(pageCount)    another page; a click on its name, too",
      "Up, Down, PgUp, PgDn, Home, End, j, k, g, G, wheel    scroll",
      "/              only lines with a text; Enter keeps it",
      "Enter, s       on a table: open the row, sort by the next column",
      "w              write the report that is shown to a file, as JSON",
      "q, Ctrl-C      quit",
      "", "On a page of histograms each column is an interval, each row twice the one below it, and",
      "a brighter shade more of them. A click on a column goes to that time.",
      "", "Any key goes back.",
    ]
  }
}

/// Styles, where there are any; lines cut to the screen.
private struct Ink {
  let isColored: Bool
  let columns: Int

  func plain(_ text: String) -> String { clipped(text, to: columns, mark: "") }
  func strong(_ text: String) -> String { styled(text, "1") }
  func faint(_ text: String) -> String { styled(text, "2") }
  /// A row that the cursor is on.
  func marked(_ text: String) -> String {
    isColored ? styled(" " + text, "7") : plain(">" + text)
  }
  func reverse(_ text: String) -> String { isColored ? styled(text, "7") : "[\(text)]" }

  private func styled(_ text: String, _ code: String) -> String {
    isColored ? "\u{1b}[\(code)m\(plain(text))\u{1b}[0m" : plain(text)
  }
}
