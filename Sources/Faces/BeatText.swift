import Reports

/// Bursts that the kernel's load samples hit for a while and then miss.
struct BeatText {
  let columns: Int
  let bars: BarStyle
  /// Columns of all but the name.
  private static let figures = 9 + 9 + 7 + 8 + 2 + 22

  /// - Parameters:
  ///   - end: of the report, ISO 8601.
  ///   - limit: how many there is room for.
  func lines(_ beats: [BeatPart], at end: String, limit: Int) -> [Line] {
    guard !beats.isEmpty, limit > 0 else { return [] }
    let width = max(18, columns - Self.figures)
    var heading = Line(left("bursts hit by samples", width), .heading)
    heading.add(
      right("every", 9) + right("for", 9) + right("tasks", 7) + right("load1", 8) + "  next",
      .heading)
    return [heading]
      + beats.prefix(limit).map { beat in
        var line = Line(left(clipped(escaped(beat.label), to: width, mark: bars.mark), width))
        line.add(
          right(durationText(ns: beat.periodNs), 9) + right(durationText(ns: beat.burstNs), 9))
        line.add(right(decimalText(beat.tasks, digits: 1), 7))
        let rise =
          beat.load1 < 1000
          ? decimalText(beat.load1, digits: 2) : compactCountText(UInt64(clamping: beat.load1))
        line.add(right("+" + rise, 8), .strong)
        line.add("  " + next(beat, end))
        return line
      }
  }

  private func next(_ beat: BeatPart, _ end: String) -> String {
    func isToday(_ time: String) -> Bool { time.prefix(10) == end.prefix(10) }
    func shown(_ time: String) -> String {
      isToday(time)
        ? timeOfDay(time)
        : clipped(
          escaped(String(time.dropFirst(5).prefix(11)).replacing("T", with: " ")), to: 11,
          mark: bars.mark)
    }
    guard let begins = beat.begins else { return "never" }
    guard let ends = beat.ends, let lasts = beat.lastsNs else {
      return beat.now ? "always" : shown(begins)
    }
    if beat.now { return "now, until \(shown(ends))" }
    return shown(begins) + (isToday(begins) ? " for \(durationText(ns: lasts))" : "")
  }
}
