import Faces

/// Durations side by side: of the same thing before a change, and after it.
struct ComparedBars {
  struct Bar {
    var name: String
    var ns: UInt64
    /// Behind the bar, after its length.
    var note: String
  }

  let id: String
  let label: String
  let bars: [Bar]

  private static let rowHeight = 28.0
  private static let names = 250.0
  private static let notes = 250.0

  var markup: Markup {
    guard let most = bars.map(\.ns).max() else { return "" }
    let room = StackedArea.width - Self.names - Self.notes
    let rows = bars.enumerated().map { index, bar -> Markup in
      let y = Double(index) * Self.rowHeight
      let width = max(1, room * Double(bar.ns) / Double(max(1, most)))
      return """
        <g><text class="n" x="\(Self.names - 8)" y="\(y + 19)">\(bar.name)</text>\
        <rect class="\(index == 0 ? "rest" : "b0")" x="\(Self.names)" y="\(y + 5)" width="\(width)" \
        height="\(Self.rowHeight - 10)"/>\
        <text x="\(Self.names + width + 6)" y="\(y + 19)">\(durationText(ns: bar.ns))\(bar.note)</text></g>

        """
    }
    return """
      <figure id="\(id)">
      <svg viewBox="0 0 \(StackedArea.width) \(Double(bars.count) * Self.rowHeight)" role="img" aria-label="\(label)">
      \(rows)</svg>
      <figcaption>\(label)</figcaption>
      </figure>

      """
  }
}
