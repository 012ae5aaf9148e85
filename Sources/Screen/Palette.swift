import Faces

/// In how many colours a terminal shows something.
public enum ColorDepth: Sendable, CaseIterable {
  /// None: by characters.
  case none
  case sixteen, indexed, full

  /// What a terminal says of itself.
  ///
  /// - Parameters:
  ///   - term: TERM, man term(7).
  ///   - colorterm: COLORTERM, which terminals of 24 bits set to "truecolor" or "24bit".
  ///   - isWanted: whether colours are wanted at all.
  public init(term: String?, colorterm: String?, isWanted: Bool) {
    guard isWanted else {
      self = .none
      return
    }
    if colorterm == "truecolor" || colorterm == "24bit" || term?.hasSuffix("-direct") == true {
      self = .full
    } else {
      self = term?.contains("256color") == true ? .indexed : .sixteen
    }
  }
}

/// Shades from little to much, each a column wide.
struct Shades {
  let depth: ColorDepth
  let bars: BarStyle

  /// From dark to bright, so that they differ for those too who can't tell some colours apart, and on
  /// paper: inferno of matplotlib, in 24 bits and in what 256 colours have of it.
  private static let full: [(Int, Int, Int)] = [
    (40, 11, 84), (87, 16, 110), (137, 34, 106), (188, 55, 84), (227, 89, 51), (249, 140, 10),
    (249, 201, 50), (252, 255, 164),
  ]
  private static let indexed = [17, 54, 90, 126, 167, 208, 220, 229]
  private static let sixteen = [44, 45, 41, 43, 47]

  private var glyphs: [String] {
    switch bars {
    case .blocks: ["░", "▒", "▓", "█"]
    case .ascii: [".", ":", "+", "#"]
    }
  }

  /// How many there are, besides that of nothing.
  var count: Int {
    switch depth {
    case .none: glyphs.count
    case .sixteen: Self.sixteen.count
    case .indexed: Self.indexed.count
    case .full: Self.full.count
    }
  }

  /// A line of them; nil is nothing.
  func line(_ shades: [Int?]) -> String {
    var text = ""
    var last: Int?
    for shade in shades {
      if depth == .none {
        text += shade.map { glyphs[$0] } ?? " "
        continue
      }
      if shade != last { text += shade.map { "\u{1b}[\(code($0))m" } ?? "\u{1b}[0m" }
      last = shade
      text += " "
    }
    return last == nil ? text : text + "\u{1b}[0m"
  }

  private func code(_ shade: Int) -> String {
    switch depth {
    case .none: "0"
    case .sixteen: "\(Self.sixteen[shade])"
    case .indexed: "48;5;\(Self.indexed[shade])"
    case .full: "48;2;\(Self.full[shade].0);\(Self.full[shade].1);\(Self.full[shade].2)"
    }
  }
}
