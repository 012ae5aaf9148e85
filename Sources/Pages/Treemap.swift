import Faces
import Reports

/// The costliest mappings, each as large as the time that its page tables took.
struct Treemap {
  private let mappings: [MappingPart]

  init(_ whole: CloneSnapshot) {
    mappings = whole.mappings.filter { $0.ns > 0 }.sorted { $0.ns > $1.ns }
  }

  private static let height = 260.0

  var markup: Markup {
    guard !mappings.isEmpty else { return "" }
    var cells: [Markup] = []
    let area = (x: 0.0, y: 0.0, width: StackedArea.width, height: Self.height)
    add(mappings[...], area, to: &cells)
    return """
      <figure id="mappings-picture">
      <svg viewBox="0 0 \(StackedArea.width) \(Self.height)" role="img" \
      aria-label="Mappings as large as the time that the copy of their page tables took">
      \(cells)</svg>
      <figcaption>The costliest mappings: the area is the time that the copy of their page tables took.</figcaption>
      </figure>

      """
  }

  /// Halves by their sums, each time along the longer side.
  private func add(
    _ mappings: ArraySlice<MappingPart>,
    _ area: (x: Double, y: Double, width: Double, height: Double), to cells: inout [Markup]
  ) {
    guard mappings.count > 1, let last = mappings.indices.last else {
      if let only = mappings.first { cells.append(cell(only, area)) }
      return
    }
    let sum = mappings.reduce(0) { $0 + Double($1.ns) }
    var (first, middle) = (0.0, mappings.startIndex)
    repeat {
      first += Double(mappings[middle].ns)
      middle += 1
    } while middle < last && first + Double(mappings[middle].ns) / 2 < sum / 2
    let share = first / sum
    var (one, two) = (area, area)
    if area.width >= area.height {
      one.width *= share
      (two.x, two.width) = (area.x + one.width, area.width - one.width)
    } else {
      one.height *= share
      (two.y, two.height) = (area.y + one.height, area.height - one.height)
    }
    add(mappings[..<middle], one, to: &cells)
    add(mappings[middle...], two, to: &cells)
  }

  private func cell(
    _ mapping: MappingPart, _ area: (x: Double, y: Double, width: Double, height: Double)
  ) -> Markup {
    let style = (MappingType.allCases.firstIndex(of: mapping.type) ?? 0) % 5
    let name = mapping.name ?? mapping.type.text
    let room = Int((area.width - 8) / 7.2)
    let shown = area.height >= 16 && room >= 3 ? String(name.prefix(room)) : ""
    let size =
      "\(bytesText(mapping.bytes)), \(durationText(ns: mapping.ns)) in \(mapping.count) copies"
    return """
      <g class="frame d\(style)"><title>\(name) of \(mapping.comm) (\(mapping.pid)), \(mapping.type.text), \
      \(mapping.range): \(size)</title>\
      <rect x="\(area.x)" y="\(area.y)" width="\(max(0.5, area.width - 1))" height="\(max(0.5, area.height - 1))"/>\
      <text x="\(area.x + 4)" y="\(area.y + 15)">\(shown)</text></g>

      """
  }
}
