/// One line of text whose parts stand out or step back.
package struct Line {
  enum Style {
    case plain, heading, strong, alarm

    /// What switches it on (ECMA-48 SGR: 1 bold, 2 faint, 31 red).
    var code: String? {
      switch self {
      case .plain: nil
      case .heading: "\u{1b}[2m"
      case .strong: "\u{1b}[1m"
      case .alarm: "\u{1b}[1;31m"
      }
    }
  }

  private var parts: [(text: String, style: Style)] = []

  init(_ text: String = "", _ style: Style = .plain) {
    add(text, style)
  }

  mutating func add(_ text: String, _ style: Style = .plain) {
    if !text.isEmpty { parts.append((text, style)) }
  }

  mutating func add(_ line: Line) {
    parts += line.parts
  }

  /// Columns it takes.
  var width: Int { parts.reduce(0) { $0 + columns(of: $1.text) } }

  /// The text, at most so many columns; `mark` tells that it was cut.
  package func text(columns limit: Int, color: Bool, mark: String) -> String {
    var shown = parts[...]
    while let last = shown.last, last.text.allSatisfy({ $0 == " " }) { shown.removeLast() }
    if let last = shown.popLast(), let end = last.text.lastIndex(where: { $0 != " " }) {
      shown.append((String(last.text[...end]), last.style))
    }
    if shown.reduce(0, { $0 + columns(of: $1.text) }) > limit {
      var room = limit - columns(of: mark)
      let all = shown
      shown = []
      for part in all {
        let text = clipped(part.text, to: room, mark: "")
        shown.append((text == part.text ? text : text + mark, part.style))
        room -= columns(of: text)
        if text != part.text { break }
      }
    }
    return shown.map { part in
      guard color, let code = part.style.code else { return part.text }
      return code + part.text + "\u{1b}[0m"
    }.joined()
  }

  /// Words on as many lines as they need, escaped, the first behind a bullet, the others below that.
  static func paragraph(
    _ text: String, first: String, _ style: Style = .plain, columns limit: Int
  ) -> [Line] {
    let width = first.utf8.count
    return wrapped(escaped(text), to: max(1, limit - width)).enumerated().map { index, words in
      var line = Line(index == 0 ? first : String(repeating: " ", count: width))
      line.add(words, style)
      return line
    }
  }

  /// Items one behind the other, `gap` between them, on as many lines as they need; every line but
  /// the first begins with blanks.
  static func flow(_ items: [Line], gap: String, indent: Int, columns limit: Int) -> [Line] {
    var lines: [Line] = []
    var line = Line()
    for (index, item) in items.enumerated() {
      let isLast = index == items.count - 1
      // A comma stays with what it follows.
      let ending = isLast ? 0 : columns(of: String(gap.prefix { $0 != " " }))
      if line.width + item.width + ending > limit, index > 0 {
        lines.append(line)
        line = Line(String(repeating: " ", count: indent))
      }
      line.add(item)
      if !isLast { line.add(gap) }
    }
    return lines + [line]
  }
}
