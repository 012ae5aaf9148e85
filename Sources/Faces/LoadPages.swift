public import Reports

/// Parts of a report in full, each on a page of its own.
public struct LoadPages: Sendable {
  private let columns: Int
  private let color: Bool
  private let bars: BarStyle

  public init(columns: Int, color: Bool, bars: BarStyle) {
    (self.columns, self.color, self.bars) = (columns, color, bars)
  }

  /// Who waited for a CPU, and what delayed them.
  public func cpuWaits(_ report: LoadSnapshot) -> String {
    report.final
      ? Self.ofOne
      : text(
        CulpritText(columns: columns, bars: bars).lines(
          report.cpuWaits ?? [], intervalNs: 0, limit: .max),
        orElse: "no run queue waits in this interval")
  }

  /// Who is blocked by whom.
  public func holders(_ report: LoadSnapshot) -> String {
    report.final
      ? Self.ofOne
      : text(
        HolderText(columns: columns, bars: bars).lines(report.blocked ?? [], limit: .max),
        orElse: "no task in D with a known lock holder in this interval")
  }

  /// The load of cgroups, each with all those below it.
  public func cgroups(_ report: LoadSnapshot) -> String {
    guard let attribution = report.attribution else {
      return report.filter.isEmpty ? "no load sample yet\n" : "not available with a filter\n"
    }
    guard attribution.rows.contains(where: { $0.cgroup != nil }) else {
      return "no cgroups known yet; rows must be by process, thread or cgroup (--by)\n"
    }
    return text(CgroupTree(columns: columns, bars: bars).lines(attribution, limit: .max))
  }

  /// What a merge leaves out.
  private static let ofOne = "not available for merged intervals: press - for one\n"

  private func text(_ lines: [Line], orElse nothing: String = "") -> String {
    (lines.isEmpty ? [Line(nothing)] : lines)
      .map { $0.text(columns: columns, color: color, mark: bars.mark) + "\n" }.joined()
  }
}
