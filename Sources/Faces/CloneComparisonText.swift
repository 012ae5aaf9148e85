public import Reports

/// Runs of `cloneprof` beside a baseline, as a block of text for a terminal.
public struct CloneComparisonText: Sendable {
  private let columns: Int
  private let color: Bool

  /// - Parameters:
  ///   - columns: how wide the terminal is; no line is wider, and from 80 on none is cut but those
  ///     with names.
  ///   - color: whether to use bold, faint and red; without it there is no escape character.
  public init(columns: Int, color: Bool) {
    (self.columns, self.color) = (max(1, columns), color)
  }

  /// Comparisons with one baseline, which is called A, in lines that each end with a newline.
  public func block(_ comparisons: [CloneComparison]) -> String {
    var lines = comparisons.first.map { head($0.baseline, Self.name(0)) } ?? []
    for (index, comparison) in comparisons.enumerated() {
      let name = Self.name(index + 1)
      let words = ComparisonWords(comparison, name)
      if index > 0 { lines.append(Line()) }
      lines += head(comparison.compared, name) + [Line()] + table(comparison, name)
      lines += Line.paragraph(words.footnote, first: "", .heading, columns: columns)
      if !comparison.cautions.isEmpty {
        lines += [Line(), Line("not a fair comparison", .alarm)]
        lines += words.cautions.flatMap { Line.flow($0, gap: " ", indent: 4, columns: columns) }
      }
      lines += [Line()] + Line.paragraph(words.outcome, first: "", .strong, columns: columns)
    }
    return lines.map { $0.text(columns: columns, color: color, mark: "…") + "\n" }.joined()
  }

  /// A, B, ... Z, #27, ...
  private static func name(_ index: Int) -> String {
    index < 26 ? String(Unicode.Scalar(UInt8(ascii: "A") + UInt8(index))) : "#\(index + 1)"
  }

  private func head(_ run: ComparedRun, _ name: String) -> [Line] {
    let head = SnapshotHead(columns: columns)
    return head.title(
      "\(name)  \(escaped(run.file))", host: run.host, end: run.end, intervalNs: run.intervalNs,
      final: true, live: false) + head.filter(run.filter)
  }

  /// Of what at least one of the two has some.
  private func table(_ comparison: CloneComparison, _ name: String) -> [Line] {
    let shown = comparison.figures.filter { figure in
      let least = figure.figure == .nsPerEntry ? 0.05 : 0.5
      return [figure.baseline, figure.compared].contains { ($0?.value ?? 0) >= least }
    }
    return row("", "A", name, [Line(right("change", 11), .heading)], style: .heading)
      + shown.flatMap { figure in
        let change = right(figure.changeText, 11) + "  " + left(figure.factorText, 12) + "  "
        return row(
          figure.title, figure.text(figure.baseline), figure.text(figure.compared),
          figure.change == nil ? [] : [Line(change)] + noise(figure.noise), style: .plain)
      }
  }

  private func noise(_ noise: Noise?) -> [Line] {
    switch noise {
    case .exceeded: [Line("more than noise", .strong)]
    case .within: [Line("noise")]
    case .unknown: [Line("noise unknown", .heading)]
    case nil: []
    }
  }

  /// What a narrow terminal has no room for goes below.
  private func row(
    _ name: String, _ baseline: String, _ compared: String, _ change: [Line], style: Line.Style
  ) -> [Line] {
    var values = Line(left(name, 18))
    values.add(right(baseline, 10) + right(compared, 10), style)
    return Line.flow([values] + change, gap: "", indent: 2, columns: columns)
  }
}
