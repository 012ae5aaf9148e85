import Faces
import Reports
import Support
import Testing

/// The load averages of cgroups, with those below them.
struct CgroupTreeTests {
  private func row(_ cgroup: String?, _ state: LoadState, _ load: Double) -> AttributionRow {
    AttributionRow(
      state: state, cgroup: cgroup, folded: cgroup == nil ? true : nil, load1: load,
      load5: load / 2, load15: load / 4)
  }

  /// From the heading to the next empty line.
  private func text(_ rows: [AttributionRow], columns: Int = 80) -> [String] {
    var snapshot = sample()
    snapshot.attribution = AttributionPart(
      by: [.cgroup], rows: rows, delayed: [0, 0, 0], beforeRun: [1.5, 3, 4],
      unattributed: [0.001, 0, 0])
    let lines = LoadText(columns: columns, color: false).block(snapshot, live: false)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return Array(lines.drop { !$0.hasPrefix("load by cgroup") }.prefix { !$0.isEmpty })
  }

  /// Each has all that is below it; a chain of one is one line; names are escaped.
  @Test func thePicture() {
    let pods = "/kubepods.slice/kubepods-burstable.slice"
    #expect(
      text(
        [
          row("\(pods)/a", .runnable, 2), row("\(pods)/a", .uninterruptible, 1),
          row("\(pods)/b\u{1b}[2J", .runnable, 0.5), row("/", .runnable, 0.25),
          row("/system.slice/cron.service", .uninterruptible, 0.125),
          row("/idle", .runnable, 0.001), row(nil, .runnable, 0.75),
        ], columns: 90) == [
          "load by cgroup                              load1   load5  load15       R       D",
          "/                                            3.88    1.94    0.97    2.75    1.13",
          "  kubepods.slice/kubepods-burstable.slice    3.50    1.75    0.88    2.50    1.00",
          "    a                                        3.00    1.50    0.75    2.00    1.00",
          "    b\\x1b[2J                                 0.50    0.25    0.13    0.50",
          "  system.slice/cron.service                  0.13    0.06    0.03            0.13",
          "others                                       0.75    0.38    0.19    0.75",
          "before this run                              1.50    3.00    4.00",
        ])
  }

  /// The smallest go first, and not those above what stays; no line is wider than the terminal.
  @Test(arguments: [60, 80, 132]) func many(columns: Int) {
    let rows = (0..<30).map {
      row("/deep/er/\($0)/leaf-of-a-very-long-name", .runnable, Double($0))
    }
    let lines = text(rows, columns: columns)
    #expect(lines.count == 10 && lines[1].hasPrefix("/ ") && lines[2].hasPrefix("  deep/er "))
    #expect(lines[3].hasPrefix("    29/leaf") && lines[8].hasPrefix("    24/leaf"))
    #expect(lines.allSatisfy { Faces.columns(of: $0) <= columns }, "\(lines)")
  }
}
