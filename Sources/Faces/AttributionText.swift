import Reports

/// The load average broken down, and what that means.
struct AttributionText {
  let columns: Int
  let bars: BarStyle
  /// The most groups that are shown; fewer on a low terminal.
  static let most = 8

  private static let figure = 8

  /// - Parameter limit: how many groups there is room for.
  func table(_ snapshot: LoadSnapshot, limit: Int) -> [Line] {
    guard let attribution = snapshot.attribution ?? snapshot.soFar else { return [] }
    let isEarly = snapshot.attribution == nil
    if attribution.by == [.cgroup], !isEarly {
      return CgroupTree(columns: columns, bars: bars).lines(attribution, limit: limit)
    }
    let rowsOfNames = attribution.acrossCgroups.rows
    let named = rowsOfNames.filter { $0.folded != true }
    let shown = named.filter { $0.load1 >= 0.005 }.prefix(limit)
    let rest = named.dropFirst(shown.count) + rowsOfNames.filter { $0.folded == true }
    var rows = shown.map { row in
      (
        name: escaped(row.label(by: attribution.by)), state: row.state.rawValue, load: row.load1,
        site: escaped(row.site ?? "")
      )
    }
    func add(_ name: String, _ load: Double, state: String = "") {
      if abs(load) >= 0.005 { rows.append((name, state, load, "")) }
    }
    for state in LoadState.allCases {
      add(
        "others", rest.filter { $0.state == state }.reduce(0) { $0 + $1.load1 },
        state: state.rawValue)
    }
    add("asleep, not yet dequeued", attribution.delayed.first ?? 0)
    add("before this run", attribution.beforeRun.first ?? 0)
    add("unattributed", attribution.unattributed.first ?? 0)
    let title = isEarly ? "active so far" : title(attribution.by)
    let width = min(28, max(21, title.count, rows.map { Faces.columns(of: $0.name) }.max() ?? 0))
    let site = min(28, rows.map { Faces.columns(of: $0.site) }.max() ?? 0)
    let free = columns - width - 3 - Self.figure - site - 6
    let barWidth = free >= 6 ? min(20, free) : 0
    let all = isEarly ? 0 : snapshot.load.kernel.first ?? 0
    let whole = max(all, rows.map(\.load).max() ?? 0, 0.01)
    var heading = Line(left(title, width) + "   ", .heading)
    heading.add(right(isEarly ? "mean" : "load1", Self.figure), .heading)
    if barWidth > 0 { heading.add("  " + left("", barWidth)) }
    if site > 0 { heading.add("  where it waits", .heading) }
    return [heading]
      + rows.map { row in
        var line = Line(left(clipped(row.name, to: width, mark: bars.mark), width))
        line.add(" " + left(row.state, 1) + " ")
        line.add(right(decimalText(row.load, digits: 2), Self.figure), .strong)
        if barWidth > 0 {
          let parts = UInt64(clamping: max(0, row.load) / whole * 1e6)
          line.add("  " + left(bars.bar(parts, of: 1_000_000, width: barWidth), barWidth))
        }
        if site > 0 { line.add("  " + clipped(row.site, to: site, mark: bars.mark)) }
        return line
      }
  }

  /// An id doesn't show by itself that it is a container's.
  private func title(_ by: [Grouping]) -> String {
    guard by.contains(.container) || by.contains(.unit) else { return "what makes up load1" }
    let named = by.filter { $0 != .state && $0 != .site }.map(\.rawValue)
    return "load1 by " + named.joined(separator: ", ")
  }

  /// How much of a verdict is shown: what it rests on goes before what to do.
  enum Detail { case sentence, advice, evidence }

  func verdict(_ snapshot: LoadSnapshot, _ detail: Detail) -> [Line] {
    guard let parts = snapshot.verdict, !parts.isEmpty else { return [] }
    return [Line(snapshot.soFar == nil ? "verdict" : "verdict so far", .heading)]
      + parts.flatMap { part in
        Line.paragraph(part.text, first: "* ", .strong, columns: columns)
          + (detail == .evidence ? part.evidence : [])
          .flatMap { Line.paragraph($0, first: "  - ", columns: columns) }
          + (detail == .sentence ? [] : [part.advice].compactMap { $0 })
          .flatMap { Line.paragraph($0, first: "  ", columns: columns) }
      }
  }

  /// What there is hardly any room left of.
  func limits(_ limits: LimitsPart) -> [Line] {
    var lines: [Line] = []
    func add(_ tasks: UInt64, _ most: UInt64, _ what: String) {
      guard most > 0, Double(tasks) > 0.8 * Double(most) else { return }
      lines.append(
        Line("tasks \(countText(tasks)) of at most \(countText(most)) (\(what))", .alarm))
    }
    if limits.threadsMax < limits.pidMax {
      add(limits.tasks, limits.threadsMax, "kernel.threads-max")
    } else {
      add(limits.tasks, limits.pidMax, "kernel.pid_max")
    }
    for cgroup in limits.cgroups ?? [] {
      add(cgroup.tasks, cgroup.pidsMax ?? 0, "pids.max of \(escaped(cgroup.cgroup))")
    }
    // Half as many tasks again as there are.
    let perTask = (limits.stackBytesPerTask ?? 0) + (limits.structBytesPerTask ?? 0)
    if limits.availableBytes < perTask &* (limits.tasks / 2) {
      lines.append(
        Line(
          "memory left for \(countText(limits.availableBytes / perTask)) more tasks, at "
            + "\(bytesText(perTask)) of kernel memory each", .alarm))
    }
    return lines
  }
}
