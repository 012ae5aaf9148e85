import Histograms
public import Reports

/// A snapshot of `cloneprof` as a block of text for a terminal.
public struct CloneText: Sendable {
  let columns: Int
  private let color: Bool
  let bars: BarStyle
  /// The fewest octaves that get a row of their own, however low the terminal.
  private static let leastOctaves = 4

  /// What there is to show below the head. Where there is no room for all, the first of
  /// `leastImportant` goes first, and never a part of one.
  private enum Section: CaseIterable {
    case percentiles, phases, mappingTypes, mappings, pageTables, histogram, slowest, stacks,
      children, bill, copyOnWrite, discardedCopies, advice

    static let leastImportant: [Section] = [
      .children, .slowest, .discardedCopies, .stacks, .mappings, .bill, .copyOnWrite, .histogram,
      .mappingTypes, .pageTables, .percentiles, .advice,
    ]
  }

  /// - Parameters:
  ///   - columns: how wide the terminal is; no line is wider, and from 80 on none is cut but those
  ///     with names.
  ///   - color: whether to use bold, faint and red; without it there is no escape character.
  public init(columns: Int, color: Bool, bars: BarStyle = .blocks) {
    self.columns = max(1, columns)
    self.color = color
    self.bars = bars
  }

  /// All that the snapshot tells, in lines that each end with a newline.
  ///
  /// - Parameters:
  ///   - live: whether more comes to take its place; it then says how to end that.
  ///   - rows: how many lines there is room for; first the histogram is folded at its ends, down to
  ///     a few rows, then whole sections are left out, but never the head and the phases.
  public func block(_ snapshot: CloneSnapshot, live: Bool, rows: Int = .max) -> String {
    let top = head(snapshot, live: live)
    let table = OctaveTable(octaves(snapshot).map(\.octaves), limit: .max)
    var sections: [Section: [Line]] = [:]
    if !Self.isEmpty(snapshot) {
      for section in Section.allCases { sections[section] = lines(of: section, snapshot) }
      sections[.histogram] = histogram(snapshot, limit: Self.leastOctaves)
      sections = sections.filter { !$1.isEmpty }
    }
    /// With an empty line before each section.
    func height() -> Int { sections.reduce(top.count) { $0 + 1 + $1.value.count } }
    for section in Section.leastImportant where height() > rows {
      // What the advice rests on goes before the figures beside it.
      if section == .percentiles, sections[.advice] != nil {
        sections[.advice] = advice(snapshot.advice, withEvidence: false)
        if height() <= rows { break }
      }
      sections[section] = nil
    }
    if let least = sections[.histogram] {
      let octaves = min(table.rows.count, Self.leastOctaves)
      let room = max(0, rows - height()) + octaves
      sections[.histogram] = room > octaves ? histogram(snapshot, limit: room) : least
    }
    let below = Section.allCases.compactMap { sections[$0] }.flatMap { [Line()] + $0 }
    return (top + below).map {
      $0.text(columns: columns, color: color, mark: bars.mark) + "\n"
    }.joined()
  }

  private func lines(of section: Section, _ snapshot: CloneSnapshot) -> [Line] {
    switch section {
    case .percentiles: percentiles(snapshot.histograms)
    case .phases: phases(snapshot)
    case .mappingTypes: mappingTypes(snapshot)
    case .mappings: mappings(snapshot.mappings)
    case .pageTables: pageTables(snapshot)
    case .histogram: []
    case .slowest: slowest(snapshot.slowest)
    case .stacks: stacks(snapshot)
    case .children: children(snapshot)
    case .bill: bill(snapshot)
    case .copyOnWrite: copyOnWrite(snapshot)
    case .discardedCopies: discardedCopies(snapshot)
    case .advice: advice(snapshot.advice, withEvidence: true)
    }
  }

  /// Whether no clone was asked for, and none that was asked for before has ended.
  private static func isEmpty(_ snapshot: CloneSnapshot) -> Bool {
    let calls = snapshot.calls
    return CloneText.total(snapshot.bill) == 0
      && !(snapshot.children ?? []).contains { $0.copyOnWrite != nil }
      && snapshot.histograms.clone.count == 0
      && snapshot.histograms.vforkWait.count == 0
      && [calls.fork, calls.vfork, calls.clone, calls.clone3, calls.threads].allSatisfy { $0 == 0 }
      && calls.failed.values.allSatisfy { $0 == 0 }
  }

  // MARK: - Head

  private func head(_ snapshot: CloneSnapshot, live: Bool) -> [Line] {
    let head = SnapshotHead(columns: columns)
    let cost = snapshot.cost
    let share = percentText(cost.consumerNs, of: snapshot.intervalNs)
    return head.title(
      "cloneprof", host: snapshot.host, end: snapshot.end, intervalNs: snapshot.intervalNs,
      final: snapshot.final, live: live) + head.filter(snapshot.filter)
      + (Self.isEmpty(snapshot)
        ? [Line(snapshot.final ? "no clones" : "no clones yet", .strong)]
        : calls(snapshot))
      + head.loss(snapshot.loss)
      + head.cost(
        kernelNs: cost.bpfNsPerClone,
        isPermitted: !snapshot.probes.contains {
          $0.probe == "BPF_ENABLE_STATS" && $0.available != .yes
        },
        event: "clone", consumer: "\(share) CPU",
        residentBytes: cost.residentBytes, ringBytes: cost.ringBytes)
  }

  private func calls(_ snapshot: CloneSnapshot) -> [Line] {
    let calls = snapshot.calls
    let byName = [
      ("fork", calls.fork), ("vfork", calls.vfork), ("clone", calls.clone),
      ("clone3", calls.clone3),
    ].filter { $1 > 0 }
    func rate(_ name: String, _ count: UInt64) -> Line {
      var line = Line(name + " ")
      line.add(countText(count), .strong)
      line.add(" (\(rateText(count, overNs: snapshot.intervalNs)))")
      return line
    }
    let items =
      [rate("new processes", Self.sum(byName.map(\.1)))]
      + byName.map { Line("\($0) \(countText($1))") }
      + [rate("new threads", calls.threads)]
      + [calls.straddled ?? 0].filter { $0 > 0 }
      .map { Line("\(countText($0)) in progress at start or end") }
      + [snapshot.childFates?.unfollowed ?? 0].filter { $0 > 0 }
      .map { Line("\(countText($0)) children not followed", .alarm) }
    return Line.flow(items, gap: "  ", indent: 2, columns: columns) + failures(calls.failed)
  }

  /// The most frequent errors, and how many calls failed with others.
  private func failures(_ failed: [String: UInt64]) -> [Line] {
    let errors = failed.filter { $1 > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    guard !errors.isEmpty else { return [] }
    let total = countText(Self.sum(errors.map(\.value)))
    var items = [Line("FAILED \(total):", .alarm)]
    items += errors.prefix(6).map { Line("\(escaped($0.key)) \(countText($0.value))", .alarm) }
    let others = Self.sum(errors.dropFirst(6).map(\.value))
    if others > 0 { items.append(Line("others \(countText(others))", .alarm)) }
    return Line.flow(items, gap: "  ", indent: 2, columns: columns)
  }

  // MARK: - How durations are spread

  private func percentiles(_ parts: CloneHistogramsPart) -> [Line] {
    let rows = [
      ("clone", parts.clone), ("address-space copy", parts.addressSpaceCopy),
      ("page-table copy", parts.pageTableCopy), ("vfork wait", parts.vforkWait),
    ].filter { $1.count > 0 }
    return rows.isEmpty ? [] : PercentileTable.lines(rows, columns: columns)
  }

  private func histogram(_ snapshot: CloneSnapshot, limit: Int) -> [Line] {
    let parts = octaves(snapshot)
    guard !parts.isEmpty else { return [] }
    return OctaveTable(parts.map(\.octaves), limit: limit)
      .lines(headings: parts.map(\.name), columns: columns, bars: bars)
  }

  private func octaves(_ snapshot: CloneSnapshot) -> [(name: String, octaves: [Histogram.Bucket])] {
    let parts = snapshot.histograms
    return [("clone", parts.clone), ("page-table copy", parts.pageTableCopy)]
      .filter { $1.count > 0 }
      .map { name, part in
        guard let histogram = try? part.histogram() else { return ("(invalid)", []) }
        return (name, histogram.octaves)
      }
  }

  /// Added up; `UInt64.max` if it is that or more, as only a broken file can say.
  static func sum(_ counts: [UInt64]) -> UInt64 {
    counts.reduce(0) { sum, count in
      let (sum, overflow) = sum.addingReportingOverflow(count)
      return overflow ? .max : sum
    }
  }
}
