import Histograms
public import Reports

/// A snapshot of `loadwatch` as a block of text for a terminal.
public struct LoadText: Sendable {
  private let columns: Int
  private let color: Bool
  private let bars: BarStyle
  /// The fewest octaves that get a row of their own, however low the terminal.
  private static let leastOctaves = 4

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
  ///   - rows: how many lines there is room for; the histograms are folded at their ends to fit, but
  ///     not below a few rows.
  public func block(_ snapshot: LoadSnapshot, live: Bool, rows: Int = .max) -> String {
    let parts = snapshot.histograms
    let octaves = [
      parts.runQueueLatency, parts.onCPU, parts.blockedUninterruptible, parts.blockedInterruptible,
    ].map { try? $0.histogram().octaves }
    let headings = zip(["run queue", "on CPU", "blocked in D", "blocked in S"], octaves).map {
      $1 == nil ? "(invalid)" : $0
    }
    let top =
      head.title(
        "loadwatch", host: snapshot.host, end: snapshot.end, intervalNs: snapshot.intervalNs,
        final: snapshot.final, live: live) + head.filter(snapshot.filter) + load(snapshot)
    let attribution = AttributionText(columns: columns, bars: bars)
    let below =
      states(snapshot.tasks) + (snapshot.limits.map(attribution.limits) ?? []) + loss(snapshot.loss)
      + cost(snapshot)
    let percentiles =
      [Line()]
      + PercentileTable.lines(
        [
          ("run queue latency", parts.runQueueLatency), ("on-CPU time", parts.onCPU),
          ("blocked in D", parts.blockedUninterruptible),
          ("blocked in S", parts.blockedInterruptible),
        ], columns: columns)
    // Where there is no room for all, the histograms go first, then the evidence, groups beyond the
    // fourth, percentiles: the verdict and its advice are what the rest is for.
    let histograms = percentiles.count + 1 + Self.leastOctaves
    var meaning: [Line] = []
    for (limit, detail, rest) in [
      (AttributionText.most, AttributionText.Detail.evidence, histograms),
      (AttributionText.most, .evidence, percentiles.count),
      (AttributionText.most, .advice, percentiles.count),
      (4, .advice, percentiles.count), (AttributionText.most, .evidence, 0), (4, .evidence, 0),
      (AttributionText.most, .advice, 0), (4, .advice, 0), (2, .advice, 0), (2, .sentence, 0),
    ] {
      let table = attribution.table(snapshot, limit: limit)
      let holders = HolderText(columns: columns, bars: bars).lines(
        snapshot.blocked ?? [], limit: limit)
      let waits = CulpritText(columns: columns, bars: bars).lines(
        snapshot.cpuWaits ?? [], intervalNs: snapshot.intervalNs,
        limit: rows == .max ? .max : min(limit, 3))
      let beats = BeatText(columns: columns, bars: bars).lines(
        snapshot.beats ?? [], at: snapshot.end,
        limit: rows == .max ? .max : limit > 2 ? 2 : 0)
      let verdict = attribution.verdict(snapshot, detail)
      meaning = [table, holders, waits + taken(snapshot.cpus), beats, verdict]
        .filter { !$0.isEmpty }
        .flatMap { $0 + [Line()] }
      if !meaning.isEmpty { meaning.insert(Line(), at: 0) }
      if top.count + meaning.count + below.count + rest <= rows { break }
    }
    var lines = top + meaning + below
    // Without an attribution there is room for a few rows of the histograms on any terminal.
    if meaning.isEmpty || lines.count + percentiles.count <= rows { lines += percentiles }
    let room = max(meaning.isEmpty ? Self.leastOctaves : 0, rows - lines.count - 2)
    if room >= Self.leastOctaves {
      let table = OctaveTable(octaves.map { $0 ?? [] }, limit: room)
      lines += [Line()] + table.lines(headings: headings, columns: columns, bars: bars)
    }
    return lines.map { $0.text(columns: columns, color: color, mark: bars.mark) + "\n" }.joined()
  }

  private var head: SnapshotHead { SnapshotHead(columns: columns) }

  // MARK: - Load and states

  private func load(_ snapshot: LoadSnapshot) -> [Line] {
    var average = Line("load average  ")
    average.add(
      snapshot.load.kernel.prefix(3).map { decimalText($0, digits: 2) }.joined(separator: " "),
      .strong)
    var switches = Line("switches ")
    switches.add(rateText(snapshot.switches, overNs: snapshot.intervalNs), .strong)
    switches.add(" (\(rateText(snapshot.preemptions, overNs: snapshot.intervalNs)) preempted)")
    return head.flow([average, switches], gap: "      ")
  }

  private func states(_ tasks: TasksPart) -> [Line] {
    var lines = [
      occupancy("runnable (R)", tasks.runnable),
      occupancy("uninterruptible (D)", tasks.uninterruptible),
    ]
    if let ns = tasks.reliableNs {
      let what =
        ns == 0
        ? "records were lost: R and D are unreliable"
        : "records were lost: means cover the \(durationText(ns: ns)) without losses"
      lines.append(Line("  " + what, .alarm))
    }
    if let longest = tasks.uninterruptible.longest {
      var line = Line(left("  longest wait", 19) + "  ")
      line.add(durationText(ns: longest.ns), .strong)
      line.add("  " + escaped("\(longest.comm) (\(longest.tid))"))
      lines.append(line)
    }
    return lines
  }

  private func occupancy(_ name: String, _ part: OccupancyPart) -> Line {
    var line = Line(left(name, 19))
    for (text, unit) in [
      (right(String(part.now), 5), " now"), (right(decimalText(part.mean, digits: 2), 9), " mean"),
      (right(String(part.max), 7), " max"),
    ] {
      line.add(text, .strong)
      line.add(unit)
    }
    return line
  }

  /// CPUs that lost a tenth of their time or more; below that it hardly matters to tasks.
  private func taken(_ cpus: CPUsPart?) -> [Line] {
    (cpus?.taken ?? []).filter { $0.sum >= 0.1 }.prefix(3).map { part in
      let shares = [("interrupts", part.irq), ("softirqs", part.softirq), ("steal", part.steal)]
        .filter { $0.1 >= 0.005 }
        .map { "\(decimalText(100 * $0.1, digits: 0)) % to \($0.0)" }
      return Line("CPU \(part.cpu) lost " + shares.joined(separator: ", "))
    }
  }

  // MARK: - Loss and cost

  private func loss(_ loss: LossPart) -> [Line] {
    head.loss(loss) { untraced in
      let (all, overflow) = loss.expected.addingReportingOverflow(untraced)
      let share = percentText(untraced, of: overflow ? .max : all)
      return "untraced by the kernel: \(countText(untraced)) (\(share))"
    }
  }

  private func cost(_ snapshot: LoadSnapshot) -> [Line] {
    let cost = snapshot.cost
    let share = percentText(cost.consumerNs, of: snapshot.intervalNs)
    let scans = percentText(cost.taskScanNs, of: snapshot.intervalNs)
    return head.cost(
      kernelNs: cost.bpfNsPerSwitch, event: "switch",
      consumer: "\(share) CPU (\(scans) task scans)", residentBytes: cost.residentBytes,
      ringBytes: cost.ringBytes)
  }
}
