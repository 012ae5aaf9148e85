package import Histograms

/// Histograms side by side on one axis: a row per power of two.
package struct OctaveTable {
  package struct Row: Equatable {
    /// The first value of the row, ns; nil for all below `hi`.
    package var lo: UInt64?
    /// The first value beyond; nil for all from `lo` on.
    package var hi: UInt64?
    /// One count per histogram.
    package var counts: [UInt64]
  }

  package let rows: [Row]

  /// From the lowest octave that holds something to the highest, zero apart from them; of more
  /// than `limit` those at the ends that hold the least become one.
  package init(_ histograms: [[Histogram.Bucket]], limit: Int) {
    let octaves = histograms.map { buckets in
      Dictionary(buckets.map { (Self.place($0), $0.count) }) { $0 + $1 }
    }
    let places = Set(octaves.flatMap(\.keys))
    guard let highest = places.max() else {
      rows = []
      return
    }
    // Zeros are common, and next to nothing is between them and what is measured in microseconds.
    let axis = (places.filter { $0 > 0 }.min() ?? 0)...highest
    var all = (places.contains(0) && axis.lowerBound > 0 ? [0] : []) + axis
    var (below, above) = (false, false)
    let totals = octaves.map { octave in Double(octave.values.reduce(0) { $0 + $1 }) }
    var counts = all.map { place in octaves.map { $0[place] ?? 0 } }
    /// How much of what is recorded, each histogram counting the same.
    func share(_ counts: [UInt64]) -> Double {
      zip(counts, totals).reduce(0) { $1.1 > 0 ? $0 + Double($1.0) / $1.1 : $0 }
    }
    while counts.count > max(1, limit) {
      let atBottom = share(counts[0]) <= share(counts[counts.count - 1])
      let folded = atBottom ? counts.removeFirst() : counts.removeLast()
      let neighbour = atBottom ? 0 : counts.count - 1
      counts[neighbour] = zip(counts[neighbour], folded).map { $0 + $1 }
      if atBottom { all.removeFirst() } else { all.removeLast() }
      if atBottom { below = true } else { above = true }
    }
    rows = zip(all, counts).map { place, counts in
      Row(
        lo: below && place == all.first ? nil : place == 0 ? 0 : 1 << UInt64(place - 1),
        hi: above && place == all.last || place == 64 ? nil : 1 << UInt64(place),
        counts: counts)
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
    let text =
      switch (row.lo, row.hi) {
      case (nil, nil): "all"
      case (nil, let hi?): "< " + durationText(ns: hi)
      case (let lo?, nil): ">= " + durationText(ns: lo)
      case (0, _): "0 ns"
      case (let lo?, let hi?): durationText(ns: lo) + " - " + right(durationText(ns: hi), 9)
      }
    return right(text, Self.labelWidth)
  }
}
