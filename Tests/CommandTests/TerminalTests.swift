import Foundation
import Support
import Testing

/// Live on a terminal.
@Suite(.serialized)
struct TerminalTests {
  private let short = ["--interval", "100ms", "--count", "4"]
  private let xterm: [String: String?] = ["TERM": "xterm", "NO_COLOR": nil]

  private func live(
    _ arguments: [String] = [], _ environment: [String: String?] = [:], columns: UInt16 = 100,
    rows: UInt16 = 40
  ) throws -> Command.Ended {
    let ended = try start(
      short + arguments, environment: xterm.merging(environment) { $1 },
      to: .terminal(columns: columns, rows: rows)
    ).wait()
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    return ended
  }

  @Test func isRedrawnInPlace() throws {
    let output = try live().output
    #expect(output.hasPrefix("\u{1b}[?25l"))
    #expect(output.hasSuffix("\u{1b}[?25h"))
    // Five pictures, each but the first begun with a move up by as many lines as were drawn.
    let pictures = output.split(separator: /\u{1b}\[[0-9]+A/)
    let moves = output.matches(of: /\u{1b}\[([0-9]+)A/).map { Int($0.output.1) }
    #expect(pictures.count == 5 && moves.count == 4)
    for (picture, move) in zip(pictures, moves) {
      #expect(picture.filter { $0 == "\r\n" }.count == move)
    }
    #expect(pictures.allSatisfy { $0.contains("load average") })
    #expect(pictures.filter { $0.contains("Ctrl-C") }.count == 4)
    #expect(pictures.last?.contains("whole watch") == true)
    // What a longer picture left below is erased.
    #expect(pictures.allSatisfy { $0.contains("\u{1b}[J") })
  }

  /// The last picture is written whole; those before fit the terminal.
  @Test func aSmallTerminal() throws {
    let pictures = try live(columns: 40, rows: 10).output.split(separator: /\u{1b}\[[0-9]+A/)
    for picture in pictures.dropLast() { #expect(picture.filter { $0 == "\r\n" }.count <= 9) }
    #expect(pictures.last?.filter { $0 == "\r\n" }.count ?? 0 > 9)
    let plain = pictures.joined().replacing(/\u{1b}\[[?0-9;]*[a-zA-Z]/, with: "")
    #expect(plain.split(whereSeparator: \.isNewline).allSatisfy { $0.count <= 40 })
  }

  /// As a serial console, that doesn't tell its size.
  @Test func aTerminalOfNoSize() throws {
    let output = try live(columns: 0, rows: 0).output
    #expect(output.hasPrefix("\u{1b}[?25l") && output.hasSuffix("\u{1b}[?25h"))
  }

  @Test(arguments: ["dumb", nil]) func aTerminalThatKnowsOnlyText(_ name: String?) throws {
    let output = try live([], ["TERM": name]).output
    #expect(!output.contains("\u{1b}"))
    #expect(output.matches(of: /load average/).count == 5)
  }

  @Test func colour() throws {
    let styles = /\u{1b}\[[0-9;]*m/
    #expect(try live().output.contains(styles))
    #expect(try !live([], ["NO_COLOR": "1"]).output.contains(styles))
    // As no-color.org has it, only where it says something; and an option is said on purpose.
    #expect(try live([], ["NO_COLOR": ""]).output.contains(styles))
    #expect(try live(["--color", "always"], ["NO_COLOR": "1"]).output.contains(styles))
    #expect(try !live(["--color", "never"]).output.contains(styles))
  }

  @Test func colourOnAPipe() throws {
    #expect(try !loadwatch("--count", "1", "--interval", "50ms").bytes.contains(0x1b))
    let output = try loadwatch("--count", "1", "--interval", "50ms", "--color", "always").output
    #expect(output.contains("\u{1b}[1m"))
    // Colour, but no cursor to move.
    #expect(output.replacing(/\u{1b}\[[0-9;]*m/, with: "").firstIndex(of: "\u{1b}") == nil)
  }

  @Test func jsonIsNotDrawn() throws {
    let output = try live(["--format", "json"]).output
    #expect(!output.contains("\u{1b}"))
    #expect(output.split(separator: "\r\n").count == 5)
  }

  @Test func anInterruptFromTheKeyboard() throws {
    let watch = try start([], environment: xterm, to: .terminal(columns: 100, rows: 40))
    try watch.read { $0.contains("load average") }
    watch.type("\u{3}")
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.output.contains("whole watch"))
    #expect(ended.output.hasSuffix("\u{1b}[?25h"))
  }

  /// Also where it doesn't wait for the last picture: see `SignalTests.nothingIsLeftOfAFile`.
  @Test func aSecondInterruptShowsTheCursorAgain() throws {
    let watch = try start([], environment: xterm, to: .terminal(columns: 100, rows: 40))
    try watch.read { $0.contains("\u{1b}[?25l") }
    watch.send(SIGSTOP)
    while state(of: watch.pid) != "T" { usleep(1000) }
    for signal in [SIGTERM, SIGINT, SIGCONT] { watch.send(signal) }
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 130)
    #expect(ended.output == "\u{1b}[?25l\u{1b}[?25h")
  }

  @Test func theTerminalIsClosed() throws {
    let watch = try start([], environment: xterm, to: .terminal(columns: 100, rows: 40))
    try watch.read { $0.contains("load average") }
    watch.closeOutput()
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
  }
}
