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
      #expect(ended.signal == nil || ended.signal == SIGPIPE)
      #expect(ended.errors.isEmpty)
    }
  }

  @Test(arguments: [
    ["--duration", "200ms"], ["--format", "json", "--duration", "200ms"], ["probes"],
  ])
  func aFullDevice(_ arguments: [String]) throws {
    let ended = try start(arguments, to: .file("/dev/full")).wait()
    #expect(ended.status == 1)
    #expect(ended.complaint == "can't write to standard output: No space left on device")
  }

  @Test(arguments: [
    ["--duration", "200ms"], ["--format", "json", "--duration", "200ms"], ["probes"],
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

  @Test func textInBlocks() throws {
    let ended = try loadwatch("--interval", "100ms", "--count", "3")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    #expect(ended.output.split(separator: "\n").filter { $0.contains("load average") }.count == 4)
    #expect(ended.output.components(separatedBy: "whole watch").count == 2)
    for word in ["runnable (R)", "uninterruptible (D)", "run queue latency", "switches", " CPU"] {
      #expect(ended.output.contains(word))
    }
    // Neither colour nor a moving cursor where there is no terminal.
    #expect(!ended.bytes.contains(0x1b))
  }
}
