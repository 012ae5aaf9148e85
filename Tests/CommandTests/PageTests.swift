import Foundation
import Reports
import Support
import Testing

/// Pages to send on, in a browser.
@Suite(.serialized)
struct PageTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static let recording = packageRoot.appending(path: "Tests/Pictures/freeze.rec").path

  private struct Look: Decodable {
    let faults: [String]
    let text: String
  }

  /// What a reader of the page sees without scripts; what is wrong with it is recorded as issues.
  @discardableResult
  private func look(at name: String) throws -> String {
    let looked = try Command(
      packageRoot.appending(path: "Tests/Pages/browse").path, [scratch.file(name)]
    ).wait(seconds: 120)
    #expect(looked.status == 0, "\(looked.errors)")
    let look = try JSONDecoder().decode(Look.self, from: looked.bytes)
    #expect(look.faults.isEmpty, "\(look.faults.joined(separator: "\n"))")
    return look.text
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: scratch.file(name), encoding: .utf8)
  }

  private func report(_ input: String, _ name: String) throws {
    let ended = try start(["report", input, "-o", scratch.file(name)]).wait(seconds: 60)
    #expect(ended.status == 0 && ended.output.isEmpty, "\(ended.errors)")
    #expect(ended.errors.contains("wrote "))
  }

  private func replayed() throws -> String {
    let ended = try start(["replay", Self.recording, "--format", "json"]).wait(seconds: 60)
    #expect(ended.status == 0)
    return ended.output
  }

  @Test func ofARecording() throws {
    try report(Self.recording, "a.html")
    let html = try text("a.html")
    #expect(html.utf8.count < 500_000)
    let seen = try look(at: "a.html").split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    let json = try replayed()
    let whole = try JSONDecoder().decode(
      LoadSnapshot.self, from: Data(json.split(separator: "\n").last!.utf8))
    // Its figures, wherever they stand.
    for part in whole.verdict ?? [] { #expect(seen.contains(part.text), "\(part.text)") }
    let rows = try #require(whole.attribution?.rows)
    for row in rows where row.load1 >= 0.005 {
      let label = row.label(by: [.process, .site])
      let load = String(format: "%.2f", row.load1)
      #expect(seen.contains { $0.hasPrefix(label) && $0.contains(load) }, "\(label) \(load)")
    }
    let latency = whole.histograms.runQueueLatency
    #expect(
      seen.contains { $0.hasPrefix("run queue latency \(countText(latency.count)) ") }, "\(seen)")
    #expect(seen.contains("records lost \(whole.loss.lost) of \(countText(whole.loss.expected))"))
    // The same from what the run wrote.
    let file = try scratch.write(json, to: "a.json")
    try report(file, "b.html")
    #expect(try text("b.html") == html)
  }

  /// Whoever chooses names chooses no elements, no ends of scripts, and no direction of text.
  @Test func hostileNames() throws {
    let parts = [
      "</script><script>hostile=1</script>", "\" onload=hostile=1 \"", "' onload='hostile=1",
      "<!--<script>", "\u{202e}txt", "a\u{7}\u{1b}[2J",
    ]
    let name = String(decoding: try JSONEncoder().encode(parts.joined()), as: UTF8.self)
    let json = try replayed().replacing("\"touch\"", with: name)
      .replacing("\"/shop.slice/web.service\"", with: name)
    try report(try scratch.write(json, to: "a.json"), "a.html")
    let all = try text("a.html")
    // The figures of pictures are no markup, and have their own quotes.
    let html = all.replacing(/<script type="application\/json">.*?<\/script>/, with: "")
    #expect(all.count > html.count + 1000)
    for part in parts { #expect(!html.contains(part), "\(part)") }
    for scalar in ["\u{202e}", "\u{7}", "\u{1b}"] { #expect(!all.contains(scalar)) }
    #expect(
      all.components(separatedBy: "<script").count == all.components(separatedBy: "</script").count)
    #expect(try look(at: "a.html").contains("<script>hostile=1</script>"))
  }

  /// However long the run, the page has all of it and a size to be sent.
  @Test func aLongRun() throws {
    var lines = try replayed().split(separator: "\n")
    let whole = lines.removeLast()
    let intervals = (0..<25).flatMap { _ in lines }
    #expect(intervals.count > 2000)
    let file = try scratch.write(
      (intervals + [whole]).joined(separator: "\n") + "\n", to: "long.json")
    try report(file, "long.html")
    #expect(try text("long.html").utf8.count < 500_000)
    try look(at: "long.html")
  }

  @Test func live() throws {
    let load = try Load("vfork", "5")
    let ended = try start([
      "--format", "html", "--duration", "7s", "-o", scratch.file("live.html"),
    ]).wait(seconds: 60)
    _ = load.stop()
    #expect(ended.status == 0 && ended.errors.isEmpty && ended.output.isEmpty)
    let seen = try look(at: "live.html")
    #expect(seen.contains("testload") && seen.contains("kernel_clone"))
  }

  @Test func ofClones() throws {
    let load = try Command(
      Binaries.url("cloneprof").path,
      [
        "--format", "html", "-o", scratch.file("clones.html"), "--", Binaries.url("testload").path,
        "forks", "64", "20", "--seconds", "60",
      ])
    let ended = try load.wait(seconds: 100)
    #expect(ended.status == 0 && ended.errors.isEmpty)
    #expect(figures(ended.output)["forks"] == 20)
    let seen = try look(at: "clones.html")
    #expect(seen.contains("20 clones") || seen.contains("clone 20 "), "\(seen)")
    #expect(seen.contains("page tables") && seen.contains("testload"))
    #expect(try text("clones.html").contains("id=\"phases-picture\""))
    #expect(try text("clones.html").contains("id=\"stacks-picture\""))
  }

  /// A page is nothing to see on a terminal.
  @Test func badInput() throws {
    let shown = try start(
      ["--format", "html", "--duration", "1s"], to: .terminal(columns: 80, rows: 24)
    ).wait()
    #expect(shown.status == 64 && (shown.output + shown.errors).contains("name a file with -o"))
    let missing = try start(["report", scratch.file("none")]).wait()
    #expect(missing.status == 1 && missing.complaint.hasSuffix("none: No such file or directory"))
    let other = try scratch.write("{}\n", to: "other.json")
    #expect(
      try start(["report", other]).wait().complaint.contains("is not a loadwatch/2 snapshot"))
    let whole = try #require(try replayed().split(separator: "\n").last)
    let two = try scratch.write("\(whole)\n\(whole)\n", to: "two.json")
    #expect(
      try start(["report", two]).wait().complaint
        == "\(two): line 2: a second run; write one file for each")
    // What can't be written leaves nothing behind.
    let ended = try start(["report", Self.recording, "-o", "/dev/full"]).wait()
    #expect(ended.status == 1 && ended.complaint.contains("No space left on device"))
  }
}
