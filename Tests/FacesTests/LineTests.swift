import Reports
import Support
import Testing

import Faces

/// A report in one line.
struct LineTests {
  private func row(_ process: String, _ count: Int, _ load: Double) -> AttributionRow {
    AttributionRow(
      state: .uninterruptible, process: process, pid: count == 1 ? 1 : nil, count: count,
      load1: load)
  }

  @Test func loads() {
    let line = LoadLine(columns: 80, color: false)
    var report = sample()
    var text = line.heading + line.line(report)
    report.attribution = AttributionPart(
      by: [.process], rows: [row("postgres\u{1b}[2J", 8, 1.87), row("x", 1, 1)],
      delayed: [0, 0, 0], beforeRun: [0, 0, 0], unattributed: [0, 0, 0])
    report.load.kernel[0] = 530_000
    report.loss.ringFull = 1_300
    text += line.line(report)
    #expect(
      text == #"""
        time      load1 R mean D mean switch/s runq p50 runq p99  lost  top group
        14:03:12   4.21   4.70   2.00     123k  1.50 us  90.0 us     0  -
        14:03:12   530k   4.70   2.00     123k  1.50 us  90.0 us 1.30k  postgres\x1b[~ D

        """#, "\n\(text)")
  }

  @Test func clones() {
    let line = CloneLine(columns: 80, color: false)
    var report = cloneSample()
    report.phases[2].phase = .pageTables
    let text = line.heading + line.line(report) + line.line(emptyCloneSample())
    #expect(
      text == """
        time     clones      p50      p99      max   tables  lost  top phase
        14:03:12  1.20k  51.4 ms  54.5 ms  72.4 ms   92.2 %     0  page tables 92.2 %
        14:03:12      0        -        -        -        -     0  -

        """, "\n\(text)")
  }

  @Test(arguments: 0..<50 as Range<UInt64>) func noLineIsTooWide(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for columns in [1, 20, 63, 64, 65, 79, 80, 200] {
      let loads = LoadLine(columns: columns, color: false)
      let clones = CloneLine(columns: columns, color: false)
      for text in [
        loads.heading, loads.line(randomSample(&random)), clones.heading,
        clones.line(randomCloneSample(&random)),
      ] {
        let lines = LoadTextTests.lines(text)
        #expect(lines.count == 1 && Faces.columns(of: lines[0]) <= columns, "\(text)")
        #expect(
          text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control }
        )
      }
    }
  }

  @Test func aLossIsLoud() {
    var report = sample()
    #expect(!LoadLine(columns: 80, color: true).line(report).contains("\u{1b}"))
    report.loss.mapFull = 7
    #expect(LoadLine(columns: 80, color: true).line(report).contains("\u{1b}[1;31m7\u{1b}[0m"))
    var clones = cloneSample()
    clones.loss.mapFull = 7
    #expect(CloneLine(columns: 80, color: true).line(clones).contains("\u{1b}[1;31m7\u{1b}[0m"))
  }
}
