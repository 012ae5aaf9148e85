import Faces
import Reports
import Testing

/// Bursts that the load samples hit, as text.
struct BeatTextTests {
  private func beat(
    _ process: String, now: Bool = false, begins: String? = "2026-11-29T15:49:05.120Z",
    ends: String? = "2026-11-29T15:51:10.320Z"
  ) -> BeatPart {
    BeatPart(
      process: process, pid: 812, count: 1, periodNs: 10_000_000_000, burstNs: 98_000_000,
      tasks: 32, mean: 0.31, load1: 14.55, lastsNs: ends == nil ? nil : 125_100_000_000,
      everyNs: ends == nil ? nil : 6_255_000_000_000, now: now, begins: begins, ends: ends)
  }

  @Test func thePicture() {
    var snapshot = sample()
    snapshot.beats = [
      beat("telegraf"), beat("a\u{1b}[31m", now: true), beat("b", now: true, ends: nil),
      beat("c", begins: nil, ends: nil), beat("d", begins: "2026-11-30T01:02:03.000Z"),
    ]
    snapshot.end = "2026-11-29T15:40:00.000Z"
    let text = LoadText(columns: 80, color: false).block(snapshot, live: false)
    let lines = text.split(separator: "\n").map(String.init)
    let first = lines.firstIndex { $0.hasPrefix("bursts hit by samples") }
    #expect(
      first.map { Array(lines[$0...].prefix(6)) } == [
        "bursts hit by samples      every      for  tasks   load1  next",
        "telegraf (812)            10.0 s  98.0 ms   32.0  +14.55  15:49:05 for 2 m 05 s",
        "a\\x1b[31m (812)           10.0 s  98.0 ms   32.0  +14.55  now, until 15:51:10",
        "b (812)                   10.0 s  98.0 ms   32.0  +14.55  always",
        "c (812)                   10.0 s  98.0 ms   32.0  +14.55  never",
        "d (812)                   10.0 s  98.0 ms   32.0  +14.55  11-30 01:02",
      ], "\(text)")
    #expect(lines.allSatisfy { $0.count <= 80 })
  }
}
