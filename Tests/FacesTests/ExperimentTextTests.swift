import Faces
import Reports
import Testing

/// The faces of demo, try and collapse: they fit, and nothing that a user can name gets through.
struct ExperimentTextTests {
  private static let evil = "\u{1b}[31mred\r\n\u{9b}2J"
  private static let host = HostPart(names: [evil], kernels: ["6.1"], cpus: 2)

  private static var demo: DemoReport {
    var small = DemoRow(memory: .small, pageBytes: 4096)
    small.fork = DurationsPart(of: Array(repeating: 16_300_000, count: 11))
    (small.entries, small.pageTableBytes, small.nsPerEntry) = (1_048_576, 8_400_000, 15.5)
    small.parentWrite = DurationsPart(of: Array(repeating: 1_100, count: 500))
    (small.childWrite, small.laterFork, small.exit) = (small.parentWrite, small.fork, small.fork)
    small.bytesPerWrite = 4096
    var empty = DemoRow(memory: .empty, pageBytes: 4096)
    empty.fork = DurationsPart(of: Array(repeating: 80_000, count: 11))
    var huge = DemoRow(memory: .collapsed, pageBytes: 2 << 20)
    huge.fork = DurationsPart(of: Array(repeating: 1_500_000, count: 11))
    (huge.entries, huge.factor, huge.nsPerEntry) = (2048, 10.9, 700)
    (huge.collapseNs, huge.longestCollapseNs) = (900_000_000, 800_000)
    (huge.parentWrite, huge.laterFork) = (small.parentWrite, small.fork)
    let pool = DemoRow(
      memory: .hugetlb, pageBytes: 1 << 30,
      skipped: .init("no room: \(evil)", remedy: "hugepagesz=1G hugepages=8 \(evil)"))
    return DemoReport(
      host: host, cpuModel: evil, start: "2026-01-01T00:00:00.000Z", bytes: 4 << 30,
      rows: [empty, small, huge, pool])
  }

  private static var collapse: CollapseReport {
    var report = CollapseReport(host: host, start: "", dryRun: false)
    var mapping = CollapsedMapping(
      range: "7f0000000000-7f0040000000", name: evil, residentBytes: 1 << 30, hugeBytes: 0,
      hugePages: 512)
    (mapping.collapsed, mapping.refused) = (500, ["EINVAL": 12])
    let left = CollapsedMapping(
      range: "55e000000000-55e000400000", name: "[heap]", residentBytes: 4 << 20, hugeBytes: 0,
      hugePages: 0, reason: "the program wants small pages (MADV_NOHUGEPAGE)")
    var process = CollapsedProcess(pid: 12, comm: evil, mappings: [mapping, left], growth: 4096)
    process.before = .init(residentBytes: 1 << 30, hugeBytes: 0, pageTableBytes: 2 << 20)
    process.after = .init(residentBytes: 1 << 30, hugeBytes: 1000 << 20, pageTableBytes: 2 << 20)
    (process.predictedBefore, process.predictedAfter) = (20_000_000, 1_200_000)
    report.measuredBefore = DurationsPart(of: Array(repeating: 20_100_000, count: 3))
    report.measuredAfter = DurationsPart(of: Array(repeating: 1_100_000, count: 3))
    process.steps = .init(count: 512, ns: 1_900_000_000, longestNs: 9_000_000)
    report.longestPauseNs = 8_000_000
    report.longestFaultPauseNs = 700_000
    report.processes = [process]
    (report.usedBefore, report.usedAfter) = (1 << 30, (1 << 30) + 4096)
    report.notes = ["What undoes it: a restart, and \(evil)."]
    report.stopped = "process 12 has ended \(evil)"
    return report
  }

  private static var tried: TryReport {
    var report = TryReport(
      host: host, start: "", command: ["sh", "-c", evil], durationNs: 10_000_000_000)
    var plain = TryRow(.none)
    plain.clone = DurationsPart(of: Array(repeating: 20_000_000, count: 20))
    var collapsed = TryRow(.collapse)
    collapsed.clone = DurationsPart(of: Array(repeating: 1_000_000, count: 20))
    collapsed.outcome = .faster
    var glibc = TryRow(.glibcMadvise)
    glibc.skipped = "its memory comes from \(evil)"
    report.rows = [plain, glibc, collapsed]
    return report
  }

  private static func texts(_ columns: Int, color: Bool = false) -> [String] {
    [
      DemoText(columns: columns, color: color).block(demo),
      CollapseText(columns: columns, color: color).block(collapse),
      TryText(columns: columns, color: color).block(tried),
    ]
  }

  @Test(arguments: [20, 40, 80, 200])
  func fits(_ columns: Int) {
    for text in Self.texts(columns) {
      for line in text.split(separator: "\n") {
        #expect(Faces.columns(of: line) <= columns, "\(line)")
      }
    }
  }

  @Test func nothingGetsThrough() {
    for text in Self.texts(80) {
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
      #expect(!text.unicodeScalars.contains { (0x7f...0x9f).contains($0.value) })
    }
  }

  /// What a reader takes away.
  @Test func says() {
    let texts = Self.texts(100)
    #expect(texts[0].contains("10.9 times faster, not 512 times") || texts[0].contains("11 times"))
    #expect(texts[0].contains("splits its entry into 512"))
    #expect(texts[0].contains("hugepagesz=1G hugepages=8"))
    #expect(texts[1].contains("18 times faster") && texts[1].contains("500, refused: 12 EINVAL"))
    #expect(texts[1].contains("longest pause: 8.00 ms for mmap and fork, 700 us for"))
    #expect(texts[2].contains("20x") && texts[2].contains("1.00 ms instead of 20.0 ms"))
  }
}
