import Reports

/// What the pictures of all tools begin with: where, when, of what, what was missed, what it cost.
struct SnapshotHead {
  let columns: Int

  func flow(_ items: [Line], gap: String = "  ") -> [Line] {
    Line.flow(items, gap: gap, indent: 2, columns: columns)
  }

  // MARK: - Where, when, what

  /// - Parameters:
  ///   - end: wall clock, ISO 8601, UTC.
  ///   - live: whether to say how to end a run that goes on.
  func title(
    _ tool: String, host: HostPart, end: String, intervalNs: UInt64, final: Bool, live: Bool
  ) -> [Line] {
    let length = durationText(ns: intervalNs)
    let cpus = host.cpus
    var items = [
      Line(tool, .strong), Line(listed(host.names)), Line("Linux " + listed(host.kernels)),
      Line(cpus == 1 ? "1 CPU" : "\(cpus) CPUs"), Line(timeOfDay(end)),
      Line(final ? "total: \(length)" : length, .strong),
    ]
    if live, !final { items.append(Line("Ctrl-C to stop", .heading)) }
    return flow(items)
  }

  func filter(_ filter: FilterPart) -> [Line] {
    guard !filter.isEmpty else { return [] }
    let conditions = [
      ("pid", filter.pids.map(String.init)), ("comm", filter.comms), ("cgroup", filter.cgroups),
    ]
    return flow(
      [Line("only", .heading)]
        + conditions.filter { !$1.isEmpty }.map { Line("\($0) \(listed($1))", .strong) })
  }

  /// The time of an ISO 8601 time in UTC, to the second.
  private func timeOfDay(_ timestamp: String) -> String {
    let parts = timestamp.split(separator: "T")
    guard parts.count == 2, timestamp.hasSuffix("Z") else { return escaped(timestamp) }
    return escaped(String(parts[1].prefix(8))) + " UTC"
  }

  // MARK: - Loss and cost

  /// - Parameter untraced: what to say of `loss.untraced`, where the tool counts something there.
  func loss(_ loss: LossPart, untraced: ((UInt64) -> String)? = nil) -> [Line] {
    var parts: [Line]
    if loss.lost == 0 {
      parts = [Line("lost 0 of \(countText(loss.expected)) records")]
    } else {
      let total = "LOST \(countText(loss.lost)) of \(countText(loss.expected)) records"
      let causes = [
        ("ring full", loss.ringFull), ("no ring", loss.noRing), ("map full", loss.mapFull),
        ("missed ends", loss.missedEnds), ("recursion", loss.recursion),
      ].filter { $1 > 0 }.map { Line("\($0) \(countText($1))", .alarm) }
      parts = [Line("\(total) (\(percentText(loss.lost, of: loss.expected))):", .alarm)] + causes
    }
    if let untraced, loss.untraced > 0 { parts.append(Line(untraced(loss.untraced))) }
    if loss.namesLeftOut > 0 {
      parts.append(Line("names left out \(countText(loss.namesLeftOut))", .alarm))
    }
    return flow(parts)
  }

  /// - Parameters:
  ///   - kernelNs: nil where it wasn't measured.
  ///   - isPermitted: whether it may be.
  ///   - event: what that is the cost of: "switch".
  ///   - consumer: what this process takes.
  func cost(
    kernelNs: Double?, isPermitted: Bool = false, event: String, consumer: String,
    residentBytes: UInt64, ringBytes: UInt64
  ) -> [Line] {
    let kernel =
      kernelNs.map { "overhead: \(durationText(ns: UInt64(clamping: $0)))/\(event) (BPF)" }
      ?? (isPermitted
        ? "overhead: no \(event) measured yet"
        : "overhead: BPF time can't be measured (CAP_SYS_ADMIN)")
    return flow(
      [
        Line(kernel), Line(consumer),
        Line("RSS \(bytesText(residentBytes))"), Line("rings \(bytesText(ringBytes))"),
      ], gap: ", ")
  }
}

/// The first few, escaped, and how many more.
func listed(_ names: [String]) -> String {
  let shown = names.prefix(4).map { escaped($0) }.joined(separator: ", ")
  return names.count > 4 ? "\(shown) and \(names.count - 4) more" : shown
}
