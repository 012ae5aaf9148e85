import Reports

/// The load attribution as a report has it.
extension LoadReporter {
  /// How many groups a snapshot names; the others are told together.
  private static let shown = 50

  func addAttribution(_ sampling: LoadSampler, to snapshot: inout LoadSnapshot) {
    let averages = sampling.shown
    let account = sampling.shownTable.attribution
    snapshot.load.recomputed = list(sampling.recomputed.values)
    snapshot.load.avenrun = sampling.exact.map { exact in
      exact.averages.indices.map { exact.averages[$0] }
    }
    snapshot.load.trueAverage = list(account.trueAverage)
    snapshot.load.samples = sampling.samples.filter { snapshot.final || $0.time > reportedSample }
      .map {
        sample in
        LoadSamplePart(
          at: Self.timestamp(sample.wall), active: sample.active,
          seen: sample.seen, delayed: sample.delayed, mean: sample.mean, load1: sample.load1)
      }
    let sum = account.sum
    snapshot.olderThanWatch = list(account.older)
    snapshot.delayed = list(account.delayed)
    snapshot.remainder = averages.indices.map {
      averages[$0] - sum[$0] - account.older[$0] - account.delayed[$0]
    }
    let by = sampling.shownTable.groups.by
    snapshot.account = largest(
      byName(rows(sampling.shownTable).map(\.part), by).sorted(by: Self.precedes))
  }

  private static func precedes(_ one: AccountPart, _ two: AccountPart) -> Bool {
    (two.load1, one.group, one.state, one.site ?? "")
      < (one.load1, two.group, two.state, two.site ?? "")
  }

  private func rows(_ table: AttributionTable) -> [Verdict.Row] {
    var sums: [String: Verdict.Row] = [:]
    for (key, parts) in table.attribution.groups {
      let (group, site) = table.groups.name(of: key)
      let state = key.state == .runnable ? "R" : "D"
      let name = "\(state)\0\(group)\0\(site ?? "")"
      var row =
        sums[name]
        ?? Verdict.Row(
          part: AccountPart(
            group: group, state: state, site: site, load1: 0, load5: 0, load15: 0),
          kind: table.groups.kind(of: key), isKernelThread: table.groups.isKernelThread(key))
      row.part.load1 += parts[0]
      row.part.load5 += parts[1]
      row.part.load15 += parts[2]
      sums[name] = row
    }
    return Array(sums.values)
  }

  /// As many as a snapshot names.
  private func largest(_ all: [AccountPart]) -> [AccountPart] {
    guard all.count > Self.shown else { return all }
    var rows = Array(all.prefix(Self.shown))
    for state in ["R", "D"] {
      let rest = all.dropFirst(Self.shown).filter { $0.state == state }
      guard !rest.isEmpty else { continue }
      rows.append(
        AccountPart(
          group: "others", state: state, site: nil, load1: rest.reduce(0) { $0 + $1.load1 },
          load5: rest.reduce(0) { $0 + $1.load5 }, load15: rest.reduce(0) { $0 + $1.load15 }))
    }
    return rows
  }

  /// Of processes of one name that wait for the same no one tells one from the other.
  private func byName(_ rows: [AccountPart], _ by: [Grouping]) -> [AccountPart] {
    guard by.contains(.process), !by.contains(where: { ![.process, .site, .state].contains($0) })
    else { return rows }
    let alike = Dictionary(grouping: rows) { row in
      "\(row.state)\0\(row.site ?? "")\0\(name(of: row.group))"
    }
    return alike.values.flatMap { rows in
      guard rows.count > 2, var sum = rows.first else { return rows }
      sum.group = "\(name(of: sum.group)) (\(rows.count) processes)"
      for row in rows.dropFirst() {
        sum.load1 += row.load1
        sum.load5 += row.load5
        sum.load15 += row.load15
      }
      return [sum]
    }
  }

  private func name(of group: String) -> Substring { Verdict.name(of: group) }

  func verdict(
    _ snapshot: LoadSnapshot, _ sampling: LoadSampler, _ minute: RecentMinute
  ) -> Verdict {
    var verdict = Verdict()
    verdict.account = rows(sampling.usual)
    verdict.throttled = sampling.throttling.cgroups.map {
      Verdict.Throttled(
        cgroup: $0.quota?.first.path, load1: $0.load1,
        periods: ($0.quota?.last.periods ?? 0) - ($0.quota?.first.periods ?? 0),
        used: ($0.quota?.last.throttled ?? 0) - ($0.quota?.first.throttled ?? 0))
    }
    verdict.older = snapshot.olderThanWatch?.first ?? 0
    verdict.delayed = snapshot.delayed?.first ?? 0
    verdict.remainder = snapshot.remainder?.first ?? 0
    verdict.load1 = snapshot.load.kernel[0]
    verdict.trueLoad1 = snapshot.load.trueAverage?.first ?? verdict.load1
    verdict.p99 = snapshot.histograms.runQueueLatency.percentiles.p99
    verdict.latencySeconds = Double(snapshot.intervalNs) / 1e9
    verdict.seconds = minute.seconds
    verdict.runnableMean = minute.runnableMean
    verdict.throttledMost = minute.throttledMost
    verdict.idle = minute.idle
    verdict.pressure = minute.pressure
    verdict.forksPerSecond = minute.forksPerSecond
    verdict.shortLives = minute.shortLives
    verdict.swapsPerSecond = minute.swapsPerSecond
    verdict.disk = minute.disk
    verdict.lost = minute.lost
    return verdict
  }

  private func list(_ values: [3 of Double]) -> [Double] {
    values.indices.map { max(0, values[$0]) }
  }
}
