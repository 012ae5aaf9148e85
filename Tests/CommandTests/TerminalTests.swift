import Foundation
import Support
import Testing

/// Live on a terminal.
@Suite(.serialized)
struct TerminalTests {
  private let short = ["--plain", "--interval", "100ms", "--count", "4"]
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
    #expect(output.hasPrefix("loadwatch  attaching ...\r\u{1b}[?25l"))
    #expect(output.hasSuffix("\u{1b}[?25h"))
    // What is there before the first interval ends, and five pictures, each but the first begun with a move up by as many lines as were drawn.
    let pictures = output.split(separator: /\u{1b}\[[0-9]+A/)
    let moves = output.matches(of: /\u{1b}\[([0-9]+)A/).map { Int($0.output.1) }
    #expect(pictures.count == 6 && moves.count == 5)
    #expect(pictures[0].contains("loadwatch  waiting for") && moves[0] == 1)
    for (picture, move) in zip(pictures, moves) {
      #expect(picture.filter { $0 == "\r\n" }.count == move)
    }
    #expect(pictures.dropFirst().allSatisfy { $0.contains("load average") })
    #expect(pictures.filter { $0.contains("Ctrl-C") }.count == 5)
    #expect(pictures.last?.contains("total: ") == true)
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
    #expect(output.contains("\u{1b}[?25l") && output.hasSuffix("\u{1b}[?25h"))
  }

  @Test(arguments: ["dumb", nil]) func aTerminalThatKnowsOnlyText(_ name: String?) throws {
    let output = try live([], ["TERM": name]).output
    #expect(!output.contains("\u{1b}"))
    #expect(output.hasPrefix("time ") && output.matches(of: /load average/).count == 1)
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
    let watch = try start(["--plain"], environment: xterm, to: .terminal(columns: 100, rows: 40))
    try watch.read { $0.contains("load average") }
    watch.type("\u{3}")
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.output.contains("total: "))
    #expect(ended.output.hasSuffix("\u{1b}[?25h"))
  }

  /// Also where it doesn't wait for the last picture: see `SignalTests.nothingIsLeftOfAFile`.
  @Test func aSecondInterruptShowsTheCursorAgain() throws {
    let watch = try start(["--plain"], environment: xterm, to: .terminal(columns: 100, rows: 40))
    try watch.read { $0.contains("\u{1b}[?25l") }
    watch.send(SIGSTOP)
    while state(of: watch.pid) != "T" { usleep(1000) }
    for signal in [SIGTERM, SIGINT, SIGCONT] { watch.send(signal) }
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 130)
    #expect(ended.output.hasSuffix("\u{1b}[?25h"))
    #expect(!ended.output.contains("load average"))
  }

  /// Neither shown meanwhile nor left for the shell afterwards; the terminal's modes are as before.
  @Test(arguments: ["end", "interrupt", "kill"]) func keysThatAreTyped(_ way: String) throws {
    let end = way == "end" ? "--duration 2s" : "--interval 10m"
    let line = """
      stty -g; "$0" --plain \(end); stty -g; echo ended; \
      if read -r -t 0.3 word; then echo "left: $word"; else echo nothing left; fi
      """
    let shell = try Command(
      "bash", ["-c", "trap : INT; " + line, Binaries.url("loadwatch").path], environment: xterm,
      to: .terminal(columns: 100, rows: 40))
    try shell.read { $0.contains("waiting for") }
    shell.type("typed\n")
    usleep(100_000)
    if way == "interrupt" { shell.type("\u{3}") }
    if way == "kill" { shell.type("\u{3}\u{3}") }
    let ended = try shell.wait()
    #expect(ended.output.contains("nothing left") && !ended.output.contains("typed"))
    let modes = ended.output.matches(of: /[0-9a-f]+(:[0-9a-f]+){20,}/).map(\.output.0)
    #expect(modes.count == 2 && modes.first == modes.last)
  }

  /// Ctrl-Z gives the terminal back, `fg` takes it again.
  @Test func stoppedAndContinued() throws {
    // bash controls jobs only where its standard error is the terminal.
    let line = """
      exec 2>&1; set -m; stty -g; "$0" --plain --interval 10m; stty -g; echo stopped; read -r word; echo "got $word"; \
      fg >/dev/null; stty -g; echo over
      """
    let shell = try Command(
      "bash", ["-c", line, Binaries.url("loadwatch").path], environment: xterm,
      to: .terminal(columns: 100, rows: 40))
    try shell.read { $0.contains("waiting for") }
    shell.type("\u{1a}")
    try shell.read { $0.contains("stopped") }
    #expect(shell.text.contains("\u{1b}[?25h"))
    shell.type("word\n")
    try shell.read {
      $0.contains("got word") && $0.components(separatedBy: "\u{1b}[?25l").count == 3
    }
    shell.type("hidden")
    usleep(100_000)
    shell.type("\u{3}")
    let ended = try shell.wait()
    #expect(ended.output.contains("over") && !ended.output.contains("hidden"))
    let modes = ended.output.matches(of: /[0-9a-f]+(:[0-9a-f]+){20,}/).map(\.output.0)
    #expect(modes.count == 3 && Set(modes).count == 1)
  }

  /// The keys are the command's.
  @Test func aCommandReadsWhatIsTyped() throws {
    let watch = try Command(
      Binaries.url("cloneprof").path,
      ["--interval", "10m", "--", "sh", "-c", "echo begun; read word; echo got $word"],
      environment: xterm, to: .terminal(columns: 100, rows: 40))
    try watch.read { $0.contains("begun") }
    watch.type("word\n")
    #expect(try watch.wait().output.contains("got word"))
  }

  @Test func anErrorWhileItAttaches() throws {
    let ended = try start(
      ["--pid", "1", "--comm", "x", "--cgroup", "/sonde-is-not-there"], environment: xterm,
      to: .terminal(columns: 100, rows: 40)
    ).wait()
    #expect(ended.status == 1)
    #expect(!ended.output.contains("\u{1b}[?25l"))
  }

  @Test func theTerminalIsClosed() throws {
    let watch = try start(["--plain"], environment: xterm, to: .terminal(columns: 100, rows: 40))
    try watch.read { $0.contains("load average") }
    watch.closeOutput()
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
  }
}
