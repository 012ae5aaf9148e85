public import Reports

/// A report of `cloneprof` in one line, as vmstat(8) has it: for a pipe or a log.
public struct CloneLine: Sendable {
  private let columns: Int
  private let color: Bool

  /// - Parameters:
  ///   - columns: how wide the terminal is; no line is wider, and from 80 on only names are cut.
  ///   - color: whether losses stand out in red.
  public init(columns: Int, color: Bool) {
    (self.columns, self.color) = (max(1, columns), color)
  }

  /// What the columns are; `tables` is the page-table copy's share of the clones' time.
  public var heading: String {
    row(
      "time", ["clones", "p50", "p99", "max"], "tables", Line("lost", .heading), "top phase",
      style: .heading)
  }

  /// The interval's figures.
  public func line(_ report: CloneSnapshot) -> String {
    let clones = report.histograms.clone
    let (p50, p99) = (clones.percentiles.p50, clones.percentiles.p99)
    let lost = report.loss.lost
    return row(
      timeOfDay(report.end),
      [compactCountText(clones.count)]
        + [p50, p99, clones.max].map { $0.map(durationText(ns:)) ?? "-" },
      tables(report), Line(compactCountText(lost), lost > 0 ? .alarm : .plain), top(report))
  }

  private func tables(_ report: CloneSnapshot) -> String {
    guard report.histograms.clone.count > 0,
      let share = report.phases.first(where: { $0.phase == .pageTables })?.share
    else { return "-" }
    return percent(share)
  }

  private func top(_ report: CloneSnapshot) -> String {
    guard report.histograms.clone.count > 0,
      let most = report.phases.max(by: { ($0.share ?? -1) < ($1.share ?? -1) }),
      let share = most.share
    else { return "-" }
    let figure = " " + percent(share)
    let room = columns - Self.figures - Faces.columns(of: figure)
    return clipped(most.phase.text, to: max(1, room), mark: "~") + figure
  }

  private func percent(_ share: Double) -> String {
    percentText(UInt64(clamping: max(0, min(1, share.isNaN ? 0 : share)) * 1e9), of: 1_000_000_000)
  }

  /// Columns of all but the last.
  private static let figures = 59

  private func row(
    _ time: String, _ figures: [String], _ tables: String, _ lost: Line, _ top: String,
    style: Line.Style = .plain
  ) -> String {
    var line = Line(left(time, 8), style)
    for (text, width) in zip(figures, [7, 9, 9, 9]) { line.add(right(text, width), style) }
    line.add(right(tables, 9), style)
    line.add(String(repeating: " ", count: max(1, 6 - lost.width)))
    line.add(lost)
    line.add("  " + top, style)
    return line.text(columns: columns, color: color, mark: "~") + "\n"
  }
}
