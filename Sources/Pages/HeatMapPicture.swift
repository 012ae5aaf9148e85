import Faces
import Histograms
import Reports

/// Histograms one after the other: a column each, a row for each power of two, the shade by how many values
/// there are, as on the screen.
struct HeatMapPicture {
  let id: String
  let label: String
  let histograms: [Octaves]
  let times: [String]

  private static let rowHeight = 14.0
  private static let shades = 8

  var markup: Markup {
    let columns = histograms.map(\.counts)
    guard let highest = columns.map(\.count).max(), highest > 0 else { return "" }
    let lowest: Int =
      (0..<highest).first { row in columns.contains { Self.count($0, row) > 0 } } ?? 0
    // Between nothing and what takes microseconds there is nothing.
    let second: Int =
      lowest == 0
      ? (1..<highest).first { row in columns.contains { Self.count($0, row) > 0 } } ?? highest
      : lowest
    let rows = (lowest == 0 ? [0] : []) + Array(second..<highest)
    let most = rows.flatMap { row in columns.map { Self.count($0, row) } }.max() ?? 1
    let height = Double(rows.count) * Self.rowHeight
    let scale = (StackedArea.width - StackedArea.left) / Double(columns.count)
    let data = PictureData(
      times: times, rows: rows.map { durationText(ns: Octaves.first($0)) },
      counts: columns.map { column in rows.map { Self.count(column, $0) } })
    return """
      <figure class="time" id="\(id)">
      <svg viewBox="0 0 \(StackedArea.width) \(height + 24)" role="img" aria-label="\(label)" \
      data-left="\(StackedArea.left)" data-rows="\(Self.rowHeight)">
      \(labels(rows, height))<g class="map" transform="translate(\(StackedArea.left) \(height)) \
      scale(\(Markup(stringLiteral: "\(scale)")) \(-Self.rowHeight))">
      \(paths(columns, rows, most))</g>
      \(TimeAxis(times: times, y: height).markup)<line class="cursor" y2="\(height)"/>
      </svg>
      <figcaption>\(scaleKey(most))</figcaption>
      <p class="readout" aria-live="polite"></p>
      \(data.markup)</figure>

      """
  }

  private static func count(_ column: [UInt64], _ row: Int) -> UInt64 {
    row < column.count ? column[row] : 0
  }

  private func labels(_ rows: [Int], _ height: Double) -> Markup {
    Markup(
      rows.enumerated().map { place, row -> Markup in
        let y = height - (Double(place) + 0.5) * Self.rowHeight + 4
        return """
          <text class="axis n" x="\(StackedArea.left - 6)" y="\(y)">\(durationText(ns: Octaves.first(row)))</text>

          """
      })
  }

  /// One a shade, all its cells in a row as one stroke.
  private func paths(_ columns: [[UInt64]], _ rows: [Int], _ most: UInt64) -> Markup {
    var paths = [String](repeating: "", count: Self.shades)
    for (place, row) in rows.enumerated() {
      var column = 0
      while column < columns.count {
        let shade = shade(Self.count(columns[column], row), most)
        let start = column
        repeat {
          column += 1
        } while column < columns.count
          && self.shade(Self.count(columns[column], row), most) == shade
        if let shade { paths[shade] += "M\(start) \(place).5h\(column - start)" }
      }
    }
    return Markup(
      paths.enumerated().filter { !$0.element.isEmpty }.map { shade, path -> Markup in
        "<path class=\"s\(shade)\" d=\"\(path)\"/>\n"
      })
  }

  private func shade(_ count: UInt64, _ most: UInt64) -> Int? {
    HeatMapShade.of(count, most: most, shades: Self.shades)
  }

  private func scaleKey(_ most: UInt64) -> Markup {
    let cells = (0..<Self.shades).map { shade -> Markup in
      "<path class=\"s\(shade)\" d=\"M\(shade) .5h1\"/>"
    }
    return """
      1 <svg class="scale" viewBox="0 0 8 1" preserveAspectRatio="none"><g class="map">\(cells)</g></svg> \
      \(countText(most)) per cell
      """
  }
}
