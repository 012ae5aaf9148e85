import Foundation
import Reports
import Support
import Testing

/// Signals end a watch; what it has seen is told first.
@Suite(.serialized)
struct SignalTests {
  private let json = ["--format", "json", "--interval", "300ms"]

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func flushes(_ signal: Int32) throws {
    let watch = try start(json)
    try watch.read { $0.contains("\n") }
    usleep(100_000)
    watch.send(signal)
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    let snapshots = try ended.snapshots()
    // What was cut off is an interval too.
    let (intervals, final) = (snapshots.dropLast(), snapshots.last!)
    #expect(intervals.count >= 2)
    #expect(intervals.dropLast().allSatisfy { $0.intervalNs == 300_000_000 })
    #expect(intervals.last!.intervalNs < 300_000_000)
    #expect(final.intervalNs == intervals.reduce(0) { $0 + $1.intervalNs })
    #expect(final.switches == intervals.reduce(0) { $0 + $1.switches })
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func completesTheFile(_ signal: Int32) throws {
    let scratch = try Scratch()
    let watch = try start(["--format", "json", "-o", scratch.file("out.json")])
    #expect(eventually { caughtSignals(of: watch.pid) & 1 << (UInt64(signal) - 1) != 0 })
    watch.send(signal)
    #expect(try watch.wait(seconds: 20).status == 0)
    #expect(scratch.names == ["out.json"])
    #expect(try decoded(Data(contentsOf: URL(filePath: scratch.file("out.json")))).count == 2)
  }

  /// A pipe that nobody reads: the first asks, the second doesn't wait.
  @Test func aSecondInterruptEndsABlockedWrite() throws {
    let watch = try start(["--format", "json", "--interval", "10ms"])
    #expect(eventually { isBlocked(watch.pid) })
    watch.send(SIGINT)
    usleep(100_000)
    #expect(isBlocked(watch.pid))
    watch.send(SIGINT)
    let ended = try watch.waitUnread(seconds: 20)
    #expect(ended.status == 130)
    #expect(ended.signal == nil)
  }

  /// A pipe that nobody reads doesn't keep it from ending.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func oneSignalEndsABlockedWrite(
    _ signal: Int32
  ) throws {
    let watch = try start(["--format", "json", "--interval", "10ms"])
    #expect(eventually { isBlocked(watch.pid) })
    watch.send(signal)
    let ended = try watch.waitUnread(seconds: 10)
    #expect(ended.status == 1 && ended.signal == nil)
  }

  /// One that takes its time gets all, long after the end as well.
  @Test func aSlowReaderGetsAll() throws {
    let watch = try start(["--format", "json", "--interval", "10ms", "--duration", "3s"])
    try watch.read(seconds: 60) { output in
      usleep(100_000)
      return output.hasSuffix("\n") && output.contains("\"final\":true")
    }
    let ended = try watch.wait()
    #expect(ended.status == 0 && ended.errors.isEmpty, "\(ended.errors)")
    #expect(try ended.snapshots().count == 301)
  }

  @Test func theEndOfItsTimeEndsABlockedWrite() throws {
    let watch = try start(["--format", "json", "--interval", "10ms", "--duration", "2s"])
    #expect(eventually { isBlocked(watch.pid) })
    #expect(try watch.waitUnread(seconds: 60).status == 1)
    let ended = try watch.wait()
    #expect(
      ended.complaint
        == "can't write to standard output: the reader has stalled; the final report is missing")
  }

  /// A descriptor that may be another's as well is left as it is.
  @Test func standardOutputIsNotMadeNonBlocking() throws {
    let line = "\"$0\" --duration 300ms; grep ^flags /proc/self/fdinfo/1"
    let ended = try Command("sh", ["-c", line, Binaries.url("loadwatch").path]).wait()
    let flags = try #require(ended.output.firstMatch(of: /flags:\s+([0-7]+)/))
    #expect((Int(flags.output.1, radix: 8) ?? 0) & Int(O_NONBLOCK) == 0)
  }

  /// The first still has all told once someone reads.
  @Test func anInterruptOfABlockedWrite() throws {
    let watch = try start(["--format", "json", "--interval", "10ms"])
    #expect(eventually { isBlocked(watch.pid) })
    watch.send(SIGINT)
    usleep(100_000)
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(try ended.snapshots().count > 2)
  }

  /// Of pending signals the kernel runs the handler of the last first: SIGTERM's, then SIGINT's.
  @Test func nothingIsLeftOfAFile() throws {
    let scratch = try Scratch()
    let watch = try start(["-o", scratch.file("out.txt")])
    #expect(eventually { caughtSignals(of: watch.pid) & 1 << (UInt64(SIGINT) - 1) != 0 })
    watch.send(SIGSTOP)
    #expect(eventually { state(of: watch.pid) == "T" })
    watch.send(SIGTERM)
    watch.send(SIGINT)
    watch.send(SIGCONT)
    #expect(try watch.wait(seconds: 20).status == 130)
    #expect(scratch.names.isEmpty)
  }

  /// As under nohup.
  @Test func aHangupThatIsIgnored() throws {
    let watch = try start(json, ignoring: SIGHUP)
    try watch.read { $0.contains("\n") }
    watch.send(SIGHUP)
    let lines = watch.text.count
    try watch.read(seconds: 20) { $0.count > lines }
    watch.send(SIGTERM)
    #expect(try watch.wait(seconds: 20).status == 0)
  }

  /// A shell starts what is to run in the background with SIGINT ignored.
  @Test func anInterruptInTheBackground() throws {
    let watch = try start(json, ignoring: SIGINT)
    try watch.read { $0.contains("\n") }
    watch.send(SIGINT)
    #expect(try watch.wait(seconds: 20).status == 0)
  }

  // MARK: -

  private func isBlocked(_ pid: Int32) -> Bool {
    // poll(2), number 7 here, of two descriptors; the loop waits in epoll_wait.
    let call = try? String(contentsOfFile: "/proc/\(pid)/syscall", encoding: .utf8)
    return call?.prefixMatch(of: #/7 0x[0-9a-f]+ 0x2 /#) != nil
  }
}

/// As a mask: bit 0 is signal 1.
func caughtSignals(of pid: Int32) -> UInt64 {
  let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
  let mask = status.firstMatch(of: /SigCgt:\s+([0-9a-f]+)/)
  return mask.flatMap { UInt64($0.output.1, radix: 16) } ?? 0
}

/// The letter that /proc shows.
func state(of pid: Int32) -> Character? {
  let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
  return stat?.split(separator: ")").last?.first { $0 != " " }
}
