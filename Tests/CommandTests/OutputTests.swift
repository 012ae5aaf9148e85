import Foundation
import Reports
import Support
import Testing

/// Standard output that nobody reads, that is full, or not there.
@Suite(.serialized)
struct OutputTests {
  private let tool = Binaries.url("loadwatch").path

  @Test(arguments: ["text", "json"]) func headReadsOneLine(_ format: String) throws {
    let line = "\"$1\" --format \(format) --interval 100ms | head -1; echo ${PIPESTATUS[@]}"
    let ended = try Command("bash", ["-c", line, "bash", tool]).wait(seconds: 20)
    #expect(ended.errors.isEmpty)
    let lines = ended.output.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.last == "0 0")
  }

  /// Not only as the next snapshot is due.
  @Test func endsAsSoonAsItsReaderHasGone() throws {
    let watch = try start(["--interval", "10m"])
    usleep(300_000)
    watch.closeOutput()
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
  }

  @Test func aReaderThatHadGoneBefore() throws {
    let watch = try start(["--interval", "10m"])
    watch.closeOutput()
    #expect(try watch.wait(seconds: 20).status == 0)
    for arguments in [["probes"], ["--help"]] {
      let other = try start(arguments)
      other.closeOutput()
      let ended = try other.wait(seconds: 20)
      #expect(ended.status == 0)
      #expect(ended.errors.isEmpty)
    }
  }

  @Test(arguments: [
    ["--duration", "200ms"], ["--format", "json", "--duration", "200ms"], ["probes"], ["--help"],
    ["--version"], ["merge", "--help"], ["help", "probes"],
    ["--generate-completion-script", "bash"],
  ])
  func aFullDevice(_ arguments: [String]) throws {
    let ended = try start(arguments, to: .file("/dev/full")).wait()
    #expect(ended.status == 1)
    #expect(ended.complaint == "can't write to standard output: No space left on device")
  }

  @Test(arguments: [
    ["--duration", "200ms"], ["--format", "json", "--duration", "200ms"], ["probes"], ["--help"],
  ])
  func noStandardOutput(_ arguments: [String]) throws {
    let ended = try start(arguments, to: .closed).wait()
    #expect(ended.status == 1)
    #expect(ended.complaint == "can't write to standard output: Bad file descriptor")
  }

  /// What is meant for standard error must not land in a file that got its number.
  @Test func noStandardError() throws {
    let scratch = try Scratch()
    let process = try Command("sleep", ["0.3"])
    let watch = try start(
      ["--pid", "\(process.pid)", "--format", "json", "-o", scratch.file("out.json")],
      to: .closed, errorsClosed: true)
    #expect(try watch.wait().status == 0)
    #expect(try decoded(Data(contentsOf: URL(filePath: scratch.file("out.json")))).count == 2)
    _ = try process.wait()
  }

  /// As vmstat has it: a line per interval, and the whole in full.
  @Test func textInLines() throws {
    let ended = try loadwatch("--interval", "50ms", "--count", "21")
    #expect(ended.status == 0 && ended.errors.isEmpty)
    let lines = ended.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0].hasPrefix("time ") && lines[21] == lines[0])
    for line in lines[1...20] + lines[22...22] {
      #expect(line.count <= 80 && line.prefixMatch(of: #/[0-9:]{8} +[0-9.]+ /#) != nil, "\(line)")
    }
    #expect(lines[23].isEmpty && lines[24].hasPrefix("loadwatch  "))
    #expect(ended.output.components(separatedBy: "total: ").count == 2)
    #expect(ended.output.components(separatedBy: "load average").count == 2)
  }

  @Test func theReportFitsAsManyLinesAsAreWanted() throws {
    func report(_ lines: String?) throws -> [Substring] {
      try loadwatch("--count", "1", "--interval", "200ms", environment: ["LINES": lines]).output
        .split(separator: "\n", omittingEmptySubsequences: false).dropFirst(3).dropLast()
    }
    #expect(try report("20").count <= 20)
    for none in [nil, "", "0", "-1", "x"] as [String?] { #expect(try report(none).count > 20) }
  }

  @Test func aLineIsThereAsItsIntervalEnds() throws {
    let watch = try start(["--interval", "100ms"])
    try watch.read { $0.split(separator: "\n").count > 2 }
    watch.send(SIGTERM)
    #expect(try watch.wait().status == 0)
  }

  @Test func clonesInLines() throws {
    let scratch = try Scratch()
    let ended = try Command(
      Binaries.url("cloneprof").path,
      [
        "--interval", "500ms", "-o", scratch.file("out.txt"), "--", Binaries.url("testload").path,
        "forks", "4", "20", "--seconds", "60",
      ]
    ).wait()
    #expect(ended.status == 0, "\(ended.errors)")
    let text = try String(contentsOfFile: scratch.file("out.txt"), encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0].hasPrefix("time ") && lines[0].hasSuffix("top phase"))
    #expect(lines[1].prefixMatch(of: #/[0-9:]{8} +[0-9]+ /#) != nil)
    #expect(text.components(separatedBy: "\ncloneprof  ").count == 2)
  }

  @Test func textInBlocks() throws {
    let ended = try loadwatch("--interval", "100ms", "--count", "3", "--full")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    #expect(ended.output.split(separator: "\n").filter { $0.contains("load average") }.count == 4)
    #expect(ended.output.components(separatedBy: "total: ").count == 2)
    for word in ["runnable (R)", "uninterruptible (D)", "run queue latency", "switches", " CPU"] {
      #expect(ended.output.contains(word))
    }
    // Neither colour nor a moving cursor where there is no terminal.
    #expect(!ended.bytes.contains(0x1b))
  }
}
