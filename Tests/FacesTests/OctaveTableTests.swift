import Histograms
import Testing

import Faces
import Support

/// Histograms on one axis.
struct OctaveTableTests {
  static func octaves(_ values: [UInt64]) -> [Histogram.Bucket] {
    var histogram = Histogram()
    for value in values { histogram.record(value) }
    return histogram.octaves
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func nothingIsLeftOut(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let histograms = (0..<4).map { _ in
      (0..<Int.random(in: 0...50, using: &random)).map { _ in
        random.next() >> UInt64.random(in: 0...63, using: &random)
      }
    }
    for limit in [1, 2, 10, 24, 100] {
      let table = OctaveTable(histograms.map(Self.octaves), limit: limit)
      #expect(table.rows.count <= limit)
      for (index, values) in histograms.enumerated() {
        #expect(table.rows.reduce(0) { $0 + $1.counts[index] } == UInt64(values.count))
        for row in table.rows {
          let inside = values.filter { value in
            (row.lo ?? 0) <= value && (row.hi.map { value < $0 } ?? true)
          }
          #expect(row.counts[index] == UInt64(inside.count))
        }
      }
    }
  }

  @Test func emptyOctavesBetweenKeepTheirPlace() {
    let table = OctaveTable([Self.octaves([0, 9]), Self.octaves([3])], limit: 24)
    #expect(table.rows.map(\.lo) == [0, 2, 4, 8])
    #expect(table.rows.map(\.hi) == [1, 4, 8, 16])
    #expect(table.rows.map(\.counts) == [[1, 0], [0, 1], [0, 0], [1, 0]])
  }

  @Test func whatHoldsLeastIsFolded() {
    let octaves = [
      Self.octaves([0, 1, 2, 2, 2, 9, 9, 17]), Self.octaves([2, 40, 40, 40]),
    ]
    let table = OctaveTable(octaves, limit: 4)
    #expect(table.rows.map(\.lo) == [nil, 4, 8, 16])
    #expect(table.rows.map(\.hi) == [4, 8, 16, nil])
    #expect(table.rows.map(\.counts) == [[5, 1], [0, 0], [2, 0], [1, 3]])
    #expect(OctaveTable(octaves, limit: 2).rows.map(\.hi) == [16, nil])
    let one = OctaveTable(octaves, limit: 1).rows
    #expect(one.map(\.lo) == [nil] && one.map(\.hi) == [nil] && one.map(\.counts) == [[8, 4]])
  }

  @Test func labels() {
    let table = OctaveTable([Self.octaves([0, 1, 1, 2, 2, 9, 17])], limit: 3)
    let lines = table.lines(headings: ["x"], columns: 40, bars: .ascii)
      .map { $0.text(columns: 40, color: false, mark: "") }
    #expect(
      lines == [
        "                       x", "               < 2 ns  ###########     3",
        "     2 ns -      4 ns  #######         2", "              >= 4 ns  #######         2",
      ])
  }

  @Test func barsAreInEighths() {
    #expect(BarStyle.blocks.bar(0, of: 8, width: 2) == "  ")
    #expect(BarStyle.blocks.bar(1, of: 1_000_000, width: 2) == "▏ ")
    #expect(BarStyle.blocks.bar(9, of: 16, width: 2) == "█▏")
    #expect(BarStyle.blocks.bar(16, of: 16, width: 2) == "██")
    #expect(BarStyle.ascii.bar(1, of: 1_000_000, width: 2) == "# ")
    #expect(BarStyle.ascii.bar(.max, of: .max, width: 2) == "##")
  }
}
