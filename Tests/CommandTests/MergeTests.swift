import Foundation
import Histograms
import Reports
import Support
import Testing

/// `loadwatch merge`: the sum of what several files tell.
@Suite(.serialized)
struct MergeTests {
  /// Two runs, and their lines.
  private static let runs = Result {
    let load = try Load("dsleep", "10")
    let all = try (0..<2).map { _ in
      try loadwatch("--format", "json", "--interval", "150ms", "--count", "3").output
    }
    _ = load.stop()
    return all
  }

  private let scratch: Scratch
  private let texts: [String]
  private let finals: [LoadSnapshot]

  init() throws {
    scratch = try Scratch()
    texts = try Self.runs.get()
    finals = try texts.map { try decoded(Data($0.utf8)).last! }
    for (index, text) in texts.enumerated() { _ = try scratch.write(text, to: "\(index).json") }
  }

  private func merged(_ files: [String]) throws -> LoadSnapshot {
    let ended = try start(["merge", "--again", "--format", "json"] + files).wait()
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    let snapshots = try ended.snapshots()
    #expect(snapshots.count == 1)
    return try #require(snapshots.first)
  }

  private func expectSum(_ sum: LoadSnapshot, of parts: [LoadSnapshot]) throws {
    for field in [
      \LoadSnapshot.intervalNs, \.switches, \.preemptions, \.loss.expected, \.loss.delivered,
      \.loss.untraced, \.cost.consumerNs, \.tasks.runnable.taskNs, \.tasks.uninterruptible.taskNs,
    ] {
      #expect(sum[keyPath: field] == parts.reduce(0) { $0 + $1[keyPath: field] })
    }
    for part in [
      \HistogramsPart.runQueueLatency, \.onCPU, \.blockedUninterruptible, \.blockedInterruptible,
    ] {
      var histogram = Histogram()
      for one in parts { histogram.add(try one.histograms[keyPath: part].histogram()) }
      #expect(sum.histograms[keyPath: part] == HistogramPart(histogram))
      #expect(histogram.count > 10)
    }
  }

  @Test func twoRuns() throws {
    let sum = try merged([scratch.file("0.json"), scratch.file("1.json")])
    try expectSum(sum, of: finals)
    #expect(sum.start == finals[0].start && sum.end == finals[1].end)
    #expect(sum.host == finals[0].host)
  }

  /// Cut off before its final object: its intervals are the same.
  @Test func aWatchThatWasCutOff() throws {
    let lines = texts[0].split(separator: "\n").dropLast().joined(separator: "\n") + "\n"
    let cut = try scratch.write(lines, to: "cut.json")
    try expectSum(try merged([cut]), of: [finals[0]])
    try expectSum(try merged([cut, scratch.file("1.json")]), of: finals)
  }

  @Test func ofSums() throws {
    let both = scratch.file("both.json")
    let files = [scratch.file("0.json"), scratch.file("1.json")]
    #expect(try start(["merge", "--format", "json", "-o", both] + files).wait().status == 0)
    try expectSum(try merged([both, files[0]]), of: finals + [finals[0]])
    // Onto one of its own sources, and options before the subcommand.
    let again = try start(["--format", "json", "merge", files[0], files[1], "-o", files[0]]).wait()
    #expect(again.status == 0)
    try expectSum(try merged([files[0]]), of: finals)
  }

  /// `loadwatch merge <(ssh web1 loadwatch ...)`
  @Test func fromAPipe() throws {
    let ended = try Command(
      "bash",
      [
        "-c", "\"$0\" merge --format json <(cat \"$1\")", Binaries.url("loadwatch").path,
        scratch.file("0.json"),
      ]
    ).wait()
    #expect(ended.status == 0)
    try expectSum(try #require(try ended.snapshots().first), of: [finals[0]])
  }

  @Test func asText() throws {
    let ended = try loadwatch("merge", scratch.file("0.json"), scratch.file("1.json"))
    #expect(ended.status == 0)
    #expect(ended.output.contains("total: 900 ms"))
    #expect(!ended.bytes.contains(0x1b))
  }

  @Test func onATerminal() throws {
    let ended = try start(
      ["merge", scratch.file("0.json")], environment: ["TERM": "xterm", "NO_COLOR": nil],
      to: .terminal(columns: 100, rows: 40)
    ).wait()
    #expect(ended.status == 0)
    // One picture and no more: no cursor to hide.
    #expect(!ended.output.contains("\u{1b}[?25"))
    #expect(ended.output.contains("\u{1b}[1m"))
  }

  @Test(arguments: [
    ("garbage\n", "line 1 is not a loadwatch/2 snapshot"), ("", "contains no snapshot"),
    ("{}\n", "line 1 is not a loadwatch/2 snapshot"), ("\n\n", "contains no snapshot"),
  ])
  func noSnapshots(_ text: String, _ complaint: String) throws {
    let file = try scratch.write(text, to: "bad.json")
    let ended = try loadwatch("merge", scratch.file("0.json"), file)
    #expect(ended.status == 1)
    #expect(ended.output.isEmpty)
    #expect(ended.complaint == "\(file): \(complaint)")
  }

  @Test func brokenLines() throws {
    for broken in ["oops\n", String(texts[0].dropLast(100))] {
      let file = try scratch.write(texts[0] + broken, to: "bad.json")
      let ended = try loadwatch("merge", file)
      #expect(ended.status == 1)
      let lines = (texts[0] + broken).split(separator: "\n").count
      #expect(ended.complaint.hasPrefix("\(file): line \(lines) is not a loadwatch/2 snapshot"))
    }
  }

  @Test func theSameTwice() throws {
    let (one, other) = (scratch.file("0.json"), scratch.file("1.json"))
    for files in [[one, other, one], [one, "/dev/fd/0"], Array(repeating: one, count: 1000)] {
      let ended = try Command(
        "sh", ["-c", "exec \"$0\" merge \"$@\" <\(one)", Binaries.url("loadwatch").path] + files
      ).wait()
      #expect(ended.status == 1 && ended.output.isEmpty)
      #expect(
        ended.complaint
          == "\(files[1] == other ? one : files[1]): line 4: same host and start as "
          + "\(one): line 4; use --again to add it anyway")
    }
    let ended = try start(["merge", "--again", "--format", "json", one, one]).wait()
    try expectSum(try #require(try ended.snapshots().first), of: [finals[0], finals[0]])
  }

  @Test func whatNoRunWrites() throws {
    let final = String(texts[0].split(separator: "\n").last!) + "\n"
    for (pattern, text, complaint) in [
      (#""start":"[^"]*""#, #""start":"2026-13-45T99:00:00.000Z""#, "start: not a valid UTC time"),
      (#""end":"[^"]*""#, #""end":"2026-02-29T12:00:00.000Z""#, "end: not a valid UTC time"),
      (#""interval_ns":[0-9]+"#, #""interval_ns":0"#, "interval_ns is 0"),
      (
        #""kernel":\[[0-9.]+"#, #""kernel":[1e308"#,
        "load.kernel: too large for a load average"
      ),
      (
        #""switches":"#, #""switches":1,"\u0073witches":"#,
        "duplicate key switches"
      ),
    ] {
      let file = try scratch.write(
        "\n" + final.replacing(try Regex(pattern), with: text), to: "bad.json")
      let ended = try loadwatch("merge", scratch.file("1.json"), file)
      #expect(ended.status == 1 && ended.output.isEmpty)
      #expect(ended.complaint == "\(file): line 2: \(complaint)")
    }
  }

  /// Well-formed, and no run ever wrote them: an error and not a crash.
  @Test func impossibleNumbers() throws {
    let final = String(texts[0].split(separator: "\n").last!) + "\n"
    for (field, value) in [
      ("\"expected\":", "18446744073709551615"), ("\"switches\":", "18446744073709551615"),
      ("\"cpus\":", "9223372036854775807"), ("\"hi\":", "7"), ("\"count\":", "0"),
      ("\"task_ns\":", "18446744073709551615"), ("\"interval_ns\":", "0"),
    ] {
      let pattern = try Regex("\(field)[0-9]+")
      let file = try scratch.write(
        final.replacing(pattern, with: field + value), to: "bad.json")
      for format in ["json", "text"] {
        let ended = try loadwatch(
          "merge", "--again", "--format", format, file, scratch.file("1.json"), file)
        #expect(ended.signal == nil)
        #expect(ended.status == 1 || field == "\"cpus\":")
        #expect(ended.status == 0 || !ended.complaint.hasPrefix("NOT"))
      }
    }
  }

  @Test func filesThatCannotBeRead() throws {
    for (file, reason) in [
      (scratch.file("nope.json"), "No such file or directory"), (scratch.path, "Is a directory"),
    ] {
      let ended = try loadwatch("merge", scratch.file("0.json"), file)
      #expect(ended.status == 1)
      #expect(ended.complaint == "\(file): \(reason)")
    }
  }
}
