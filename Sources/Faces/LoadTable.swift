public import Reports

/// Who makes up load1, as rows of a table, and all that a report tells of one of them.
public struct LoadTable: Sendable {
  public init() {}

  /// "nginx (812)", its state, its part of load1, and where it waits.
  public struct Row: Sendable {
    /// Of a report's rows no other has it; without how many tasks there are.
    public let id: String
    public let name: String
    public let state: String
    public let load1: Double
    public let site: String
    /// Its path; empty where not all in the row share it, or it isn't known.
    public let cgroup: String
  }

  public func rows(_ report: LoadSnapshot) -> [Row] {
    guard let attribution = report.attribution ?? report.soFar else { return [] }
    return attribution.rows.filter { $0.folded != true }.map { row in
      Row(
        id: [
          row.process, row.comm, row.cgroup, row.container, row.pod, row.unit, row.user, row.site,
          row.wait?.rawValue,
        ].map {
          $0 ?? "-"
        }.joined(separator: "\n") + " \(row.pid ?? 0) \(row.tid ?? 0) \(row.state.rawValue)"
          + (row.kernelThread == true ? " kernel" : ""),
        name: escaped(row.label(by: attribution.by)), state: row.state.rawValue, load1: row.load1,
        site: escaped(row.site ?? ""), cgroup: escaped(row.cgroup ?? ""))
    }
  }

  /// Lines no wider than that.
  public func details(_ report: LoadSnapshot, of name: String, columns: Int) -> [String] {
    var lines = rows(report).filter { $0.name == name }.map { row in
      Line(
        "\(row.state)  \(decimalText(row.load1, digits: 2)) of load1"
          + (row.site.isEmpty ? "" : " in \(row.site)"))
    }
    lines += Set(rows(report).filter { $0.name == name && !$0.cgroup.isEmpty }.map(\.cgroup))
      .sorted().map { Line("cgroup \($0)") }
    if lines.isEmpty { lines.append(Line("not in load1 in this interval")) }
    let waits = (report.cpuWaits ?? []).filter { escaped($0.label) == name }
    lines += section(
      CulpritText(columns: columns, bars: .blocks).lines(waits, intervalNs: 0, limit: .max))
    let isHolder: (BlockerPart) -> Bool = { $0.label.map { escaped($0) } == name }
    let blocked = (report.blocked ?? []).filter { part in
      escaped(part.label) == name || part.chain.contains(where: isHolder)
    }
    lines += section(HolderText(columns: columns, bars: .blocks).lines(blocked, limit: .max))
    let delayed = (report.cpuWaits ?? []).flatMap { wait in
      wait.culprits.filter { escaped($0.label) == name && escaped(wait.label) != name }.map {
        Line("delays \(escaped(wait.label)) by \(durationText(ns: $0.ns))")
      }
    }
    lines += section(delayed)
    return lines.map { $0.text(columns: columns, color: false, mark: "~") }
  }

  private func section(_ lines: [Line]) -> [Line] { lines.isEmpty ? [] : [Line()] + lines }
}
