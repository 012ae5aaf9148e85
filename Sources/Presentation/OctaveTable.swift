package import Histograms

/// Histograms side by side on one axis: a row per power of two.
package struct OctaveTable {
  package struct Row: Equatable {
    /// The first value of the row, ns; nil for all below `hi`.
    package var lo: UInt64?
    /// The first value beyond.
    package var hi: UInt64
    /// One count per histogram.
    package var counts: [UInt64]
  }

  package let rows: [Row]

  /// From the lowest octave that holds something to the highest, zero apart from them; of more
  /// than `limit` the lowest become one.
  package init(_ histograms: [[Histogram.Bucket]], limit: Int) {
    let octaves = histograms.map { buckets in
      Dictionary(buckets.map { (Self.place($0), $0.count) }) { $0 + $1 }
    }
    let places = octaves.flatMap(\.keys)
    guard let lowest = places.min(), let highest = places.max() else {
      rows = []
      return
    }
    func counts(_ places: ClosedRange<Int>) -> [UInt64] {
      octaves.map { octave in places.reduce(0) { $0 + (octave[$1] ?? 0) } }
    }
    // Zeros are common, and next to nothing is between them and what is measured in microseconds.
    let axis = (places.filter { $0 > 0 }.min() ?? 0)...highest
    var all = Array(axis)
    if lowest < axis.lowerBound { all.insert(lowest, at: 0) }
    let rest = all.count > limit ? all[all.count - limit] : nil
    rows = all.suffix(limit).map { place in
      Row(
        lo: place == rest ? nil : place == 0 ? 0 : 1 << UInt64(place - 1),
        hi: place == 64 ? .max : 1 << UInt64(place),
        counts: counts(place == rest ? lowest...place : place...place))
    }
  }

  /// How many bits the values of an octave have.
  private static func place(_ octave: Histogram.Bucket) -> Int {
    64 - octave.lo.leadingZeroBitCount
  }

  /// Columns of a row's label.
  static let labelWidth = 21

  /// The table, or a line that says there is nothing in it.
  package func lines(headings: [String], columns: Int, bars: BarStyle) -> [Line] {
    guard !rows.isEmpty else { return [Line("nothing recorded yet", .heading)] }
    let field = max(0, (columns - Self.labelWidth) / max(1, headings.count))
    // Two blanks, the bar, a blank, a count of up to 5; bars shorter than 2 tell nothing.
    let bar = field - 8 >= 2 ? field - 8 : 0
    let width = bar > 0 ? bar + 8 : 6
    let largest = headings.indices.map { index in rows.map { $0.counts[index] }.max() ?? 0 }

    var heading = Line(left("", Self.labelWidth))
    for text in headings {
      let title = clipped(text, to: bar > 0 ? width - 2 : width - 1, mark: bars.mark)
      heading.add(bar > 0 ? left("  " + title, width) : right(title, width), .heading)
    }
    return [heading]
      + rows.map { row in
        var line = Line(label(row), .heading)
        for (count, largest) in zip(row.counts, largest) {
          if bar > 0 { line.add("  " + bars.bar(count, of: largest, width: bar)) }
          line.add(right(count == 0 ? "" : compactCountText(count), 6))
        }
        return line
      }
  }

  private func label(_ row: Row) -> String {
    if row.lo == 0 { return right("0 ns", Self.labelWidth) }
    let hi = right(durationText(ns: row.hi), 9)
    guard let lo = row.lo else { return right("< " + durationText(ns: row.hi), Self.labelWidth) }
    return right(durationText(ns: lo), 9) + " - " + hi
  }
}
