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
      rows: rows.foldedByName(by: by).sorted(by: AttributionRow.precedes).largest(Self.shown),
      delayed: list(delayed), beforeRun: list(beforeRun),
      unattributed: averages.indices.map {
        averages[$0] - sum[$0] - beforeRun[$0] - delayed[$0]
      })
  }

  /// How many rows a report has; the others are folded.
  private static let shown = 50
}

extension [AttributionRow] {
  /// Of processes of one name that wait for the same no one tells one from the other.
  func foldedByName(by: [Grouping]) -> Self {
    guard by.contains(.process), by.allSatisfy({ [.process, .site, .state].contains($0) }) else {
      return self
    }
    let alike = Dictionary(grouping: self) { row in
      var name = row.identity
      name.pid = nil
      return name
    }
    return alike.flatMap { name, rows in
      let count = rows.reduce(0) { $0 + $1.count }
      guard count > 2, name.process != nil, var sum = rows.first else { return rows }
      for row in rows.dropFirst() { sum.add(row) }
      (sum.pid, sum.count) = (nil, count)
      return [sum]
    }
  }

  /// As many as that, and those behind them as one row for each kind of wait.
  func largest(_ limit: Int) -> Self {
    guard count > limit else { return self }
    var others: [AttributionRow: AttributionRow] = [:]
    for row in dropFirst(limit) {
      let name = AttributionRow(
        state: row.state, wait: row.wait, kernelThread: row.kernelThread, folded: true)
      var sum = others[name] ?? name
      sum.add(row)
      sum.count = row.count + (others[name]?.count ?? 0)
      others[name] = sum
    }
    return prefix(limit) + others.values.sorted(by: AttributionRow.precedes)
  }
}
