public import Reports

/// What `cloneprof demo` found, for a terminal.
public struct DemoText: Sendable {
  private let columns: Int
  private let color: Bool
  private let bars: BarStyle

  public init(columns: Int, color: Bool, bars: BarStyle = .blocks) {
    self.columns = max(1, columns)
    self.color = color
    self.bars = bars
  }

  public func block(_ report: DemoReport) -> String {
    var lines = head(report) + [Line()] + forks(report)
    let written = writes(report)
    if !written.isEmpty { lines += [Line()] + written }
    let skipped = skips(report)
    if !skipped.isEmpty { lines += [Line()] + skipped }
    let findings = DemoFindings(report).sentences
    if !findings.isEmpty {
      lines += [Line(), Line("what it shows", .heading)]
      for finding in findings {
        lines += Line.paragraph(finding, first: "* ", columns: columns)
      }
    }
    return lines.map { $0.text(columns: columns, color: color, mark: bars.mark) + "\n" }.joined()
  }

  private func head(_ report: DemoReport) -> [Line] {
    let host = report.host
    let title = Line("cloneprof demo", .strong)
    let items =
      [title] + (host.names + host.kernels.map { "Linux \($0)" }).map { Line(escaped($0)) }
      + [Line("\(host.cpus) CPUs"), Line(escaped(report.cpuModel))]
    return Line.flow(items, gap: "  ", indent: 2, columns: columns)
      + [
        Line(
          "How long a process with \(bytesText(report.bytes)) of memory takes to fork, by kind of memory."
        )
      ]
  }

  // MARK: - Forks

  private static let nameWidth = 25

  private func forks(_ report: DemoReport) -> [Line] {
    let rows = report.rows.filter { $0.fork != nil }
    let longest = rows.compactMap { $0.fork?.median }.max() ?? 1
    let free = columns - Self.nameWidth - 9 - 9 - 12 - 9 - 4
    let barWidth = free >= 4 ? min(20, free) : 0
    func line(_ cells: [String], _ style: Line.Style, name: Line.Style) -> Line {
      var line = Line(
        left(clipped(cells[0], to: Self.nameWidth, mark: bars.mark), Self.nameWidth), name)
      line.add(right(cells[1], 9), style)
      line.add("  " + left(cells[2], barWidth) + "  ")
      line.add(
        right(cells[3], 9) + right(cells[4], 12) + right(cells[5], 9),
        style == .strong ? .plain : style)
      return line
    }
    return [
      line(
        ["memory", "fork", "", "spread", "page tables", "faster"], .heading, name: .heading)
    ]
      + rows.map { row in
        let fork = row.fork!
        return line(
          [
            row.label, durationText(ns: fork.median),
            bars.bar(fork.median, of: longest, width: barWidth),
            "\(bars.plusMinus) \(decimalText(100 * fork.spread, digits: 0)) %",
            bytesText(row.pageTableBytes),
            row.factor.map { decimalText($0, digits: $0 < 10 ? 1 : 0) + "x" } ?? "",
          ], .strong, name: .plain)
      }
  }

  // MARK: - Writes after a fork

  private func writes(_ report: DemoReport) -> [Line] {
    let rows = report.rows.filter { $0.parentWrite != nil }
    guard !rows.isEmpty else { return [] }
    func line(_ cells: [String], name: Line.Style, _ style: Line.Style) -> Line {
      var line = Line(
        left(clipped(cells[0], to: Self.nameWidth, mark: bars.mark), Self.nameWidth), name)
      line.add(cells.dropFirst().map { right($0, 11) }.joined(), style)
      return line
    }
    return [
      line(["", "first write", "", "memory", "child's", "later"], name: .heading, .heading),
      line(
        ["after a fork", "median", "longest", "per write", "exit", "forks"], name: .heading,
        .heading),
    ]
      + rows.map { row in
        line(
          [
            row.label, durationText(ns: row.parentWrite?.median ?? 0),
            durationText(ns: max(row.parentWrite?.longest ?? 0, row.childWrite?.longest ?? 0)),
            row.bytesPerWrite.map(bytesText) ?? "-",
            row.exit.map { durationText(ns: $0.median) } ?? "-",
            row.laterFork.map { durationText(ns: $0.median) } ?? "-",
          ], name: .plain, .plain)
      }
  }

  private func skips(_ report: DemoReport) -> [Line] {
    let rows = report.rows.filter { $0.skipped != nil }
    guard !rows.isEmpty else { return [] }
    return [Line("not measured", .heading)]
      + rows.flatMap { row -> [Line] in
        let skip = row.skipped!
        return Line.paragraph("\(row.label): \(skip.reason)", first: "- ", columns: columns)
          + (skip.remedy.map { Line.paragraph("try: \($0)", first: "    ", columns: columns) } ?? [])
      }
  }
}

extension DemoRow {
  /// What the row is about, in words.
  public var label: String {
    if child != .fork {
      switch child {
      case .fork: break
      case .vfork: return "vfork"
      case .spawn: return "posix_spawn"
      case .sharedMemory: return "clone(CLONE_VM)"
      }
    }
    return switch memory {
    case .empty: "no memory"
    case .libraries: "64 more libraries"
    case .small: "4 KiB pages"
    case .folios: "\(binaryText(pageBytes)) folios (mTHP)"
    case .transparent: "THP 2 MiB"
    case .collapsed: "MADV_COLLAPSE"
    case .hugetlb: "hugetlb \(binaryText(pageBytes))"
    case .exhaustedPool: "hugetlb, pool exhausted"
    case .mappings: "mappings of \(binaryText(pageBytes))"
    case .shared: "shared memory"
    case .dontFork: "MADV_DONTFORK"
    }
  }
}

/// "64 KiB", "1 GiB": of page sizes, which are powers of two.
private func binaryText(_ bytes: UInt64) -> String {
  switch bytes {
  case (1 << 30)...: "\(bytes >> 30) GiB"
  case (1 << 20)...: "\(bytes >> 20) MiB"
  default: "\(bytes >> 10) KiB"
  }
}
