import FoundationEssentials
import Reports
import Testing

/// Lines of JSON as a file holds them.
struct ReadingTests {
  static func file(_ snapshots: [LoadSnapshot]) throws -> Data {
    try snapshots.reduce(into: Data()) { data, snapshot in
      data += try SnapshotJSON.line(snapshot) + Data("\n".utf8)
    }
  }

  @Test func theFinalObjectStandsForItsIntervals() throws {
    let intervals = [sample(start: 0), sample(start: 1)]
    let final = sample(seconds: 2, start: 0, final: true)
    #expect(try SnapshotJSON.snapshots(in: Self.file(intervals + [final])) == [final])
  }

  @Test func ofAWatchThatWasCutOffTheIntervalsStand() throws {
    let intervals = [sample(start: 0), sample(start: 1), sample(start: 2)]
    #expect(try SnapshotJSON.snapshots(in: Self.file(intervals)) == intervals)
  }

  @Test func aWatchThatWasCutOffIsNotForgottenBesideOthers() throws {
    let cut = [sample(start: 0), sample(start: 1)]
    let other = [sample(host: "web-2", start: 10)]
    let whole = [sample(start: 10), sample(start: 11)]
    let final = sample(seconds: 2, start: 10, final: true)
    let all = cut + whole + [final] + other
    #expect(try SnapshotJSON.snapshots(in: Self.file(all)) == cut + [final] + other)
  }

  @Test func emptyLinesAreNothing() throws {
    let line = try SnapshotJSON.line(sample())
    let data = Data("\n\n".utf8) + line + Data("\n\n".utf8) + line
    #expect(try SnapshotJSON.snapshots(in: data) == [sample(), sample()])
  }

  @Test(arguments: ["", "\n", "\n\n\n"]) func nothingIsNoSnapshot(text: String) {
    #expect(Self.complaint(about: Data(text.utf8)) == "contains no snapshot")
  }

  @Test(arguments: ["{", "[]", "{}", "null", "lost", "\u{0}", #"{"schema":"loadwatch/2"}"#])
  func aBrokenLineIsNamed(broken: String) throws {
    let data = try Self.file([sample()]) + Data("\n\(broken)\n".utf8)
    #expect(
      Self.complaint(about: data) == "line 3 is not a loadwatch/2 snapshot")
  }

  @Test func aLineThatWasCutIsNotPassedOver() throws {
    let data = try Self.file([sample(), sample()]).dropLast(20)
    #expect(Self.complaint(about: data) == "line 2 is not a loadwatch/2 snapshot")
  }

  @Test func anotherFormIsRefused() throws {
    var other = sample()
    other.schema = "loadwatch/9"
    #expect(
      Self.complaint(about: try Self.file([sample(), other]))
        == "line 2: schema is loadwatch/9, not loadwatch/2")
  }

  @Test func bucketsThatContradictThemselvesAreRefused() throws {
    let line = String(decoding: try SnapshotJSON.line(sample(values: [5])), as: UTF8.self)
    for (from, to) in [
      (#""lo":5"#, #""lo":4"#), (#""sum":5"#, #""sum":6"#), (#""min":5"#, #""min":9"#),
    ] {
      let complaint = Self.complaint(about: Data(line.replacing(from, with: to).utf8))
      #expect(complaint?.hasPrefix("line 1: ") == true, "\(to): \(complaint ?? "accepted")")
    }
  }

  @Test(arguments: [
    "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z", "2025-02-29T00:00:00.000Z",
    "1900-02-29T00:00:00.000Z", "2026-04-31T00:00:00.000Z", "2026-01-00T00:00:00.000Z",
    "2026-01-01T24:00:00.000Z", "2026-01-01T23:60:00.000Z", "2026-01-01T23:59:60.000Z",
    "2026-01-01T23:59:59Z", "2026-01-01 23:59:59.000Z", "2026-01-01T23:59:59.000+01:00", "",
  ])
  func impossibleTimesAreRefused(_ time: String) throws {
    var snapshot = sample()
    snapshot.start = time
    #expect(
      Self.complaint(about: try Self.file([snapshot])) == "line 1: start: not a valid UTC time")
    (snapshot.start, snapshot.end) = (sample().start, time)
    #expect(Self.complaint(about: try Self.file([snapshot])) == "line 1: end: not a valid UTC time")
  }

  @Test(arguments: ["2024-02-29T23:59:59.999Z", "2000-02-29T00:00:00.000Z"])
  func leapDays(_ time: String) throws {
    var snapshot = sample()
    snapshot.start = time
    #expect(Self.complaint(about: try Self.file([snapshot])) == nil)
  }

  @Test func noTimeAndTooMuchLoadAreRefused() throws {
    var snapshot = sample()
    snapshot.intervalNs = 0
    #expect(Self.complaint(about: try Self.file([snapshot])) == "line 1: interval_ns is 0")
    for load in [1e308, -1e308, 0x1p54] {
      snapshot = sample()
      snapshot.load.kernel[0] = load
      #expect(
        Self.complaint(about: try Self.file([snapshot]))
          == "line 1: load.kernel: too large for a load average")
    }
    snapshot.load.kernel = [1, 1]
    #expect(
      Self.complaint(about: try Self.file([snapshot]))
        == "line 1: load.kernel: must be three averages")
    snapshot = sample()
    snapshot.cost.bpfNsPerSwitch = 1e308
    #expect(Self.complaint(about: try Self.file([snapshot]))?.contains("bpf_ns_per_switch") == true)
  }

  @Test(arguments: [
    (#""final":"#, #""final":false,"final":"#, "final"),
    (#""names":"#, #""n\u0061mes":["x"],"names":"#, "names"),
    (#""cpus":"#, #""a\"b":[{"cpus":1}],"a\"b":1,"cpus":"#, #"a"b"#),
  ])
  func aKeyThatStandsTwiceIsRefused(_ key: String, _ twice: String, _ named: String) throws {
    let line = String(decoding: try SnapshotJSON.line(sample()), as: UTF8.self)
    #expect(
      Self.complaint(about: Data(line.replacing(key, with: twice).utf8))
        == "line 1: duplicate key \(named)")
  }

  @Test func theSameKeyInSeveralObjectsIsNone() throws {
    let line = String(decoding: try SnapshotJSON.line(sample()), as: UTF8.self)
    let more = line.replacing(#""cpus":"#, with: #""x":[{"a":"a"},{"a":["a","a"]}],"cpus":"#)
    #expect(Self.complaint(about: Data(more.utf8)) == nil)
  }

  @Test func theLineOfEachIsKnown() throws {
    let data =
      Data("\n".utf8) + (try Self.file([sample(start: 0)])) + Data("\n".utf8)
      + (try Self.file([sample(start: 5)]))
    let found = try SnapshotJSON.numbered(in: data) as [(line: Int, snapshot: LoadSnapshot)]
    #expect(found.map(\.line) == [2, 4])
  }

  static func complaint(about data: Data) -> String? {
    do {
      _ = try SnapshotJSON.snapshots(in: data) as [LoadSnapshot]
      return nil
    } catch {
      return "\(error)"
    }
  }
}
