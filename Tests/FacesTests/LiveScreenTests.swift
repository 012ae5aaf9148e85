import Faces
import Testing
import Support

/// Pictures drawn over each other.
struct LiveScreenTests {
  static func picture(_ lines: Int, width: Int, _ random: inout SplitMix64) -> [String] {
    (0..<lines).map { _ in
      String(repeating: ["a", "b", "c"].randomElement(using: &random) ?? "", count: width)
    }
  }

  @Test(arguments: 0..<50 as Range<UInt64>) func onlyTheLastPictureIsSeen(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var terminal = TestTerminal(columns: 10, rows: 8)
    var screen = LiveScreen()
    let before = (0..<Int.random(in: 0...12, using: &random)).map { "before \($0)" }
    for line in before { terminal.feed(line + "\r\n") }

    for _ in 0..<20 {
      let lines = (0..<Int.random(in: 1...12, using: &random)).map { _ in
        Self.picture(1, width: Int.random(in: 0...10, using: &random), &random)[0]
      }
      terminal.feed(screen.frame(lines.joined(separator: "\n") + "\n", rows: 8))
      #expect(terminal.lines == before + lines.prefix(7))
    }

    let last = Self.picture(20, width: 10, &random)
    terminal.feed(screen.frame(last.joined(separator: "\n") + "\n", rows: .max))
    #expect(terminal.lines == before + last)
    #expect(terminal.column == 0)
  }

  @Test func aPictureIsCutToTheRowsThereAreNow() {
    var terminal = TestTerminal(columns: 10, rows: 8)
    var screen = LiveScreen()
    terminal.feed(screen.frame("a\nb\nc\nd\n", rows: 8))
    terminal.feed(screen.frame("e\nf\ng\nh\n", rows: 3))
    #expect(terminal.lines == ["e", "f"])
    terminal.feed(screen.frame("i\nj\n", rows: 0))
    #expect(terminal.lines == ["i"])
  }

  @Test func aMissingLastNewlineIsAdded() {
    var (one, two) = (LiveScreen(), LiveScreen())
    #expect(one.frame("a\nb", rows: 9) == two.frame("a\nb\n", rows: 9))
    #expect(one.frame("", rows: 9) == two.frame("", rows: 9))
  }
}
