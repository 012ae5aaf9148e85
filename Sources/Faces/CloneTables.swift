package import Reports

/// What a clone's time goes to, and the costliest of it.
extension CloneText {
  /// How many of a list are shown; it begins with what matters most.
  private static let shown = 5
  /// Columns of "52.0 ms" or "100.0 %" and the gap before it.
  private static let figureWidth = 10
  private static let nameWidthLimit = 28

  /// A duration, all clones together, as one clone's share of it; as it is where none has ended.
  private func perClone(_ ns: UInt64, _ snapshot: CloneSnapshot) -> String {
    durationText(ns: ns / max(1, snapshot.histograms.clone.count))
  }

  // MARK: - Tables with bars

  struct Row {
    let name: String
    let time: String
    /// Nil: of something else than the clones' time.
    let share: Double?
    var hasBar = true
    let note: String
  }

  /// Columns of a row's name, the same for both tables.
  private func nameWidth(_ snapshot: CloneSnapshot) -> Int {
    let names =
      snapshot.phases.map(\.phase.text) + snapshot.steps.map(name(of:))
      + shownMappings(snapshot).map(\.type.text)
    return min(Self.nameWidthLimit, max(19, names.map { Faces.columns(of: $0) }.max() ?? 0))
  }

  func table(
    _ title: String, unit: String? = nil, note: String = "", _ rows: [Row],
    _ snapshot: CloneSnapshot
  ) -> [Line] {
    let names = rows.map { Faces.columns(of: $0.name) }
    let width = min(Self.nameWidthLimit, max(nameWidth(snapshot), names.max() ?? 0))
    let noteWidth = 20
    let free = columns - width - 2 * Self.figureWidth - 4 - noteWidth
    let barWidth = free >= 4 ? min(20, free) : 0
    func line(_ cells: [String], name: Line.Style, figures: Line.Style) -> Line {
      var line = Line(left(clipped(cells[0], to: width, mark: bars.mark), width), name)
      for figure in cells[1...2] { line.add(right(figure, Self.figureWidth), figures) }
      line.add("  " + left(cells[3], barWidth) + "  ")
      line.add(cells[4], .heading)
      return line
    }
    let unit = unit ?? (snapshot.histograms.clone.count > 0 ? "per clone" : "total")
    return [line([title, unit, "share", "", note], name: .heading, figures: .heading)]
      + rows.map { row in
        let share = row.share.map { max(0, min(1, $0.isNaN ? 0 : $0)) }
        let parts = UInt64(clamping: (share ?? 0) * 1e9)
        return line(
          [
            row.name, row.time, share == nil ? "-" : percentText(parts, of: 1_000_000_000),
            row.hasBar ? bars.bar(parts, of: 1_000_000_000, width: barWidth) : "", row.note,
          ], name: .plain, figures: .strong)
      }
  }

  func phases(_ snapshot: CloneSnapshot) -> [Line] {
    guard !snapshot.phases.isEmpty else { return [] }
    let clones = snapshot.histograms.clone
    let inside = snapshot.phases.filter {
      $0.share != nil && ($0.how != .derived || $0.ns >= max(1, clones.count))
    }
    let apart = snapshot.phases.filter { $0.share == nil }
    var rows = inside.map { phase in
      Row(
        name: phase.phase.text, time: perClone(phase.ns, snapshot), share: phase.share,
        note: how(phase, snapshot))
    }
    rows += snapshot.steps.map { step in
      Row(
        name: name(of: step), time: perClone(step.ns, snapshot),
        share: step.share,
        hasBar: false, note: each(step))
    }
    if clones.count > 0 {
      rows.append(
        Row(
          name: "clone", time: perClone(clones.sum, snapshot), share: 1, hasBar: false,
          note: "total"))
    }
    rows += apart.map { phase in
      Row(
        name: phase.phase.text, time: durationText(ns: phase.ns / max(1, phase.count)),
        share: nil, note: "mean of \(compactCountText(phase.count)), extra")
    }
    return table("where the time goes", rows, snapshot)
  }

  private func how(_ phase: PhasePart, _ snapshot: CloneSnapshot) -> String {
    switch phase.how {
    case .measured: "measured"
    case .sampled:
      phase.uncertaintyNs.map { "sampled \(bars.plusMinus) \(perClone($0, snapshot))" } ?? "sampled"
    case .derived: "remainder"
    }
  }

  private func name(of step: StepPart) -> String { "  in " + escaped(step.function) }

  private func each(_ step: StepPart) -> String {
    guard step.count > 0 else { return "never called" }
    let ns = Double(step.ns) / Double(step.count)
    return "\(compactCountText(step.count)), \(preciseNs(ns)) each"
  }

  private func shownMappings(_ snapshot: CloneSnapshot) -> [MappingTypePart] {
    snapshot.mappingTypes.filter { $0.ns > 0 || $0.bytes > 0 }
      .sorted { ($0.ns, $0.bytes, $1.type.rawValue) > ($1.ns, $1.bytes, $0.type.rawValue) }
  }

  func mappingTypes(_ snapshot: CloneSnapshot) -> [Line] {
    let mappings = shownMappings(snapshot)
    guard !mappings.isEmpty else { return [] }
    let clones = snapshot.histograms.clone
    let rows = mappings.map { mapping in
      let count = Double(mapping.count) / Double(max(1, clones.count))
      let exact = count == count.rounded() || count >= 100
      let number = exact ? compactCountText(.init(clamping: count)) : decimalText(count, digits: 1)
      let bytes = bytesText(mapping.bytes / max(1, clones.count))
      return Row(
        name: mapping.type.text, time: mapping.ns > 0 ? perClone(mapping.ns, snapshot) : "-",
        share: mapping.ns > 0 && clones.sum > 0 ? Double(mapping.ns) / Double(clones.sum) : nil,
        note: right(number, 6) + right(bytes, 11))
    }
    return table(
      "by mapping type", note: right("count", 6) + right("size", 11), rows, snapshot)
  }

  // MARK: - Lists

  func mappings(_ mappings: [MappingPart]) -> [Line] {
    list(
      "costliest mappings", figures: ["copies", "per copy", "size"],
      mappings.prefix(Self.shown).map { mapping in
        (
          "\(escaped(mapping.comm)) (\(mapping.pid))",
          [
            compactCountText(mapping.count), durationText(ns: mapping.ns / max(1, mapping.count)),
            bytesText(mapping.bytes),
          ],
          mapping.name.map { escaped($0) }
            ?? "\(mapping.type.text) at \(escaped(String(mapping.range.prefix { $0 != "-" })))"
        )
      })
  }

  func slowest(_ clones: [SlowClonePart]) -> [Line] {
    list(
      "slowest clones", figures: ["took", "resident"],
      clones.prefix(Self.shown).map { clone in
        let thread = clone.tid == clone.pid ? "" : ", thread \(clone.tid)"
        let time = clone.at.split(separator: "T").last.map { $0.prefix { $0 != "Z" } } ?? ""
        return (
          "\(escaped(clone.comm)) (\(clone.pid)\(thread))",
          [durationText(ns: clone.ns), bytesText(clone.residentBytes)],
          "\(escaped(clone.call)), child \(clone.child), \(escaped(String(time)))"
        )
      })
  }

  /// Names of a common width, figures, and what may be cut.
  private func list(
    _ title: String, figures: [String], _ rows: [(name: String, figures: [String], rest: String)]
  ) -> [Line] {
    guard !rows.isEmpty else { return [] }
    let widest = rows.map { Faces.columns(of: $0.name) }.max() ?? 0
    let width = min(26, max(widest, Faces.columns(of: title)))
    var heading = Line(left(title, width), .heading)
    for figure in figures { heading.add(right(figure, Self.figureWidth), .heading) }
    return [heading]
      + rows.map { row in
        var line = Line(left(clipped(row.name, to: width, mark: bars.mark), width))
        for figure in row.figures { line.add(right(figure, Self.figureWidth), .strong) }
        let room = columns - line.width - 2
        line.add("  " + (row.rest.hasPrefix("/") ? clippedPath(row.rest, to: room) : row.rest))
        return line
      }
  }

  /// The end of a path says more than its beginning.
  private func clippedPath(_ path: String, to room: Int) -> String {
    guard Faces.columns(of: path) > room, room > 0 else { return path }
    let end = clipped(String(path.reversed()), to: room, mark: bars.mark)
    return String(end.reversed())
  }

  // MARK: - Page tables

  func pageTables(_ snapshot: CloneSnapshot) -> [Line] {
    let tables = snapshot.pageTables
    let clones = max(1, snapshot.histograms.clone.count)
    guard tables.bytes > 0 || tables.entries > 0 else { return [] }
    var size = item("page tables per clone")
    size.add(bytesText(tables.bytes / clones), .strong)
    size.add(" with \(countText(tables.entries / clones)) entries")
    if let ns = tables.nsPerEntry {
      size.add(", ")
      size.add(preciseNs(ns), .strong)
      size.add(" each")
    }
    var memory = item("  resident memory")
    memory.add(bytesText(tables.residentBytes / clones))
    if tables.hugetlbBytes > 0 {
      memory.add(", plus \(bytesText(tables.hugetlbBytes / clones)) of hugetlb pages")
    }
    var speed: [Line] = []
    if let ms = tables.msPerGiB {
      speed.append(Line("\(durationText(ns: UInt64(clamping: ms * 1e6))) per GiB", .strong))
    }
    if let rate = tables.gbPerS {
      var line = Line("\(bytesText(UInt64(clamping: rate * 1e9)))/s", .strong)
      if let grade = tables.grade {
        line.add(": ")
        line.add(escaped(grade), ["terrible", "poor"].contains(grade) ? .alarm : .strong)
      }
      speed.append(line)
    }
    guard !speed.isEmpty else { return [size, memory] }
    var last = item("  speed")
    for (index, part) in speed.enumerated() {
      if index > 0 { last.add(", ") }
      last.add(part)
    }
    return [size, memory, last]
  }

  private func item(_ name: String) -> Line { Line(left(name, 23)) }

  /// Entries take tens of nanoseconds: a tenth of one matters.
  private func preciseNs(_ ns: Double) -> String {
    ns < 100 ? decimalText(ns, digits: 1) + " ns" : durationText(ns: UInt64(clamping: ns))
  }
}

extension ClonePhase {
  package var text: String {
    switch self {
    case .taskSetup: "task setup"
    case .openFiles: "open files"
    case .addressSpace: "address space"
    case .mappings: "mappings"
    case .pageTables: "page tables"
    case .wakeChild: "wake child"
    case .other: "other"
    case .offCPU: "off CPU"
    case .unattributed: "unattributed"
    case .vforkWait: "vfork wait"
    }
  }
}

extension MappingType {
  package var text: String { self == .filePrivate ? "file, private" : rawValue }
}
