import Faces
import Histograms

/// Histograms one after the other: a column each, a row for each power of two, the shade by how many values
/// there are.
struct HeatMap {
  let depth: ColorDepth
  let bars: BarStyle
  /// Columns of the labels before it.
  static let labelWidth = 10

  /// - Parameters:
  ///   - histograms: their octaves, the oldest first.
  ///   - width: columns, of which the newest have the last.
  ///   - height: rows at most.
  ///   - selected: which of the histograms is marked below.
  /// - Returns: lines of text, the highest values in the first.
  func lines(
    _ histograms: [Octaves], width: Int, height: Int, selected: Int
  ) -> [String] {
    let room = max(1, width - Self.labelWidth)
    let first = Self.firstShown(of: histograms.count, room: room, selected: selected)
    let shown = histograms[first..<min(histograms.count, first + room)].map(\.counts)
    let highest = (shown.map(\.count).max() ?? 0) - 1
    guard highest >= 0 else {
      return [clipped("nothing recorded yet", to: width, mark: "")]
    }
    // Next to nothing is between zeros and what is measured in microseconds.
    let lowest: Int =
      (1...max(1, highest)).first { place in
        shown.contains { place < $0.count && $0[place] > 0 }
      } ?? 0
    let hasZeros = lowest > 0 && height > 2 && shown.contains { ($0.first ?? 0) > 0 }
    let rows = max(1, min(height - (hasZeros ? 2 : 1), highest - lowest + 1))
    // What lies below the rows that there is room for is in the lowest.
    let bottom = highest - rows + 1
    func count(_ column: [UInt64], _ place: Int) -> UInt64 {
      guard place == bottom else { return place < column.count ? column[place] : 0 }
      return column.prefix(bottom + 1).dropFirst(hasZeros ? 1 : 0).reduce(0, +)
    }
    let shades = Shades(depth: depth, bars: bars)
    let shownPlaces = (hasZeros ? [0] : []) + (bottom...highest)
    let most = shown.flatMap { column in shownPlaces.map { count(column, $0) } }.max() ?? 0
    var lines = shownPlaces.reversed().map { place in
      let isFolded = place == bottom && place > 0 && lowest < bottom
      let start = Octaves.first(place)
      let edge =
        isFolded ? "<" + durationText(ns: 1 << UInt64(min(63, place))) : durationText(ns: start)
      let label =
        String(repeating: " ", count: max(0, Self.labelWidth - 1 - edge.count)) + edge + " "
      return label
        + shades.line(
          shown.map { HeatMapShade.of(count($0, place), most: most, shades: shades.count) })
    }
    let mark = bars == .blocks ? "▲" : "^"
    lines.append(
      String(repeating: " ", count: Self.labelWidth + max(0, selected - first)) + mark)
    // No terminal is so narrow, but one may be made so.
    return width > Self.labelWidth ? lines : [clipped("too narrow", to: width, mark: "")]
  }

  /// Of so many the first that is shown: the last ones, but where an older one is selected.
  static func firstShown(of count: Int, room: Int, selected: Int) -> Int {
    max(0, min(count - room, selected))
  }
}
