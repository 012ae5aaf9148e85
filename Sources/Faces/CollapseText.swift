public import Reports

/// What `cloneprof collapse` found and did, for a terminal.
public struct CollapseText: Sendable {
  private let columns: Int
  private let color: Bool
  private let bars: BarStyle
  /// Mappings that are shown of each process, the largest first.
  private static let shown = 5

  public init(columns: Int, color: Bool, bars: BarStyle = .blocks) {
    self.columns = max(1, columns)
    self.color = color
    self.bars = bars
  }

  public func block(_ report: CollapseReport) -> String {
    var lines = Line.flow(
      [Line("cloneprof collapse", .strong)]
        + (report.host.names + report.host.kernels.map { "Linux \($0)" }).map { Line(escaped($0)) }
        + [Line(report.dryRun ? "nothing is changed (--dry-run)" : "")], gap: "  ", indent: 2,
      columns: columns)
    for process in report.processes { lines += [Line()] + text(process, report) }
    lines += [Line()] + measured(report) + pauses(report) + memory(report)
    for note in report.notes { lines += Line.paragraph(note, first: "- ", columns: columns) }
    if let stopped = report.stopped {
      lines += Line.paragraph(
        "Stopped: \(stopped).", first: "", .alarm, columns: columns)
    }
    return lines.map { $0.text(columns: columns, color: color, mark: bars.mark) + "\n" }.joined()
  }

  private func text(_ process: CollapsedProcess, _ report: CollapseReport) -> [Line] {
    var title = Line(escaped("\(process.comm) (\(process.pid))"), .strong)
    if let before = process.before {
      title.add(
        "  resident \(bytesText(before.residentBytes)), \(bytesText(before.hugeBytes)) of it huge"
      )
    }
    return [title] + mappings(process, report) + predicted(process) + result(process)
  }

  private func mappings(_ process: CollapsedProcess, _ report: CollapseReport) -> [Line] {
    let sorted = process.mappings.sorted { $0.residentBytes > $1.residentBytes }
    guard !sorted.isEmpty else {
      return [Line("no mapping that a fork copies is as large as 2 MiB: nothing to gain")]
    }
    var lines = [
      Line(
        left("mapping", 28) + right("resident", 10) + right("huge", 10) + right("2 MiB pages", 13)
          + "  "
          + (report.dryRun ? "" : "collapsed"), .heading)
    ]
    for mapping in sorted.prefix(Self.shown) {
      let name = mapping.name.isEmpty ? "anonymous" : mapping.name
      let place = "\(mapping.range.split(separator: "-").first ?? "") \(escaped(name))"
      var line = Line(left(clipped(place, to: 27, mark: bars.mark), 28))
      line.add(right(bytesText(mapping.residentBytes), 10))
      line.add(right(bytesText(mapping.hugeBytes), 10))
      line.add(right("\(mapping.hugePages)", 13), .strong)
      line.add("  " + outcome(mapping, report))
      lines += [line]
    }
    let rest = sorted.dropFirst(Self.shown)
    if !rest.isEmpty {
      lines.append(
        Line(
          "\(rest.count) more mappings, \(bytesText(rest.reduce(0) { $0 + $1.residentBytes }))",
          .heading))
    }
    return lines
  }

  private func outcome(_ mapping: CollapsedMapping, _ report: CollapseReport) -> String {
    if let reason = mapping.reason { return escaped(reason) }
    guard !report.dryRun else { return "" }
    let refused = mapping.refused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    return "\(mapping.collapsed)"
      + (refused.isEmpty ? "" : ", refused: " + escaped(refused.joined(separator: ", ")))
  }

  private func fork(_ name: String, _ before: UInt64, _ after: UInt64?, note: String) -> Line {
    var line = Line(left(name, 20))
    line.add(durationText(ns: before), .strong)
    if let after {
      line.add("  ->  ")
      line.add(durationText(ns: after), .strong)
      let factor = Double(before) / Double(max(1, after))
      line.add("  \(decimalText(factor, digits: factor < 10 ? 1 : 0)) times faster")
    }
    line.add(note, .heading)
    return line
  }

  private func predicted(_ process: CollapsedProcess) -> [Line] {
    guard let before = process.predictedBefore, let after = process.predictedAfter else {
      return []
    }
    return [fork("a fork, predicted", before, after, note: "")]
  }

  private func measured(_ report: CollapseReport) -> [Line] {
    let after = report.measuredAfter
    if let before = report.measuredBefore {
      return [
        fork(
          "forks, measured", before.median, after?.median,
          note: "  median of \(before.count)" + (after.map { " and \($0.count)" } ?? ""))
      ]
    }
    return after.map {
      [fork("forks, measured after", $0.median, nil, note: "  median of \($0.count)")]
    } ?? []
  }

  private func pauses(_ report: CollapseReport) -> [Line] {
    guard let pause = report.longestPauseNs, let fault = report.longestFaultPauseNs else {
      return []
    }
    return Line.paragraph(
      "longest pause: \(durationText(ns: pause)) for mmap and fork, \(durationText(ns: fault)) for page "
        + "faults", first: "", columns: columns)
  }

  private func result(_ process: CollapsedProcess) -> [Line] {
    guard let steps = process.steps, steps.count > 0 else {
      return [Line("takes at most \(bytesText(process.growth)) more memory")]
    }
    var lines = [
      Line(
        "\(countText(steps.count)) steps in \(durationText(ns: steps.ns)), the longest "
          + durationText(ns: steps.longestNs))
    ]
    if let before = process.before, let after = process.after {
      lines.append(
        Line(
          "resident \(bytesText(before.residentBytes)) -> \(bytesText(after.residentBytes)), huge "
            + "\(bytesText(before.hugeBytes)) -> \(bytesText(after.hugeBytes))"))
    }
    return lines
  }

  private func memory(_ report: CollapseReport) -> [Line] {
    guard let before = report.usedBefore else { return [] }
    let growth = report.processes.reduce(0) { $0 + $1.growth }
    let now = "memory in use (PSS of all): \(bytesText(before))"
    return Line.paragraph(
      report.usedAfter.map { "\(now) -> \(bytesText($0))" }
        ?? "\(now); at most \(bytesText(growth)) more", first: "", columns: columns)
  }
}
