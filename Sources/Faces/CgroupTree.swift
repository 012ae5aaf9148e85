package import Reports

/// The load averages of cgroups: each with all those below it.
package struct CgroupTree {
  let columns: Int
  let bars: BarStyle

  private final class Node {
    var name: String
    /// load1, load5 and load15.
    var loads = [0.0, 0.0, 0.0]
    /// Parts of load1.
    var runnable = 0.0
    var uninterruptible = 0.0
    var children: [String: Node] = [:]

    init(_ name: String) { self.name = name }

    func add(_ row: AttributionRow) {
      loads = zip(loads, [row.load1, row.load5, row.load15]).map(+)
      if row.state == .runnable {
        runnable += row.load1
      } else {
        uninterruptible += row.load1
      }
    }
  }

  private static let figure = 8
  private static let figures = 5
  /// So much shows as more than nothing.
  private static let least = 0.005

  /// A cgroup with all those below it, or what is of none.
  package struct Row {
    /// Escaped.
    package let name: String
    /// 0 for the root.
    package let depth: Int
    /// load1, load5 and load15.
    package let loads: [Double]
    /// Parts of load1; of what is of no cgroup, 0.
    package let runnable: Double
    package let uninterruptible: Double
  }

  /// - Parameter limit: how many cgroups there is room for.
  package static func rows(_ attribution: AttributionPart, limit: Int) -> [Row] {
    let root = Node("/")
    let others = Node("others")
    for row in attribution.rows {
      guard row.folded != true, let path = row.cgroup else {
        others.add(row)
        continue
      }
      var node = root
      node.add(row)
      // A cgroup whose path isn't known stands beside those of the root.
      for name in path.split(separator: "/").map(String.init) {
        let child = node.children[name] ?? Node(name)
        node.children[name] = child
        child.add(row)
        node = child
      }
    }
    var rows: [(depth: Int, node: Node)] = []
    walk(root, 0, into: &rows)
    // Whoever is above is at least as large.
    let kept = Set(
      rows.indices.sorted { (rows[$1].node.loads[0], $0) < (rows[$0].node.loads[0], $1) }
        .prefix(limit))
    let shown = rows.indices.filter { kept.contains($0) && rows[$0].node.loads[0] >= Self.least }
    func row(_ node: Node, depth: Int) -> Row {
      Row(
        name: escaped(node.name), depth: depth, loads: node.loads, runnable: node.runnable,
        uninterruptible: node.uninterruptible)
    }
    var named = shown.map { row(rows[$0].node, depth: rows[$0].depth) }
    if others.loads[0] >= Self.least { named.append(row(others, depth: 0)) }
    for (name, values) in [
      ("asleep, not yet dequeued", attribution.delayed), ("before this run", attribution.beforeRun),
      ("unattributed", attribution.unattributed),
    ] where abs(values.first ?? 0) >= Self.least {
      named.append(Row(name: name, depth: 0, loads: values, runnable: 0, uninterruptible: 0))
    }
    return named
  }

  /// - Parameter limit: how many cgroups there is room for.
  func lines(_ attribution: AttributionPart, limit: Int) -> [Line] {
    let named = Self.rows(attribution, limit: limit).map { row in
      (String(repeating: "  ", count: row.depth) + row.name, row)
    }
    let room = max(16, columns - Self.figure * Self.figures)
    let width = min(room, max(21, named.map { Faces.columns(of: $0.0) }.max() ?? 0))
    var heading = Line(left("load by cgroup", width), .heading)
    for name in ["load1", "load5", "load15", "R", "D"] {
      heading.add(right(name, Self.figure), .heading)
    }
    return [heading]
      + named.map { name, row in
        var line = Line(left(clipped(name, to: width, mark: bars.mark), width))
        line.add(right(decimalText(row.loads[0], digits: 2), Self.figure), .strong)
        for value in row.loads.dropFirst() {
          line.add(right(decimalText(value, digits: 2), Self.figure))
        }
        for value in [row.runnable, row.uninterruptible] {
          line.add(right(value >= Self.least ? decimalText(value, digits: 2) : "", Self.figure))
        }
        return line
      }
  }

  /// Depth first, the largest first. One that holds nothing but another is shown with that on one line.
  private static func walk(_ node: Node, _ depth: Int, into rows: inout [(depth: Int, node: Node)])
  {
    var node = node
    while depth > 0, node.children.count == 1, let only = node.children.values.first,
      only.loads == node.loads
    {
      only.name = "\(node.name)/\(only.name)"
      node = only
    }
    rows.append((depth, node))
    let children = node.children.values.sorted {
      ($1.loads[0], $0.name) < ($0.loads[0], $1.name)
    }
    for child in children { walk(child, depth + 1, into: &rows) }
  }
}
