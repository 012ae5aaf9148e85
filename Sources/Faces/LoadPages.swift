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
    text(
      CulpritText(columns: columns, bars: bars).lines(
        report.cpuWaits ?? [], intervalNs: 0, limit: .max), orElse: "nobody waited for a CPU")
  }

  /// Who is blocked by whom.
  public func holders(_ report: LoadSnapshot) -> String {
    text(
      HolderText(columns: columns, bars: bars).lines(report.blocked ?? [], limit: .max),
      orElse: "no task in D was seen to be blocked by another")
  }

  /// The load of cgroups, each with all those below it.
  public func cgroups(_ report: LoadSnapshot) -> String {
    guard let attribution = report.attribution, attribution.by.contains(.cgroup) else {
      return text([], orElse: "run with --by cgroup or --by process,cgroup")
    }
    return text(
      CgroupTree(columns: columns, bars: bars).lines(attribution, limit: .max),
      orElse: "no cgroup has a load")
  }

  private func text(_ lines: [Line], orElse nothing: String) -> String {
    (lines.isEmpty ? [Line(nothing)] : lines)
      .map { $0.text(columns: columns, color: color, mark: bars.mark) + "\n" }.joined()
  }
}
