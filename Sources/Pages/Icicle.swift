/// Parts of a whole, and parts of those below them, as wide as they are large.
struct Icicle {
  struct Node {
    var name: String
    /// With all below it.
    var value: Double = 0
    var children: [String: Node] = [:]

    init(_ name: String) { self.name = name }

    /// Adds to the whole, and to a part of a part of it.
    mutating func add(_ value: Double, to path: some Collection<String>) {
      self.value += value
      guard let name = path.first else { return }
      children[name, default: Node(name)].add(value, to: path.dropFirst())
    }
  }

  let id: String
  let label: String
  let root: Node
  /// How a value is written.
  let text: (Double) -> String

  private static let rowHeight = 22.0
  private static let width = StackedArea.width
  /// Of the whole; narrower ones are left out.
  private static let least = 0.001

  var markup: Markup {
    guard root.value > 0 else { return "" }
    var frames: [Markup] = []
    var depth = 0
    add(root, from: 0, depth: 0, to: &frames, &depth)
    return """
      <figure class="icicle" id="\(id)">
      <p class="tools"><label>Find <input type="search" autocomplete="off"></label> \
      <button type="button">Whole</button> <output></output></p>
      <svg viewBox="0 0 \(Self.width) \(Double(depth + 1) * Self.rowHeight)" role="img" aria-label="\(label)">
      \(frames)</svg>
      </figure>

      """
  }

  private func add(
    _ node: Node, from start: Double, depth: Int, to frames: inout [Markup], _ deepest: inout Int
  ) {
    deepest = max(deepest, depth)
    let share = node.value / root.value
    let (x, width) = (start * Self.width, share * Self.width)
    let room = Int((width - 8) / 7.2)
    let shown = room >= 3 ? String(node.name.prefix(room)) : ""
    let exact: Markup =
      "data-x=\"\(fraction(start))\" data-w=\"\(fraction(share))\" data-d=\"\(depth)\""
    frames.append(
      """
      <g class="frame d\(depth % 5)" tabindex="0" \(exact)>\
      <title>\(node.name): \(text(node.value)), \(percent(share))</title>\
      <rect x="\(x)" y="\(Double(depth) * Self.rowHeight)" width="\(max(0.5, width - 1))" \
      height="\(Self.rowHeight - 1)"/>\
      <text x="\(x + 4)" y="\(Double(depth) * Self.rowHeight + 15)" data-name="\(node.name)">\(shown)</text></g>

      """)
    var start = start
    for child in node.children.values.sorted(by: { ($1.value, $0.name) < ($0.value, $1.name) }) {
      if child.value / root.value >= Self.least {
        add(child, from: start, depth: depth + 1, to: &frames, &deepest)
      }
      start += child.value / root.value
    }
  }

  private func fraction(_ value: Double) -> String { decimal(value * 1000) }

  private func percent(_ share: Double) -> String { decimal((share * 1000).rounded() / 10) + " %" }
}
