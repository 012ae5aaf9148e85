public import Reports

extension LoadAttribution {
  /// Every group as a row of its own, nothing left out.
  ///
  /// - Parameter name: who a group is: a row of which the figures don't matter.
  public func rows(named name: (Key) -> AttributionRow) -> [AttributionRow] {
    var rows: [AttributionRow: AttributionRow] = [:]
    var order: [AttributionRow] = []
    for (key, group) in sortedGroups {
      var row = name(key)
      row.state = key.state
      row.wait = key.wait
      row.kernelThread = key.isKernelThread
      row.folded = key.isFolded && key == key.others ? true : nil
      (row.count, row.active) = (Int(clamping: group.count), group.active)
      (row.load1, row.load5, row.load15) = (
        group.averages[0], group.averages[1], group.averages[2]
      )
      // Two of its numbers may have come to have one name.
      if let known = rows[row.identity] {
        row.add(known)
        row.count = key.isFolded ? row.count + known.count : max(row.count, known.count)
      } else {
        order.append(row.identity)
      }
      rows[row.identity] = row
    }
    return order.compactMap { rows[$0] }
  }

  /// As a report has it.
  ///
  /// - Parameters:
  ///   - rows: all of them, as ``rows(named:)`` gives them.
  ///   - by: what they are told apart by.
  ///   - averages: load1, load5 and load15 as the kernel has them.
  public func part(
    _ rows: [AttributionRow], by: [Grouping], averages: [Double]
  ) -> AttributionPart {
    let sum = self.sum
    func list(_ values: [3 of Double]) -> [Double] { values.indices.map { max(0, values[$0]) } }
    return AttributionPart(
      by: by,
      rows: rows.shown(by: by, atMost: Self.shown),
      delayed: list(delayed), beforeRun: list(beforeRun),
      unattributed: averages.indices.map {
        averages[$0] - sum[$0] - beforeRun[$0] - delayed[$0]
      })
  }

  /// How many rows a report has, and as many of names; the others are folded.
  private static let shown = 50
}

extension [AttributionRow] {
  /// The largest, each of one cgroup where that is known. Of the others, those of one name are one row,
  /// whatever their cgroups; and what is left then is one for each kind of wait.
  func shown(by: [Grouping], atMost limit: Int) -> Self {
    let all = foldedByName(by: by, acrossCgroups: false).sorted(by: AttributionRow.precedes)
    guard all.count > limit else { return all }
    let others = Array(all.dropFirst(limit)).foldedByName(by: by, acrossCgroups: true)
      .sorted(by: AttributionRow.precedes)
    let names = others.filter { $0.process != nil && $0.pid == nil }.prefix(limit)
    let known = Set(names)
    return all.prefix(limit) + names + others.filter { !known.contains($0) }.foldedByWait()
  }

  /// One row for each kind of wait.
  private func foldedByWait() -> Self {
    var others: [AttributionRow: AttributionRow] = [:]
    for row in self {
      let name = AttributionRow(
        state: row.state, wait: row.wait, kernelThread: row.kernelThread, folded: true)
      var sum = others[name] ?? name
      sum.add(row)
      sum.count = row.count + (others[name]?.count ?? 0)
      others[name] = sum
    }
    return others.values.sorted(by: AttributionRow.precedes)
  }
}
