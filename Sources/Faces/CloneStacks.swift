import Reports

/// Where clones are called from, and advice.
extension CloneText {
  private static let shownStacks = 5
  /// The outermost frames are `main` and loops of events; of what matters these are enough.
  private static let shownFrames = 12

  func stacks(_ snapshot: CloneSnapshot) -> [Line] {
    guard !snapshot.stacks.isEmpty else { return [] }
    let clones = snapshot.histograms.clone
    let shown = snapshot.stacks.prefix(Self.shownStacks)
    let names = shown.map { clipped(escaped($0.comm), to: 26, mark: bars.mark) }
    let width = max(11, names.map { Faces.columns(of: $0) }.max() ?? 0)
    var heading = Line(left("call stacks", width), .heading)
    for title in ["clones", "each", "share"] { heading.add(right(title, 10), .heading) }
    var lines = [heading]
    for (stack, name) in zip(shown, names) {
      var line = Line(left(name, width))
      line.add(right(compactCountText(stack.count), 10), .strong)
      line.add(right(durationText(ns: stack.ns / max(1, stack.count)), 10), .strong)
      line.add(right(percentText(min(stack.ns, clones.sum), of: clones.sum), 10), .strong)
      lines += [line] + frames(stack.frames)
    }
    return lines
  }

  /// Callers before what they call, so that the call itself ends the line: "main <- run <- fork".
  func frames(_ frames: [String]) -> [Line] {
    guard !frames.isEmpty else { return [Line("    no user stack", .heading)] }
    var names = frames.prefix(Self.shownFrames).map { escaped($0) }
    if frames.count > Self.shownFrames { names.append(bars.mark) }
    let items = names.reversed().enumerated().map { Line(($0 == 0 ? "    " : "<- ") + $1) }
    return Line.flow(items, gap: " ", indent: 4, columns: columns)
  }

  func advice(_ advice: [AdvicePart], withEvidence: Bool) -> [Line] {
    guard !advice.isEmpty else { return [] }
    return [Line("advice", .heading)]
      + advice.flatMap { part in
        Line.paragraph(part.text, first: "* ", .strong, columns: columns)
          + (withEvidence ? part.evidence : []).flatMap {
            Line.paragraph($0, first: "  - ", columns: columns)
          }
          + [("run: ", part.command), ("then: ", part.check)].flatMap { first, command in
            command.map { Line.paragraph($0, first: "    " + first, columns: columns) } ?? []
          }
      }
  }
}
