public import Reports

/// A report of `loadwatch` in one line, as vmstat(8) has it: for a pipe or a log.
public struct LoadLine: Sendable {
  private let columns: Int
  private let color: Bool

  /// - Parameters:
  ///   - columns: how wide the terminal is; no line is wider, and from 80 on only names are cut.
  ///   - color: whether losses stand out in red.
  public init(columns: Int, color: Bool) {
    (self.columns, self.color) = (max(1, columns), color)
  }

  /// What the columns are; the run queue latency in the two after the switches per second.
  public var heading: String {
    row(
      "time", "load1", "R mean", "D mean", "switch/s", "runq p50", "runq p99",
      Line("lost", .heading),
      "top group", style: .heading)
  }

  /// The interval's figures; `load1` is at its end, the means are over all of it.
  public func line(_ report: LoadSnapshot) -> String {
    let latency = report.histograms.runQueueLatency.percentiles
    let lost = report.loss.lost
    let nsPerS = report.intervalNs > 0 ? 1e9 / Double(report.intervalNs) : 0
    return row(
      timeOfDay(report.end), tasks(report.load.kernel.first ?? 0),
      tasks(report.tasks.runnable.mean), tasks(report.tasks.uninterruptible.mean),
      compactCountText(UInt64(clamping: Double(report.switches) * nsPerS)),
      latency.p50.map(durationText(ns:)) ?? "-", latency.p99.map(durationText(ns:)) ?? "-",
      Line(compactCountText(lost), lost > 0 ? .alarm : .plain), top(report))
  }

  /// The group with the largest part of load1, and its state.
  private func top(_ report: LoadSnapshot) -> String {
    guard let attribution = report.attribution ?? report.soFar,
      let first = attribution.acrossCgroups.rows.first, first.load1 >= 0.005
    else { return "-" }
    let state = " " + first.state.rawValue
    let room = columns - Self.figures - Faces.columns(of: state)
    return clipped(escaped(first.label(by: attribution.by)), to: max(1, room), mark: "~") + state
  }

  /// Columns of all but the last.
  private static let figures = 64

  private func row(
    _ time: String, _ load: String, _ runnable: String, _ blocked: String, _ switches: String,
    _ p50: String, _ p99: String, _ lost: Line, _ top: String, style: Line.Style = .plain
  ) -> String {
    var line = Line(left(time, 8), style)
    for (text, width) in [
      (load, 7), (runnable, 7), (blocked, 7), (switches, 9), (p50, 9), (p99, 9),
    ] {
      line.add(right(text, width), style)
    }
    line.add(String(repeating: " ", count: max(1, 6 - lost.width)))
    line.add(lost)
    line.add("  " + top, style)
    return line.text(columns: columns, color: color, mark: "~") + "\n"
  }
}

/// A number of tasks, 6 columns at most: "4.21", "530k".
private func tasks(_ value: Double) -> String {
  value < 1_000 ? decimalText(value, digits: 2) : compactCountText(UInt64(clamping: value))
}

/// Hours, minutes and seconds of an ISO 8601 time in UTC.
package func timeOfDay(_ timestamp: String) -> String {
  let time = timestamp.split(separator: "T").last ?? ""
  return clipped(escaped(String(time.prefix(8))), to: 8, mark: "~")
}
