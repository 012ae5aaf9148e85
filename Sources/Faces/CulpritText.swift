import Reports

/// Who waited for a CPU, and what delayed them.
struct CulpritText {
  let columns: Int
  let bars: BarStyle
  /// Waits shorter than 1/20 of the interval aren't worth a line.
  private static let leastShare: UInt64 = 20
  private static let figure = 9

  /// - Parameter limit: how many processes there is room for.
  func lines(_ waits: [CPUWaitPart], intervalNs: UInt64, limit: Int) -> [Line] {
    let shown = waits.filter { !$0.isRest && $0.waitNs >= intervalNs / Self.leastShare }
      .prefix(limit)
    guard !shown.isEmpty else { return [] }
    let names = shown.map { escaped($0.label) }
    let width = min(28, max(18, names.map { Faces.columns(of: $0) }.max() ?? 0))
    var heading = Line(left("waited for a CPU", width), .heading)
    heading.add(right("total", Self.figure) + "  delayed by", .heading)
    return [heading]
      + zip(shown, names).map { wait, name in
        var line = Line(left(clipped(name, to: width, mark: bars.mark), width))
        line.add(right(durationText(ns: wait.waitNs), Self.figure), .strong)
        line.add("  " + culprits(wait, room: columns - width - Self.figure - 2))
        return line
      }
  }

  /// As many as fit, but at least one.
  private func culprits(_ wait: CPUWaitPart, room: Int) -> String {
    var text = ""
    for culprit in wait.culprits where culprit.ns >= max(1, wait.waitNs / 100) {
      let percent = decimalText(100 * Double(culprit.ns) / Double(wait.waitNs), digits: 0)
      let more = (text.isEmpty ? "" : ", ") + "\(percent) % \(escaped(culprit.label))"
      guard text.isEmpty || Faces.columns(of: text + more) <= room else { break }
      text += more
    }
    return clipped(text, to: max(1, room), mark: bars.mark)
  }
}
