import Reports

/// What was copied after forks, as children and parents wrote.
extension CloneText {
  private static let shownParents = 3
  private static let figureWidth = 12

  func copyOnWrite(_ snapshot: CloneSnapshot) -> [Line] {
    let parents = (snapshot.children ?? []).compactMap { parent in
      parent.copyOnWrite.map { (parent: parent, copies: $0) }
    }.sorted { $0.copies.copiedBytes > $1.copies.copiedBytes }.prefix(Self.shownParents)
    guard !parents.isEmpty else { return [] }
    return [line(["copy-on-write", "faults", "copied", "per fork"], .heading)]
      + parents.flatMap { rows(of: $0.parent, $0.copies) }
      + (snapshot.pageCopies.map(places) ?? [])
  }

  private static let shownMappings = 4
  private static let shownWriters = 3

  /// Of a path.
  private static func lastPart(_ name: String) -> String {
    name.hasPrefix("/") ? String(name.split(separator: "/").last ?? "/") : name
  }

  /// Where it was copied, and by whose writes.
  private func places(_ copies: PageCopiesPart) -> [Line] {
    let isOne = Set(copies.mappings.map(\.pid)).count == 1
    let mappings = copies.mappings.prefix(Self.shownMappings).map { mapping in
      let name = mapping.name.map(Self.lastPart) ?? mapping.range ?? "unknown mapping"
      var title = "  in " + escaped(name)
      if mapping.by == .child { title += ", by a child" }
      if !isOne { title += " of \(escaped(mapping.comm)) (\(mapping.pid))" }
      return line([title, "", "~" + bytesText(mapping.copiedBytes), ""], .plain)
    }
    return mappings
      + copies.stacks.prefix(Self.shownWriters).flatMap { stack in
        [
          line(
            [
              "  written by\(stack.by == .child ? " a child" : "") \(escaped(stack.comm))", "",
              "~" + bytesText(stack.copiedBytes), "",
            ], .plain)
        ] + frames(stack.frames)
      }
  }

  private func rows(of parent: ChildrenPart, _ copies: CopyOnWritePart) -> [Line] {
    func row(_ name: String, _ faults: WriteFaultsPart) -> [Line] {
      guard faults.faults > 0 else { return [] }
      let each = copies.forks > 0 ? bytesText(faults.copiedBytes / copies.forks) : "-"
      return [
        line(
          [name, compactCountText(faults.faults), bytesText(faults.copiedBytes), each], .plain)
      ]
    }
    var lines =
      row(name(of: parent), copies.parents)
      + row("  its children, until their exec", copies.children)
    if copies.mostBytes > 0 {
      lines.append(line(["  most for one fork", "", bytesText(copies.mostBytes), ""], .plain))
    }
    if let left = copies.leftBytes {
      lines.append(line(["  left under the cgroup limit", "", bytesText(left), ""], .plain))
    }
    return lines
  }

  private func line(_ cells: [String], _ style: Line.Style) -> Line {
    let width = max(20, columns - 3 * Self.figureWidth)
    var line = Line(left(clipped(cells[0], to: width, mark: bars.mark), width), style)
    for cell in cells[1...] { line.add(right(cell, Self.figureWidth), style) }
    return line
  }
}

extension CopyOnWritePart {
  fileprivate var copiedBytes: UInt64 {
    let (sum, overflow) = children.copiedBytes.addingReportingOverflow(parents.copiedBytes)
    return overflow ? .max : sum
  }
}
