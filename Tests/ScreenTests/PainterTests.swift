import Screen
import Testing

/// What is written makes the terminal show the lines.
struct PainterTests {
  /// A terminal that knows what the painter writes, and nothing else.
  struct Terminal {
    var rows: [String]

    mutating func show(_ text: String) {
      var rest = text[...]
      var row = 0
      while let first = rest.first {
        if let match = rest.prefixMatch(of: /\u{1b}\[(\d+);1H\u{1b}\[K/) {
          row = Int(match.1)! - 1
          rows[row] = ""
          rest = rest[match.range.upperBound...]
        } else if let match = rest.prefixMatch(of: /\u{1b}\[2J/) {
          rows = rows.map { _ in "" }
          rest = rest[match.range.upperBound...]
        } else if let match = rest.prefixMatch(of: /\u{1b}\[(\?2026[hl]|0m)/) {
          rest = rest[match.range.upperBound...]
        } else {
          rows[row].append(first)
          rest = rest.dropFirst()
        }
      }
    }
  }

  @Test func onlyWhatDiffers() {
    var painter = Painter()
    var terminal = Terminal(rows: ["?", "?", "?"])
    terminal.show(painter.frame(["a", "b"], columns: 10, rows: 3))
    #expect(terminal.rows == ["a", "b", ""])
    let change = painter.frame(["a", "c", "d"], columns: 10, rows: 3)
    #expect(!change.contains("a"))
    terminal.show(change)
    #expect(terminal.rows == ["a", "c", "d"])
    #expect(painter.frame(["a", "c", "d"], columns: 10, rows: 3).isEmpty)
    terminal.show(painter.frame(["a"], columns: 10, rows: 3))
    #expect(terminal.rows == ["a", "", ""])
  }

  @Test func anotherSizeAndALostPicture() {
    var painter = Painter()
    var terminal = Terminal(rows: ["", "", ""])
    _ = painter.frame(["a", "b", "c"], columns: 10, rows: 3)
    terminal.show(painter.frame(["a", "b", "c"], columns: 9, rows: 3))
    #expect(terminal.rows == ["a", "b", "c"])
    painter.forget()
    terminal = Terminal(rows: ["x", "x", "x"])
    terminal.show(painter.frame(["a", "b", "c"], columns: 9, rows: 3))
    #expect(terminal.rows == ["a", "b", "c"])
    // No line beyond the last row.
    terminal.show(painter.frame(["1", "2", "3", "4"], columns: 9, rows: 3))
    #expect(terminal.rows == ["1", "2", "3"])
  }
}
