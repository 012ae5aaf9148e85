import Faces
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
  let isReplay: Bool
  var history = History<Report>()
  var table: TableView<Report>?
  var page = 0
  /// How many lines of the page are above the screen, and of the help.
  var scroll = 0
  var helpScroll = 0
  var filter = ""
  var isTyping = false
  var helps = false
  /// What came of the last request, until the next key.
  var message: String?
  /// Of the frame that is shown: lines of the page, and how many of them there is room for.
  var extent = (lines: 0, room: 1)
  /// Likewise: the row that the body begins in.
  var bodyRow = 0
  /// Likewise: the columns of the tabs, by page.
  var tabColumns: [(page: Int, columns: Range<Int>)] = []
  /// Likewise: where columns of time begin, and the first that is shown.
  var times: (column: Int, first: Int)?

  /// How many reports are kept: ten minutes of them at one a second.
  public static var mostIntervals: Int { 600 }

  /// - Parameter isReplay: whether the reports are of the past, and the newest isn't of now.
  public init(_ face: ScreenFace<Report>, isReplay: Bool = false) {
    self.face = face
    self.isReplay = isReplay
    table = face.table.map { TableView($0) }
  }

  /// The report that is looked at.
  public var current: Report? { history.current }

  /// Of how many intervals it is.
  public var merged: Int { history.spanned }

  public mutating func add(_ report: Report) { history.add(.init(report, face)) }

  public mutating func say(_ text: String) { message = text.isEmpty ? nil : text }

  /// What a page is of.
  enum Content {
    case text(ScreenFace<Report>.Page)
    case table(String)
    /// By its index in ``ScreenFace/maps``.
    case map(Int)
  }

  var contents: [Content] {
    var all = [Content.text(face.report)]
    if let table = face.table { all.append(.table(table.title)) }
    all += face.maps.indices.map { Content.map($0) }
    all += face.pages.map { Content.text($0) }
    return all
  }

  var pageNames: [String] {
    contents.map {
      switch $0 {
      case .text(let page): page.title
      case .table(let title): title
      case .map(let index): face.maps[index].title
      }
    }
  }

  var isOnTable: Bool { if case .table = contents[page] { true } else { false } }

  // MARK: - Keys

  public mutating func take(_ key: Key) -> Request {
    message = nil
    if isTyping { return type(key) }
    if helps { return takeInHelp(key) }
    if key == .escape, !filter.isEmpty {
      filter = ""
      return .none
    }
    if isOnTable, table?.take(key) ?? false { return .none }
    switch key {
    case .text("q"): return .quit
    case .text("w"): return history.current == nil ? .none : .write
    case .text("?"), .text("h"): (helps, helpScroll) = (true, 0)
    case .text("/"): (isTyping, filter) = (true, "")
    case .text(" "): if history.isLive { history.freeze() } else { history.goLive() }
    case .left: history.move(by: -1)
    case .right: history.move(by: 1)
    case .text("["): history.move(by: -10)
    case .text("]"): history.move(by: 10)
    case .escape: history.goLive()
    case .text("+"), .text("="): history.widen(1)
    case .text("-"): history.widen(-1)
    case .tab: show(page: page + 1)
    case .backTab: show(page: page - 1)
    case .text(let character) where (1...pageNames.count).contains(character.wholeNumberValue ?? 0):
      show(page: (character.wholeNumberValue ?? 1) - 1)
    case .click(let column, let row): click(column, row)
    default: scroll = moved(scroll, by: key)
    }
    return .none
  }

  private mutating func takeInHelp(_ key: Key) -> Request {
    let before = helpScroll
    helpScroll = moved(helpScroll, by: key)
    switch key {
    case .up, .down, .pageUp, .pageDown, .home, .end, .wheelUp, .wheelDown: break
    case .text("j"), .text("k"), .text("g"), .text("G"): break
    case .text("q"): return .quit
    default: if helpScroll == before { helps = false }
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

  private mutating func show(page number: Int) {
    page = (number + pageNames.count) % pageNames.count
    scroll = 0
  }

  /// As in less(1).
  private func moved(_ scroll: Int, by key: Key) -> Int {
    let page = max(1, extent.room - 1)
    let lines =
      switch key {
      case .up, .text("k"): -1
      case .down, .text("j"): 1
      case .pageUp: -page
      case .pageDown: page
      case .home, .text("g"): -extent.lines
      case .end, .text("G"): extent.lines
      case .wheelUp: -3
      case .wheelDown: 3
      default: 0
      }
    return min(max(0, extent.lines - extent.room), max(0, scroll + lines))
  }

  /// On a page's name, or on a moment.
  private mutating func click(_ column: Int, _ row: Int) {
    if row == bodyRow - 1 {
      if let tab = tabColumns.first(where: { $0.columns.contains(column) }) { show(page: tab.page) }
      return
    }
    guard (bodyRow..<bodyRow + extent.room).contains(row) else { return }
    if isOnTable {
      table?.click(line: row - bodyRow)
    } else if let times, column >= times.column {
      let index = times.first + column - times.column
      if history.moments.indices.contains(index) { history.look(at: index) }
    }
  }
}
