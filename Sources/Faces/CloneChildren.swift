import Histograms
import Reports

/// What became of the children, by parents.
extension CloneText {
  private static let shownParents = 5
  private static let parentNameWidth = 23

  func children(_ snapshot: CloneSnapshot) -> [Line] {
    guard let rows = snapshot.children?.prefix(Self.shownParents), !rows.isEmpty else { return [] }
    let title = "children of"
    let names = rows.map(name(of:))
    let widest = names.map { Faces.columns(of: $0) }.max() ?? 0
    let width = min(Self.parentNameWidth, max(widest, Faces.columns(of: title)))
    func line(_ cells: [String], name: Line.Style, figures: Line.Style) -> Line {
      var line = Line(left(clipped(cells[0], to: width, mark: bars.mark), width), name)
      line.add("  " + left(cells[1], 12), name)
      for (text, width) in zip(cells[2...], [6, 7, 11, 10, 9]) {
        line.add(right(text, width), figures)
      }
      return line
    }
    func median(_ part: HistogramPart) -> String {
      part.percentiles.p50.map(durationText(ns:)) ?? "-"
    }
    let heading = line(
      [title, "use", "count", "living", "exec after", "lived", "wrote"], name: .heading,
      figures: .heading)
    return [heading]
      + zip(names, rows).map { name, row in
        let fates = row.fates
        let wrote = fates.lived.count > 0 ? fates.writtenBytes.map(bytesText) : nil
        return line(
          [
            name, row.use.text, compactCountText(fates.born), compactCountText(fates.living),
            median(fates.execAfter), median(fates.lived), wrote ?? "-",
          ], name: .plain, figures: .strong)
      }
  }

  func name(of row: ChildrenPart) -> String {
    let name = escaped(row.comm)
    if let pid = row.pid { return "\(name) (\(pid))" }
    return "\(name) (\(compactCountText(row.processes)) processes)"
  }
}

extension ChildUse {
  /// As what children do.
  package var text: String {
    switch self {
    case .execAtOnce: "exec at once"
    case .serve: "serve"
    case .save: "save"
    case .other: "other"
    case .unknown: "unknown"
    }
  }
}
