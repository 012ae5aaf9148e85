import Reports
import Testing

import Faces

/// What a low terminal shows: the verdict and what to do, before the figures beside them.
struct LayoutTests {
  private func report() -> LoadSnapshot {
    var report = sample()
    let rows = (0..<6).map {
      AttributionRow(
        state: .runnable, process: "group \($0)", pid: 7, load1: 1 - Double($0) / 10)
    }
    report.attribution = AttributionPart(
      by: [.process, .site], rows: rows, delayed: [0, 0, 0], beforeRun: [0.81, 0, 0],
      unattributed: [0.03, 0, 0])
    report.verdict = [
      VerdictPart(
        cause: .cpuSaturated, share: 0.8, text: "The CPUs are saturated.",
        evidence: ["one", "two", "three"], advice: "Run fewer tasks or add CPUs.")
    ]
    report.beats = [
      BeatPart(
        process: "agent", pid: 9, count: 1, periodNs: 10_000_000_000, burstNs: 98_000_000,
        tasks: 32, mean: 0.31, load1: 14.5, lastsNs: 122_000_000_000,
        everyNs: 6_255_000_000_000, now: true, begins: report.end, ends: report.end)
    ]
    return report
  }

  @Test(arguments: 20...60) func theAdviceIsShown(rows: Int) {
    let text = LoadText(columns: 80, color: false).block(report(), live: true, rows: rows)
    #expect(LoadTextTests.lines(text).count <= rows, "\(text)")
    #expect(text.contains("saturated") && (rows < 22 || text.contains("add CPUs")), "\(text)")
    #expect(text.contains("group 0"))
  }

  @Test func whatGoesFirst() {
    let face = LoadText(columns: 80, color: false)
    let all = LoadTextTests.lines(face.block(report(), live: true)).count
    var before: Set<String> = []
    for rows in (20...all).reversed() {
      let text = face.block(report(), live: true, rows: rows)
      let parts = ["  1.02 us", "p99.9", "- two", "add CPUs"]
      let there = Set(parts.filter { text.contains($0) })
      #expect(!there.contains("  1.02 us") || there.count == parts.count, "\(rows): \(text)")
      before = there
    }
    #expect(!before.contains("p99.9"))
  }

  @Test func adviceOfClones() {
    let text = CloneText(columns: 80, color: false).block(cloneSample(), live: true, rows: 23)
    #expect(text.contains("Huge pages for [heap]"), "\(text)")
  }
}
