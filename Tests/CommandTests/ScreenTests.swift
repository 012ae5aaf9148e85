import Foundation
import Glibc
import Reports
import Support
import Testing

/// The screen as a user has it: in tmux, by its keys.
@Suite(.serialized)
struct ScreenTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A terminal of its own server, and what runs in it.
  private final class Tmux {
    let socket = "sonde-\(UUID())"

    /// - Parameter command: for sh(1).
    init(_ command: String, in folder: String, columns: Int = 80, rows: Int = 24) throws {
      try run(
        "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "-c", folder,
        "env TERM=tmux-256color bash --norc -c '\(command)'")
    }

    /// It may have ended with what ran in it.
    deinit { _ = try? Command("tmux", ["-L", socket, "kill-server"]).wait() }

    @discardableResult
    func run(_ arguments: String...) throws -> String {
      let ended = try Command("tmux", ["-L", socket, "-f", "/dev/null"] + arguments).wait()
      #expect(ended.status == 0, "\(arguments) \(ended.errors)")
      return ended.output
    }

    func type(_ keys: String...) throws {
      for key in keys { try run("send-keys", key) }
    }

    var lines: [String] {
      get throws {
        try run("capture-pane", "-p").split(separator: "\n", omittingEmptySubsequences: false)
          .map(String.init)
      }
    }

    func value(_ name: String) throws -> String {
      try run("display-message", "-p", "#{\(name)}").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What stands there once it is as wanted.
    @discardableResult
    func wait(
      _ what: String, _ isWanted: ([String]) throws -> Bool
    ) throws -> [String] {
      var shown: [String] = []
      for _ in 0..<200 {
        shown = try lines
        if try isWanted(shown) { return shown }
        usleep(100_000)
      }
      Issue.record("\(what):\n\(shown.joined(separator: "\n"))")
      return shown
    }
  }

  /// The line above the pages' names: "loadwatch  host  14:03:12 UTC  live".
  private func state(_ lines: [String]) -> String {
    lines.first { $0.hasPrefix("loadwatch ") && $0.contains(" UTC  ") } ?? ""
  }

  /// What is below the pages' names.
  private func body(_ lines: [String]) -> ArraySlice<String> {
    lines.drop { !$0.hasPrefix("1 report") }.dropFirst()
  }

  private func loadwatch(_ options: String = "--interval 300ms") throws -> Tmux {
    try Tmux(
      "\(Binaries.url("loadwatch").path) \(options); echo ended $?; sleep 60", in: scratch.path)
  }

  @Test func keysAndTime() throws {
    let tmux = try loadwatch()
    try tmux.wait("live") { state($0).hasSuffix("live") }
    #expect(try tmux.value("alternate_on") == "1")
    try tmux.type("3")
    try tmux.wait("a heat map") { $0.contains { $0.hasSuffix("▲") } }
    try tmux.wait("some history") { $0.contains { $0.count > 15 && $0.hasSuffix("▲") } }
    try tmux.type("Left", "Left")
    try tmux.wait("two back") { state($0).contains("intervals back") }
    try tmux.type("Escape")
    try tmux.wait("live again") { state($0).hasSuffix("live") }
    try tmux.type("Space")
    func time(_ lines: [String]) -> Substring { state(lines).prefix { $0 != "U" } }
    let frozen = try tmux.wait("frozen") { state($0).hasSuffix("frozen") }
    usleep(1_500_000)
    #expect(time(try tmux.lines) == time(frozen))
    try tmux.type("1", "/", "l", "o", "s", "t", "Enter")
    try tmux.wait("filtered") {
      body($0).first?.lowercased().hasPrefix("lost ") == true
        && body($0).dropFirst().first?.isEmpty == true
    }
    try tmux.type("Escape", "?")
    try tmux.wait("help") { $0.contains { $0.hasPrefix("Left, Right:") } }
    try tmux.type("x", "q")
    try tmux.wait("the end") { $0.contains("ended 0") }
    #expect(try tmux.run("capture-pane", "-p", "-S", "-").contains("total: "))
    #expect(try tmux.value("alternate_on") == "0" && tmux.value("cursor_flag") == "1")
  }

  @Test func otherSizes() throws {
    let tmux = try loadwatch()
    try tmux.wait("live") { state($0).hasSuffix("live") }
    for (columns, rows) in [(40, 10), (300, 80), (80, 24)] {
      try tmux.run("resize-window", "-x", "\(columns)", "-y", "\(rows)")
      try tmux.wait("\(columns)x\(rows)") { shown in
        guard let last = shown.prefix(rows).last(where: { !$0.isEmpty }) else { return false }
        return last.hasPrefix("? help") && shown.prefix(rows)[rows - 1] == last
      }
    }
    try tmux.type("q")
    try tmux.wait("the end") { $0.contains("ended 0") }
  }

  /// What `w` writes is what stands on the screen.
  @Test func asTheReport() throws {
    let tmux = try loadwatch("--interval 1s")
    try tmux.wait("live") { state($0).hasSuffix("live") }
    try tmux.type("Space")
    let shown = try tmux.wait("frozen") { state($0).hasSuffix("frozen") }
    try tmux.type("w")
    let said = try tmux.wait("written") { $0.contains { $0.hasPrefix("wrote ") } }
    let name = try #require(said.first { $0.hasPrefix("wrote ") }?.dropFirst(6))
    let file = URL(filePath: scratch.file(name.trimmingCharacters(in: .whitespaces)))
    let report = try JSONDecoder().decode(LoadSnapshot.self, from: Data(contentsOf: file))
    let load = try #require(report.load.kernel.first)
    let line = try #require(shown.first { $0.hasPrefix("load average") })
    #expect(line.contains(String(format: "%.2f", load)))
    try tmux.type("q")
  }

  @Test func stoppedAndContinued() throws {
    let tmux = try Tmux(
      "exec bash --norc -i", in: scratch.path)
    try tmux.type("\(Binaries.url("loadwatch").path) --interval 300ms", "Enter")
    try tmux.wait("live") { state($0).hasSuffix("live") }
    try tmux.type("C-z")
    try tmux.wait("stopped") { $0.contains { $0.contains("Stopped") } }
    #expect(try tmux.value("alternate_on") == "0")
    try tmux.type("fg", "Enter")
    try tmux.wait("live again") { state($0).hasSuffix("live") }
    #expect(try tmux.value("alternate_on") == "1")
    try tmux.type("C-c")
    try tmux.wait("the prompt") { _ in try tmux.value("alternate_on") == "0" }
  }

  /// By SIGKILL it can do nothing itself, and the terminal is as it was all the same.
  @Test(arguments: [false, true]) func killed(isReplay: Bool) throws {
    var command = "--interval 300ms"
    if isReplay {
      let file = scratch.file("a.rec")
      #expect(try start(["record", "--duration", "2s", "-o", file]).wait().status == 0)
      command = "replay \(file)"
    }
    let script = scratch.file("script")
    try """
    stty -a > before
    sh -c 'echo $$ > id; exec \(Binaries.url("loadwatch").path) \(command)'
    stty -a > after
    echo ended
    sleep 60
    """.write(toFile: script, atomically: true, encoding: .utf8)
    let tmux = try Tmux("sh \(script)", in: scratch.path)
    try tmux.wait("a screen") { !state($0).isEmpty }
    let id = try #require(Int32(text("id").trimmingCharacters(in: .whitespacesAndNewlines)))
    let guards = try children(of: id)
    #expect(guards.map(\.name) == ["terminal-guard"])
    #expect(kill(id, SIGKILL) == 0)
    try tmux.wait("the end") { $0.contains("ended") }
    try tmux.wait("the terminal as it was") { _ in
      try tmux.value("alternate_on") == "0" && tmux.value("cursor_flag") == "1"
        && tmux.value("mouse_any_flag") == "0" && tmux.value("wrap_flag") == "1"
    }
    #expect(try text("before") == text("after"))
    for child in guards {
      #expect(ended { !FileManager.default.fileExists(atPath: "/proc/\(child.id)") })
    }
  }

  /// Who looks at it goes, and somebody else comes, with a terminal of another size.
  @Test func anotherClient() throws {
    let tmux = try loadwatch()
    try tmux.wait("live") { state($0).hasSuffix("live") }
    try tmux.run("set-option", "-g", "window-size", "latest")
    let attach = "TMUX= tmux -L \(tmux.socket) attach"
    func client(columns: Int, rows: Int) throws -> Tmux {
      let client = try Tmux(attach, in: scratch.path, columns: columns, rows: rows)
      // Below it tmux has a line of its own.
      try tmux.wait("\(columns)x\(rows)") { shown in
        shown.last { !$0.isEmpty }?.hasPrefix("? help") == true && shown.count >= rows - 1
          && shown[rows - 2].hasPrefix("? help")
      }
      try client.wait("the screen") { state($0).hasSuffix("live") }
      return client
    }
    let first = try client(columns: 60, rows: 20)
    let id = try #require(Int32(tmux.run("list-clients", "-F", "#{client_pid}").dropLast()))
    #expect(kill(id, SIGKILL) == 0)
    try tmux.wait("nobody") { _ in try tmux.run("list-clients").isEmpty }
    let second = try client(columns: 120, rows: 40)
    try second.type("3")
    try tmux.wait("a heat map") { $0.contains { $0.hasSuffix("▲") } }
    try tmux.type("q")
    try tmux.wait("the end") { $0.contains("ended 0") }
    withExtendedLifetime(first) {}
  }

  /// In each depth of colors; `make pictures` makes anew what is expected here, to be looked at.
  @Test func ofARecording() throws {
    let pictures = packageRoot.appending(path: "Tests/Pictures")
    let made = try Command(
      pictures.appending(path: "frames").path,
      [Binaries.url("loadwatch").deletingLastPathComponent().path, scratch.path]
    ).wait(seconds: 120)
    #expect(made.status == 0, "\(made.errors)")
    let expected = pictures.appending(path: "shown")
    let names = try FileManager.default.contentsOfDirectory(atPath: expected.path).sorted()
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == names)
    for name in names {
      let wanted = try String(contentsOf: expected.appending(path: name), encoding: .utf8)
      #expect(try text(name) == wanted, "\(name)")
    }
    #expect(names.count >= 12)
    // Below the heat map is what the JSON has of that second.
    let replay = ["replay", pictures.appending(path: "freeze.rec").path, "--format", "json"]
    let second = try #require(
      try start(replay).wait(seconds: 60).snapshots().first { $0.end.contains("T09:52:54") })
    let latency = second.histograms.runQueueLatency
    let (p99, max) = (latency.percentiles.p99 ?? 0, latency.max ?? 0)
    let figures = String(
      format: "09:52:54  %d  p50 %.2f ms  p99 %.1f ms  max %.1f ms", latency.count,
      Double(latency.percentiles.p50 ?? 0) / 1e6, Double(p99) / 1e6, Double(max) / 1e6)
    #expect(try text("burst.mono").contains(figures), "\(figures)")
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: scratch.file(name), encoding: .utf8)
  }

  private func children(of id: Int32) throws -> [(id: String, name: String)] {
    try String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
      .split(separator: " ").map {
        let name = try String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)
        return (String($0), name.trimmingCharacters(in: .whitespacesAndNewlines))
      }
  }

  /// Within ten seconds.
  private func ended(_ isSo: () -> Bool) -> Bool {
    for _ in 0..<100 {
      if isSo() { return true }
      usleep(100_000)
    }
    return false
  }
}
