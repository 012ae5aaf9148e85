import Faces
public import Reports

/// What a change did to a program's forks, as a page to send on.
public enum ChangePages {
  /// `cloneprof try`: the program as it is, and with each change.
  public static func html(_ report: TryReport) -> String {
    let plain = report.rows.first?.clone?.median
    let bars = report.rows.compactMap { row in
      row.clone.map { clone in
        ComparedBars.Bar(
          name: row.change.label, ns: clone.median,
          note: row.change == .none ? "" : factor(from: plain, to: clone.median))
      }
    }
    let rows = report.rows.filter { $0.skipped == nil }.map { row -> [Markup] in
      [
        "\(row.change.label)", "\(row.clone.map { countText(UInt64($0.count)) } ?? "0")",
        "\(row.clone.map { durationText(ns: $0.median) } ?? "-")",
        "\(row.pageTablesNs.map { durationText(ns: $0) } ?? "-")",
        "\(bytesText(row.residentBytes))", "\(bytesText(row.hugeBytes + row.hugetlbBytes))",
        "\(countText(row.faults))",
      ]
    }
    let reasons = report.rows.compactMap { row -> [Markup]? in
      (row.skipped.map { "not tried: \($0)" } ?? row.reason).map {
        ["\(row.change.label)", "\($0)"]
      }
    }
    return page(
      "cloneprof try", report.host, report.start,
      [report.command.joined(separator: " "), "\(durationText(ns: report.durationNs)) each"],
      [
        section(
          "verdict", "Which change helps",
          Page.statements([(text: TryText.verdict(report), evidence: [], rest: "")])),
        section(
          "forks", "How long a fork takes",
          ComparedBars(
            id: "forks-picture", label: "The median fork, as the program is and with each change",
            bars: bars
          ).markup
            + table(
              [
                "change", "forks", "median", "page tables", "resident", "huge pages",
                "minor faults",
              ],
              numbers: [1, 2, 3, 4, 5, 6], rows)),
        section("reasons", "What had no effect", table(["change", "why"], numbers: [], reasons)),
      ])
  }

  /// `cloneprof collapse`: before and after.
  public static func html(_ report: CollapseReport) -> String {
    let processes = report.processes.map { process -> Markup in
      let bars = forks(report, process)
      let who = "\(process.comm) (\(process.pid))"
      let rows = process.mappings.sorted { $0.residentBytes > $1.residentBytes }.map {
        mapping -> [Markup] in
        [
          "\(mapping.range)", "\(mapping.name.isEmpty ? "anonymous" : mapping.name)",
          "\(bytesText(mapping.residentBytes))", "\(bytesText(mapping.hugeBytes))",
          "\(countText(mapping.hugePages))", "\(countText(mapping.collapsed))",
          "\(mapping.reason ?? "")",
        ]
      }
      return section(
        "process-\(process.pid)", who,
        ComparedBars(
          id: "forks-\(process.pid)", label: "A fork before and after", bars: bars
        ).markup + Treemap(process, isDone: !report.dryRun).markup
          + table(
            [
              "mapping", "name", "resident", "huge before", "huge pages to be", "collapsed",
              "why not",
            ],
            numbers: [2, 3, 4, 5], rows))
    }
    return page(
      "cloneprof collapse", report.host, report.start,
      report.dryRun ? ["nothing was changed (--dry-run)"] : [],
      [
        section(
          "verdict", "Before and after",
          Page.statements(
            [(text: sentence(report), evidence: facts(report), rest: "")]
              + (report.stopped.map { [(text: "Stopped: \($0).", evidence: [], rest: "")] } ?? [])))
      ] + processes + [
        section("notes", "What else there is to know", list(report.notes))
      ])
  }

  private static func factor(from before: UInt64?, to after: UInt64) -> String {
    guard let before else { return "" }
    let factor = Double(before) / Double(max(1, after))
    if abs(factor - 1) < 0.05 { return "" }
    if factor < 1 { return ", \(decimalText(1 / factor, digits: 1)) times as long" }
    return ", \(decimalText(factor, digits: factor < 10 ? 1 : 0)) times faster"
  }

  private static func forks(
    _ report: CollapseReport, _ process: CollapsedProcess
  ) -> [ComparedBars.Bar] {
    var bars: [ComparedBars.Bar] = []
    if let before = process.predictedBefore, let after = process.predictedAfter {
      bars.append(.init(name: "predicted, before", ns: before, note: ""))
      bars.append(.init(name: "predicted, after", ns: after, note: factor(from: before, to: after)))
    }
    // Of all processes together.
    if report.processes.count == 1, let before = report.measuredBefore {
      bars.append(.init(name: "measured, before", ns: before.median, note: " (median)"))
      if let after = report.measuredAfter {
        bars.append(
          .init(
            name: "measured, after", ns: after.median,
            note: factor(from: before.median, to: after.median)))
      }
    }
    return bars
  }

  private static func sentence(_ report: CollapseReport) -> String {
    if let before = report.measuredBefore, let after = report.measuredAfter {
      return
        "A fork takes \(durationText(ns: after.median)) instead of \(durationText(ns: before.median)) "
        + "(medians of \(countText(UInt64(after.count))) and \(countText(UInt64(before.count))) forks)."
    }
    let before = report.processes.reduce(0) { $0 &+ ($1.predictedBefore ?? 0) }
    let after = report.processes.reduce(0) { $0 &+ ($1.predictedAfter ?? 0) }
    if before > after {
      return
        "By this machine's calibration, a fork \(report.dryRun ? "would take" : "takes") "
        + "\(durationText(ns: after)) instead of \(durationText(ns: before))."
    }
    return "No fork was seen, and by this machine's calibration there is nothing to gain."
  }

  private static func facts(_ report: CollapseReport) -> [String] {
    var facts: [String] = []
    if let before = report.usedBefore, let after = report.usedAfter {
      facts.append("memory in use (PSS of all): \(bytesText(before)), then \(bytesText(after))")
    }
    if let pause = report.longestPauseNs {
      facts.append("longest pause for mmap and fork: \(durationText(ns: pause))")
    }
    if let pause = report.longestFaultPauseNs {
      facts.append("longest pause for page faults: \(durationText(ns: pause))")
    }
    return facts
  }

  private static func list(_ notes: [String]) -> Markup {
    guard !notes.isEmpty else { return "" }
    return "<ul>\(notes.map { note -> Markup in "<li>\(note)</li>\n" })</ul>\n"
  }

  private static func page(
    _ title: String, _ host: HostPart, _ start: String, _ facts: [String], _ sections: [Markup]
  ) -> String {
    Page(
      title: "\(title): \(host.names.first ?? "")",
      facts: [
        "Linux " + host.kernels.joined(separator: ", "),
        "\(host.cpus) CPU\(host.cpus == 1 ? "" : "s")",
        start.replacing("T", with: " ").prefix { $0 != "." } + " UTC",
      ] + facts,
      sections: sections
    ).html
  }
}
