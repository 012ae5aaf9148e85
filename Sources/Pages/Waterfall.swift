import Faces
import Reports

/// The phases of a clone, one after the other.
struct Waterfall {
  private let phases: [PhasePart]
  private let clones: UInt64

  init(_ whole: CloneSnapshot) {
    phases = whole.phases.filter { $0.share ?? 0 > 0 }
    clones = max(1, whole.histograms.clone.count)
  }

  private static let rowHeight = 26.0
  /// Of the names before the bars, and of the figures behind them.
  private static let names = 170.0
  private static let figures = 270.0

  var markup: Markup {
    guard !phases.isEmpty else { return "" }
    let room = StackedArea.width - Self.names - Self.figures
    let whole = max(1, phases.reduce(0) { $0 + ($1.share ?? 0) })
    var start = 0.0
    let rows = phases.enumerated().map { index, phase -> Markup in
      let (y, share) = (Double(index) * Self.rowHeight, (phase.share ?? 0) / whole)
      defer { start += share }
      let (x, width) = (Self.names + start * room, max(1, share * room))
      let percent = decimal((phase.share ?? 0) * 100)
      let unsure = phase.uncertaintyNs.map { " ± \(durationText(ns: $0 / clones))" } ?? ""
      let how = phase.how == .measured ? "" : ", \(phase.how.rawValue)"
      return """
        <g><title>\(phase.phase.text): \(durationText(ns: phase.ns)) total\(how)</title>\
        <text class="n" x="\(Self.names - 8)" y="\(y + 17)">\(phase.phase.text)</text>\
        <rect class="\(phase.phase.style)" x="\(x)" y="\(y + 4)" width="\(width)" height="\(Self.rowHeight - 8)"/>\
        <text x="\(x + width + 6)" y="\(y + 17)">\(durationText(ns: phase.ns / clones))\(unsure), \(percent) %\(how)</text></g>

        """
    }
    return """
      <figure id="phases-picture">
      <svg viewBox="0 0 \(StackedArea.width) \(Double(phases.count) * Self.rowHeight)" role="img" \
      aria-label="The phases of a clone, one after the other">
      \(rows)</svg>
      <figcaption>Time per clone, and share of all clones' time</figcaption>
      </figure>

      """
  }
}

extension ClonePhase {
  /// The class of its fill, in every picture the same.
  var style: String {
    let place = Self.allCases.firstIndex(of: self) ?? 0
    return place < 8 ? "b\(place)" : "rest"
  }
}
