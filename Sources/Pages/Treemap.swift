import Faces
import Reports

/// Mappings, each as large as what it stands for.
struct Treemap {
  struct Cell {
    var name: String
    var size: Double
    /// 0 to 4.
    var style: Int
    /// What is said of it where the pointer is over it.
    var title: String
  }

  let id: String
  let label: String
  let caption: String
  let cells: [Cell]

  /// - Parameter cells: those without a size are left out.
  init(id: String, _ label: String, caption: String, _ cells: [Cell]) {
    (self.id, self.label, self.caption) = (id, label, caption)
    self.cells = cells.filter { $0.size > 0 }.sorted { $0.size > $1.size }
  }

  /// The costliest mappings, each as large as the time that its page tables took.
  init(_ whole: CloneSnapshot) {
    self.init(
      id: "mappings-picture",
      "Mappings as large as the time that the copy of their page tables took",
      caption:
        "The costliest mappings: the area is the time that the copy of their page tables took.",
      whole.mappings.map { mapping in
        let name = mapping.name ?? mapping.type.text
        return Cell(
          name: name, size: Double(mapping.ns),
          style: (MappingType.allCases.firstIndex(of: mapping.type) ?? 0) % 5,
          title:
            "\(name) of \(mapping.comm) (\(mapping.pid)), \(mapping.type.text), \(mapping.range): "
            + "\(bytesText(mapping.bytes)), \(durationText(ns: mapping.ns)) in \(mapping.count) copies"
        )
      })
  }

  /// The mappings of a process, each as large as what is resident of it, by the size of its pages.
  init(_ process: CollapsedProcess, isDone: Bool) {
    self.init(
      id: "mappings-\(process.pid)", "Mappings as large as what is resident of them",
      caption:
        "The area is the resident memory, with how much of it is in huge pages\(isDone ? " now" : ""); "
        + "the rest is in pages of 4 KiB.",
      process.mappings.map { mapping in
        let huge = isDone ? max(mapping.hugeBytes, mapping.collapsed << 21) : mapping.hugeBytes
        let share = min(1, Double(huge) / Double(max(1, mapping.residentBytes)))
        let name = mapping.name.isEmpty ? "anonymous" : mapping.name
        let pages = share > 0 ? "\(decimalText(100 * share, digits: 0)) % huge" : "4 KiB pages"
        return Cell(
          name: "\(name): \(pages)", size: Double(mapping.residentBytes),
          style: share > 0.9 ? 1 : share > 0 ? 2 : 0,
          title:
            "\(name), \(mapping.range): \(bytesText(mapping.residentBytes)) resident, "
            + "\(bytesText(mapping.hugeBytes)) huge before, \(mapping.collapsed) of \(mapping.hugePages) "
            + "huge pages \(isDone ? "now" : "so far")" + (mapping.reason.map { ": \($0)" } ?? ""))
      })
  }

  private static let height = 260.0

  var markup: Markup {
    guard !cells.isEmpty else { return "" }
    var drawn: [Markup] = []
    let area = (x: 0.0, y: 0.0, width: StackedArea.width, height: Self.height)
    add(cells[...], area, to: &drawn)
    return """
      <figure id="\(id)">
      <svg viewBox="0 0 \(StackedArea.width) \(Self.height)" role="img" \
      aria-label="\(label)">
      \(drawn)</svg>
      <figcaption>\(caption)</figcaption>
      </figure>

      """
  }

  /// Halves by their sums, each time along the longer side.
  private func add(
    _ cells: ArraySlice<Cell>,
    _ area: (x: Double, y: Double, width: Double, height: Double), to drawn: inout [Markup]
  ) {
    guard cells.count > 1, let last = cells.indices.last else {
      if let only = cells.first { drawn.append(picture(of: only, area)) }
      return
    }
    let sum = cells.reduce(0) { $0 + $1.size }
    var (first, middle) = (0.0, cells.startIndex)
    repeat {
      first += cells[middle].size
      middle += 1
    } while middle < last && first + cells[middle].size / 2 < sum / 2
    let share = first / sum
    var (one, two) = (area, area)
    if area.width >= area.height {
      one.width *= share
      (two.x, two.width) = (area.x + one.width, area.width - one.width)
    } else {
      one.height *= share
      (two.y, two.height) = (area.y + one.height, area.height - one.height)
    }
    add(cells[..<middle], one, to: &drawn)
    add(cells[middle...], two, to: &drawn)
  }

  private func picture(
    of cell: Cell, _ area: (x: Double, y: Double, width: Double, height: Double)
  ) -> Markup {
    let room = Int((area.width - 8) / 7.2)
    let shown = area.height >= 16 && room >= 3 ? String(cell.name.prefix(room)) : ""
    return """
      <g class="frame d\(cell.style)"><title>\(cell.title)</title>\
      <rect x="\(area.x)" y="\(area.y)" width="\(max(0.5, area.width - 1))" height="\(max(0.5, area.height - 1))"/>\
      <text x="\(area.x + 4)" y="\(area.y + 15)">\(shown)</text></g>

      """
  }
}
