import Faces
import Testing
import Support

/// Names that come from anyone.
struct EscapeTests {
  @Test(
    arguments: [
      ("postgres: 日本 é 👍", "postgres: 日本 é 👍"),
      ("\u{1b}[2Jx", #"\x1b[2Jx"#), ("a\nb\t\u{0}\u{7f}", #"a\x0ab\x09\x00\x7f"#),
      ("\u{9b}31m", #"\u{9b}31m"#), (#"a\x1b"#, #"a\\x1b"#),
      ("\u{202e}cod.exe\u{2069}", #"\u{202e}cod.exe\u{2069}"#),
      ("a\u{200b}b\u{feff}\u{2028}\u{2029}\u{ad}", #"a\u{200b}b\u{feff}\u{2028}\u{2029}\u{ad}"#),
      ("\u{e0041}\u{115f}\u{61c}", #"\u{e0041}\u{115f}\u{61c}"#), ("", ""),
    ])
  func whatCouldHarmIsWrittenOut(name: String, text: String) {
    #expect(escaped(name) == text)
    #expect(escaped(bytes: name.utf8) == text)
  }

  @Test(
    arguments: [
      ([0xff], #"\xff"#), ([0x61, 0xc3], #"a\xc3"#), ([0xe2, 0x82, 0x61], #"\xe2\x82a"#),
      ([0xc0, 0x80], #"\xc0\x80"#), ([0xed, 0xa0, 0x80], #"\xed\xa0\x80"#), ([0x9b], #"\x9b"#),
      ([0xc2, 0x9b], #"\u{9b}"#), ([0xf0, 0x9f, 0x91, 0x8d, 0xf0, 0x9f], #"👍\xf0\x9f"#),
    ] as [([UInt8], String)])
  func bytesThatAreNotUTF8AreKept(bytes: [UInt8], text: String) {
    #expect(escaped(bytes: bytes) == text)
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func anyBytesAreHarmlessAndComeBack(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let bytes = Self.randomBytes(&random)
      let text = escaped(bytes: bytes)
      let harmful = text.unicodeScalars.filter { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: scalar.properties.isDefaultIgnorableCodePoint
        }
      }
      #expect(harmful.isEmpty, "\(bytes)")
      #expect(Self.unescaped(text) == bytes)
    }
  }

  /// Pieces of text, of controls, and of nothing at all.
  static func randomBytes(_ random: inout SplitMix64) -> [UInt8] {
    (0..<Int.random(in: 0...12, using: &random)).flatMap { _ -> [UInt8] in
      switch Int.random(in: 0...4, using: &random) {
      case 0: [UInt8.random(in: 0...255, using: &random)]
      case 1: Array(#"\x1b\u{9b}\\"#.utf8.shuffled(using: &random).prefix(4))
      case 2: [UInt8.random(in: 0x20...0x7e, using: &random)]
      case 3: Array(scalar(0x80...0x2fff, &random).utf8)
      default: Array(scalar(0xe000...0x10ffff, &random).utf8)
      }
    }
  }

  private static func scalar(_ range: ClosedRange<UInt32>, _ random: inout SplitMix64) -> String {
    Unicode.Scalar(UInt32.random(in: range, using: &random)).map { String(Character($0)) } ?? ""
  }

  /// The bytes that were escaped.
  static func unescaped(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      guard scalar == "\\" else {
        bytes += Array(String(Character(scalar)).utf8)
        continue
      }
      switch rest.popFirst() {
      case "x":
        bytes.append(UInt8(string(rest.prefix(2)), radix: 16) ?? 0)
        rest = rest.dropFirst(2)
      case "u":
        let digits = string(rest.dropFirst().prefix { $0 != "}" })
        let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) ?? "?"
        bytes += Array(String(Character(scalar)).utf8)
        rest = rest.dropFirst(digits.count + 2)
      default: bytes.append(UInt8(ascii: "\\"))
      }
    }
    return bytes
  }

  private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    return text
  }
}
