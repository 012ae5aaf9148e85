import Screen
import Support
import Testing

/// What terminals send, whole and in pieces.
struct KeyTests {
  private static let known: [(bytes: String, keys: [Key])] = [
    ("q", [.text("q")]), ("é", [.text("é")]), ("漢🙂", [.text("漢"), .text("🙂")]),
    ("\u{1b}[A\u{1b}[B\u{1b}[C\u{1b}[D", [.up, .down, .right, .left]),
    ("\u{1b}OA\u{1b}OH", [.up, .home]), ("\u{1b}[1;5C", [.right]),
    ("\u{1b}[5~\u{1b}[6~\u{1b}[1~\u{1b}[4~", [.pageUp, .pageDown, .home, .end]),
    ("\u{1b}[H\u{1b}[F\u{1b}[Z\t", [.home, .end, .backTab, .tab]),
    ("\r\n\u{7f}\u{8}", [.enter, .enter, .backspace, .backspace]),
    ("\u{1b}[<0;1;1M\u{1b}[<0;1;1m", [.click(column: 0, row: 0)]),
    ("\u{1b}[<0;300;41M", [.click(column: 299, row: 40)]),
    ("\u{1b}[<64;5;5M\u{1b}[<65;5;5M", [.wheelUp, .wheelDown]),
    // Of those nobody asks for there is none, and what follows is what it is.
    ("\u{1b}[200~a\u{1b}[15~\u{1b}[?1;2cb", [.text("a"), .text("b")]),
    ("\u{1}\u{0}c", [.text("c")]),
    ("\u{1b}q", [.escape, .text("q")]), ("\u{1b}[1\u{1b}[A", [.up]),
  ]

  @Test func whole() {
    for (bytes, keys) in Self.known {
      var reader = KeyReader()
      #expect(reader.keys(bytes.utf8) == keys, "\(Array(bytes.utf8))")
      #expect(!reader.isWaiting)
    }
  }

  @Test func byteByByte() {
    for (bytes, keys) in Self.known {
      var reader = KeyReader()
      #expect(bytes.utf8.flatMap { reader.keys([$0]) } == keys, "\(Array(bytes.utf8))")
      #expect(!reader.isWaiting)
    }
  }

  @Test func escapeAlone() {
    var reader = KeyReader()
    #expect(reader.keys([0x1b]).isEmpty && reader.isWaiting)
    #expect(reader.giveUp() == [.escape] && !reader.isWaiting)
    #expect(reader.keys(Array("\u{1b}[".utf8)).isEmpty)
    // The rest of an arrow over a slow line, say: not to be taken for text, or for an Esc.
    #expect(reader.giveUp().isEmpty && !reader.isWaiting)
  }

  /// Anything at all ends, and after it a key is a key.
  @Test func anything() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<2000 {
      var reader = KeyReader()
      let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
        random.once(in: 3) ? 0x1b : UInt8.random(in: 0...255, using: &random)
      }
      _ = reader.keys(bytes)
      _ = reader.giveUp()
      #expect(reader.keys([UInt8(ascii: "x")]) == [.text("x")])
    }
  }
}
