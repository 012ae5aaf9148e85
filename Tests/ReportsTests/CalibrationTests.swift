import Reports
import Testing

/// A calibration from a demo's rows, by hand.
struct CalibrationTests {
  private static func row(
    _ memory: DemoRow.Memory, _ fork: UInt64, entries: UInt64 = 0, page: UInt64 = 4096,
    mappings: UInt64 = 20
  ) -> DemoRow {
    var row = DemoRow(memory: memory, pageBytes: page)
    row.fork = DurationsPart(of: [fork, fork, fork + 10])
    row.entries = entries
    row.mappings = mappings
    return row
  }

  private static func demo(_ rows: [DemoRow]) -> DemoReport {
    DemoReport(
      host: HostPart(names: ["h"], kernels: ["6.1"], cpus: 2), cpuModel: "c", start: "now",
      bytes: 64 << 20, rows: rows)
  }

  @Test func fromADemo() throws {
    var collapsed = Self.row(.collapsed, 8_400, entries: 32, page: 2 << 20)
    (collapsed.collapseNs, collapsed.longestCollapseNs) = (32_000, 4_000)
    collapsed.hugeBytes = 64 << 20
    let demo = Self.demo([
      Self.row(.empty, 2_000), Self.row(.libraries, 5_200, mappings: 340),
      Self.row(.small, 165_840, entries: 16_384), collapsed,
      Self.row(.mappings, 365_840, entries: 16_384, page: 32 << 10),
      Self.row(.hugetlb, 5_200, entries: 32, page: 2 << 20),
    ])
    let calibration = try #require(Calibration(demo))
    #expect(calibration.mapping == 10)
    #expect(calibration.emptyFork == 1_800 && calibration.entry == 10)
    #expect(calibration.hugeEntry == 200 && calibration.hugetlbEntry == 100)
    #expect(calibration.collapse == 1_000 && calibration.longestCollapse == 4_000)
    #expect(calibration.holds(kernel: "6.1", cpuModel: "c"))
    #expect(!calibration.holds(kernel: "6.2", cpuModel: "c"))
    #expect(!calibration.holds(kernel: "6.1", cpuModel: "d"))
    #expect(
      calibration.fork(of: .init(entries: 3, hugetlbEntries: 2, mappings: 5)) == 1_800 + 30 + 200
        + 50)
  }

  /// Without the two that all else is compared with there is none.
  @Test func tooFew() {
    #expect(Calibration(Self.demo([Self.row(.empty, 10)])) == nil)
    #expect(Calibration(Self.demo([Self.row(.small, 10, entries: 1)])) == nil)
    #expect(
      Calibration(Self.demo([Self.row(.empty, 100), Self.row(.small, 90, entries: 4)])) == nil)
  }

  @Test func durations() throws {
    let part = try #require(DurationsPart(of: [5, 1, 3, 4] as [UInt64]))
    #expect(part.count == 4 && part.median == 3 && part.longest == 5)
    #expect(part.lowerQuartile == 1 && part.upperQuartile == 4 && part.spread == 0.5)
    #expect(DurationsPart(of: [] as [UInt64]) == nil)
  }
}
