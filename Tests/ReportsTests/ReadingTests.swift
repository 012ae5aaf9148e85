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
    #expect(Self.complaint(about: Data(text.utf8)) == "holds no snapshot")
  }

  @Test(arguments: ["{", "[]", "{}", "null", "lost", "\u{0}", #"{"schema":"loadwatch/2"}"#])
  func aBrokenLineIsNamed(broken: String) throws {
    let data = try Self.file([sample()]) + Data("\n\(broken)\n".utf8)
    #expect(
      Self.complaint(about: data) == "line 3 is not a snapshot of the form loadwatch/2")
  }

  @Test func aLineThatWasCutIsNotPassedOver() throws {
    let data = try Self.file([sample(), sample()]).dropLast(20)
    #expect(Self.complaint(about: data) == "line 2 is not a snapshot of the form loadwatch/2")
  }

  @Test func anotherFormIsRefused() throws {
    var other = sample()
    other.schema = "loadwatch/9"
    #expect(
      Self.complaint(about: try Self.file([sample(), other]))
        == "line 2: is of the form loadwatch/9, not loadwatch/2")
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

  static func complaint(about data: Data) -> String? {
    do {
      _ = try SnapshotJSON.snapshots(in: data) as [LoadSnapshot]
      return nil
    } catch {
      return "\(error)"
    }
  }
}
