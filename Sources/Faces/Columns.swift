/// How many columns of a terminal a text takes, at most.
///
/// Terminals don't agree on combining marks and emoji: a scalar is counted as 2 where any of them
/// draws it so wide, and as 1 even where it combines.
package func columns(of text: some StringProtocol) -> Int {
  text.unicodeScalars.reduce(0) { $0 + (isWide($1) ? 2 : 1) }
}

/// The text, cut so that it takes `limit` columns at most; `mark` tells that it was.
package func clipped(_ text: String, to limit: Int, mark: String) -> String {
  guard columns(of: text) > limit else { return text }
  guard limit > 0 else { return "" }
  var kept = ""
  var room = limit - columns(of: mark)
  for character in text {
    room -= columns(of: String(character))
    if room < 0 { break }
    kept.append(character)
  }
  return kept + mark
}

/// Likewise, but cut at its beginning: of a path the end tells most.
package func clippedAtStart(_ text: String, to limit: Int, mark: String) -> String {
  guard columns(of: text) > limit else { return text }
  guard limit > 0 else { return "" }
  var kept: [Character] = []
  var room = limit - columns(of: mark)
  for character in text.reversed() {
    room -= columns(of: String(character))
    if room < 0 { break }
    kept.append(character)
  }
  return mark + String(kept.reversed())
}

/// At the left of a field.
func left(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - columns(of: text)))
}

/// At the right of a field.
func right(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - columns(of: text))) + text
}

/// The words of a text in lines of at most `width` columns; a word that is longer is cut.
package func wrapped(_ text: String, to width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, columns(of: line) + 1 + columns(of: word) > width {
      lines.append(line)
      line = ""
    }
    if !line.isEmpty { line += " " }
    for character in word {
      if !line.isEmpty, columns(of: line) + columns(of: String(character)) > width {
        lines.append(line)
        line = ""
      }
      line.append(character)
    }
  }
  return line.isEmpty ? lines : lines + [line]
}

/// East Asian wide and full-width characters, and emoji (Unicode Standard Annex #11; whole blocks
/// where most of a block is wide).
private func isWide(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case ..<0x1100: false
  case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3,
    0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
    0x16fe0...0x18cff, 0x1aff0...0x1b2ff, 0x1d300...0x1d37f, 0x1f000...0x1faff, 0x20000...0x3fffd:
    true
  default: scalar.properties.isEmojiPresentation
  }
}
