import Foundation
import Reports
import Support
import Testing

/// Anyone may choose the name of a task: none commands the terminal.
@Suite(.serialized)
struct EscapeTests {
  /// Clears the screen, rings, colours by a C1 control, deletes, ends the line.
  private let name = "\u{1b}[2J\u{7}\u{9b}1m\u{7f}\n\rD"
  private let scratch: Scratch
  private let load: Load

  init() throws {
    scratch = try Scratch()
    let program = scratch.file(name)
    try FileManager.default.copyItem(atPath: Binaries.url("testload").path, toPath: program)
    // In D, and so the longest that is in D.
    load = try Load("vfork", "3", printsIDs: true, program: URL(filePath: program))
  }

  private var arguments: [String] {
    ["--comm", name, "--interval", "100ms", "--count", "2"]
  }

  @Test func text() throws {
    let ended = try start(arguments).wait()
    #expect(ended.status == 0)
    #expect(ended.output.contains("\\x1b[2J\\x07"))
    #expect(ended.output.contains("3 now"))
    expectNoControls(ended.bytes)
  }

  /// The attribution and the verdict name tasks too.
  @Test func attribution() throws {
    let ended = try start(["--duration", "7s", "--interval", "7s", "--by", "comm,site"]).wait(
      seconds: 60)
    #expect(ended.status == 0)
    let lines = ended.output.split(separator: "\n")
    #expect(
      lines.contains { $0.hasPrefix("\\x1b[2J\\x07") && $0.contains("clone") }, "\(ended.output)")
    expectNoControls(ended.bytes)
  }

  @Test func json() throws {
    let ended = try start(arguments + ["--format", "json"]).wait()
    #expect(ended.status == 0)
    expectNoControls(ended.bytes)
    let final = try #require(try ended.snapshots().last)
    // Nothing is lost: whoever reads it gets the name itself.
    #expect(final.filter.comms == [name])
    #expect(final.tasks.uninterruptible.now == 3)
    #expect(final.tasks.uninterruptible.longest?.comm == name)
  }

  @Test func terminal() throws {
    let ended = try start(
      arguments, environment: ["TERM": "xterm"], to: .terminal(columns: 100, rows: 40)
    ).wait()
    #expect(ended.status == 0)
    #expect(ended.output.contains("\\x1b[2J\\x07"))
    // What is left without the sequences of our own, and without the terminal's line ends.
    let own = /\u{1b}\[(?:\?(?:7|25|1000|1006|1049|2026)[lh]|[0-9;]*[AH]|2?[JK]|[0-9;]*m)/
    let rest = String(String.UnicodeScalarView(ended.output.unicodeScalars.filter { $0 != "\r" }))
    expectNoControls(Data(rest.replacing(own, with: "").utf8))
  }

  @Test func merge() throws {
    let json = try start(arguments + ["--format", "json"]).wait().output
    let file = try scratch.write(json, to: "a.json")
    let ended = try loadwatch("merge", file)
    #expect(ended.status == 0)
    expectNoControls(ended.bytes)
  }

  @Test func complaints() throws {
    for arguments in [
      ["--cgroup", name], ["-o", scratch.file("\(name)/out.json")],
      ["merge", scratch.file("no\(name)")],
    ] {
      let ended = try start(arguments).wait()
      #expect(ended.status == 1)
      #expect(ended.complaint.contains("\\x1b[2J\\x07"))
      expectNoControls(Data(ended.errors.utf8))
    }
  }

  /// No byte and no scalar that is a control, but for newlines.
  private func expectNoControls(_ bytes: Data) {
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(Data(text.utf8) == bytes)
    let controls = text.unicodeScalars.filter {
      $0.properties.generalCategory == .control && $0 != "\n"
    }
    #expect(controls.isEmpty)
  }
}
