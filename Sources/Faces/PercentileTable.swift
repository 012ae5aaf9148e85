import Reports

/// How durations are spread, in figures: a row per histogram.
struct PercentileTable {
  private struct Column {
    let title: String
    let width: Int
    /// The first to go where there is no room.
    let rank: Int
    let text: (HistogramPart) -> String
  }

  private static func duration(_ ns: UInt64?) -> String { ns.map { durationText(ns: $0) } ?? "-" }

  private static var allColumns: [Column] {
    [
      Column(title: "count", width: 12, rank: 1) { part in
        let full = countText(part.count)
        return full.utf8.count < 12 ? full : compactCountText(part.count)
      },
      Column(title: "p50", width: 10, rank: 2) { duration($0.percentiles.p50) },
      Column(title: "p90", width: 10, rank: 5) { duration($0.percentiles.p90) },
      Column(title: "p99", width: 10, rank: 3) { duration($0.percentiles.p99) },
      Column(title: "p99.9", width: 10, rank: 4) { duration($0.percentiles.p999) },
      Column(title: "max", width: 10, rank: 0) { duration($0.max) },
    ]
  }

  static func lines(_ rows: [(name: String, part: HistogramPart)], columns limit: Int) -> [Line] {
    let nameWidth = rows.map { Faces.columns(of: $0.name) }.max() ?? 0
    var columns = allColumns
    while columns.count > 1, columns.reduce(nameWidth, { $0 + $1.width }) > limit {
      let last = columns.map(\.rank).max()
      columns.removeAll { $0.rank == last }
    }
    var heading = Line(left("", nameWidth))
    for column in columns { heading.add(right(column.title, column.width), .heading) }
    return [heading]
      + rows.map { row in
        var line = Line(left(row.name, nameWidth))
        for column in columns {
          line.add(right(column.text(row.part), column.width), .strong)
        }
        return line
      }
  }
}
