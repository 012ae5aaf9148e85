import Reports

/// Who waited for a CPU, and who ran meanwhile.
struct CulpritText {
  let columns: Int
  let bars: BarStyle
  /// Waits of less than this part of the interval bother nobody.
  private static let least: UInt64 = 20
  private static let figure = 9

  /// - Parameter limit: how many processes there is room for.
  func lines(_ waits: [CPUWaitPart], intervalNs: UInt64, limit: Int) -> [Line] {
    let shown = waits.filter { $0.process != nil && $0.waitNs >= intervalNs / Self.least }
      .prefix(limit)
    guard !shown.isEmpty else { return [] }
    let names = shown.map { escaped($0.label) }
    let width = min(28, max(18, names.map { Faces.columns(of: $0) }.max() ?? 0))
    var heading = Line(left("waited for a CPU", width), .heading)
    heading.add(right("for", Self.figure) + "  while these ran", .heading)
    return [heading]
      + zip(shown, names).map { wait, name in
        var line = Line(left(clipped(name, to: width, mark: bars.mark), width))
        line.add(right(durationText(ns: wait.waitNs), Self.figure), .strong)
        line.add("  " + culprits(wait, room: columns - width - Self.figure - 2))
        return line
      }
  }

  /// As many as there is room for, the first in any case.
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
