public import Reports

/// What `cloneprof try` found, for a terminal.
public struct TryText: Sendable {
  private let columns: Int
  private let color: Bool
  private let bars: BarStyle
  private static let nameWidth = 23

  public init(columns: Int, color: Bool, bars: BarStyle = .blocks) {
    self.columns = max(1, columns)
    self.color = color
    self.bars = bars
  }

  public func block(_ report: TryReport) -> String {
    var lines = Line.flow(
      [Line("cloneprof try", .strong)]
        + (report.host.names + report.host.kernels.map { "Linux \($0)" }).map { Line(escaped($0)) },
      gap: "  ", indent: 2, columns: columns)
    lines += Line.paragraph(report.command.joined(separator: " "), first: "", columns: columns)
    lines += [Line()] + table(report)
    let reasons = report.rows.compactMap { row in
      (row.skipped.map { "not tried: \($0)" } ?? row.reason).map { "\(row.change.label): \($0)" }
    }
    if !reasons.isEmpty { lines.append(Line()) }
    for reason in reasons { lines += Line.paragraph(reason, first: "- ", columns: columns) }
    lines +=
      [Line()]
      + Line.paragraph(Self.verdict(report), first: "* ", .strong, columns: columns)
    return lines.map { $0.text(columns: columns, color: color, mark: bars.mark) + "\n" }.joined()
  }

  private func table(_ report: TryReport) -> [Line] {
    let plain = report.rows.first?.clone?.median
    func line(_ cells: [String], _ style: Line.Style, name: Line.Style) -> Line {
      var line = Line(
        left(clipped(cells[0], to: Self.nameWidth, mark: bars.mark), Self.nameWidth), name)
      line.add(right(cells[1], 7))
      line.add(right(cells[2], 10), style)
      line.add(cells[3...].map { right($0, 10) }.joined(), name)
      return line
    }
    let heading = line(
      ["change", "forks", "median", "faster", "resident", "huge", "faults"], .heading,
      name: .heading)
    return [heading]
      + report.rows.filter { $0.skipped == nil }.map { row in
        let factor = plain.flatMap { plain in
          row.clone.map { Double(plain) / Double(max(1, $0.median)) }
        }
        return line(
          [
            row.change.label, row.clone.map { "\($0.count)" } ?? "0",
            row.clone.map { durationText(ns: $0.median) } ?? "-",
            row.change == .none
              ? "" : factor.map { decimalText($0, digits: $0 < 10 ? 1 : 0) + "x" } ?? "-",
            bytesText(row.residentBytes), bytesText(row.hugeBytes + row.hugetlbBytes),
            compactCountText(row.faults),
          ], .strong, name: .plain)
      }
  }

  /// In a sentence or two: which change helps, and how much. Not escaped.
  public static func verdict(_ report: TryReport) -> String {
    guard let plain = report.rows.first, let clone = plain.clone else {
      return "The program did not fork while it was profiled."
    }
    guard let best = report.best, let other = best.clone else {
      let likely = report.rows.filter { $0.outcome == .cannotTell }.compactMap { row in
        row.clone.map { (row, $0) }
      }.min { $0.1.median < $1.1.median }
      guard let (row, other) = likely, other.median < clone.median / 2 else {
        return "No change makes a difference beyond noise."
      }
      return
        "\(row.change.label) seems to help: \(durationText(ns: other.median)) instead of "
        + "\(durationText(ns: clone.median)), but \(other.count) and \(clone.count) forks are too few to "
        + "be sure. Try a longer --duration."
    }
    return
      "\(best.change.label): forks take \(durationText(ns: other.median)) instead of "
      + "\(durationText(ns: clone.median)) (medians of \(other.count) and \(clone.count)): \(best.change.how)"
  }
}

extension TryRow.Change {
  public var label: String {
    switch self {
    case .none: "as it is"
    case .glibcMadvise: "glibc.malloc.hugetlb=1"
    case .glibcPool: "glibc.malloc.hugetlb=2"
    case .jemalloc: "jemalloc thp:always"
    case .always: "THP always, this program only"
    case .collapse: "collapse after warm-up"
    }
  }

  /// What to do to have it.
  var how: String {
    switch self {
    case .none, .always: ""
    case .glibcMadvise: "start it with GLIBC_TUNABLES=glibc.malloc.hugetlb=1"
    case .glibcPool:
      "start it with GLIBC_TUNABLES=glibc.malloc.hugetlb=2, and reserve a pool by vm.nr_hugepages"
    case .jemalloc: "start it with MALLOC_CONF=thp:always"
    case .collapse: "once it is warm, run cloneprof collapse --pid ID"
    }
  }
}
