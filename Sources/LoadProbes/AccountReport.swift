import Glibc
import LoadTrace
import Proc
import Snapshots

/// The load account as a snapshot tells it.
extension Reporter {
  /// How many groups a snapshot names; the others are told together.
  private static let shown = 50

  /// - Returns: all groups; the snapshot has the largest.
  func addAccount(
    _ sampling: LoadSampling, to snapshot: inout LoadSnapshot, from start: UInt64
  ) -> [AccountPart] {
    let kernel = sampling.kernel
    let averages = [kernel.load1, kernel.load5, kernel.load15]
    snapshot.load.recomputed = list(sampling.recomputed.values)
    snapshot.load.trueAverage = list(sampling.account.trueAverage)
    snapshot.load.samples = sampling.samples.map { sample in
      LoadSamplePart(
        at: timestamp(sample.time &+ sampling.clockOffset), active: sample.active,
        seen: sample.seen, mean: sample.mean, load1: sample.load1)
    }
    if !snapshot.final {
      snapshot.load.samples?.removeAll { $0.at < snapshot.start }
    }
    let sum = sampling.account.sum
    snapshot.olderThanWatch = list(sampling.account.older)
    snapshot.remainder = averages.indices.map {
      averages[$0] - sum[$0] - sampling.account.older[$0]
    }
    let rows = rows(sampling)
    snapshot.account = largest(rows)
    return rows
  }

  private func rows(_ sampling: LoadSampling) -> [AccountPart] {
    var sums: [String: AccountPart] = [:]
    for (key, parts) in sampling.account.groups {
      let (group, site) = sampling.groups.name(of: key)
      let state = key.state == .runnable ? "R" : "D"
      let name = "\(state)\0\(group)\0\(site ?? "")"
      var row =
        sums[name]
        ?? AccountPart(group: group, state: state, site: site, load1: 0, load5: 0, load15: 0)
      row.load1 += parts[0]
      row.load5 += parts[1]
      row.load15 += parts[2]
      sums[name] = row
    }
    let all = byName(Array(sums.values), sampling.groups.by).sorted {
      ($1.load1, $0.group, $0.state, $0.site ?? "") < ($0.load1, $1.group, $1.state, $1.site ?? "")
    }
    return all
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

  /// "nginx" of "nginx (812)".
  private func name(of group: String) -> Substring {
    group.lastIndex(of: "(").map { group[..<$0].dropLast() } ?? group[...]
  }

  func verdict(
    _ snapshot: LoadSnapshot, _ account: [AccountPart], since: Witness, _ witness: Witness
  ) -> Verdict {
    let seconds = Double(max(1, snapshot.intervalNs)) / 1e9
    return Verdict(
      account: account, older: snapshot.olderThanWatch?.first ?? 0,
      remainder: snapshot.remainder?.first ?? 0, load1: snapshot.load.kernel[0],
      trueLoad1: snapshot.load.trueAverage?.first ?? snapshot.load.kernel[0],
      runnableMean: snapshot.tasks.runnable.mean,
      p99: snapshot.histograms.runQueueLatency.percentiles.p99, cpus: snapshot.host.cpus,
      idle: witness.idle(since: since),
      forksPerSecond: Double(witness.forks &- since.forks) / seconds,
      swapsPerSecond: Double(witness.swapped &- since.swapped) / seconds,
      disk: witness.busiestDisk(since: since, over: snapshot.intervalNs),
      isKernelThread: isKernelThread)
  }

  func limits(_ load: LoadAverage) throws -> LimitsPart {
    let limits = try TaskLimits.current()
    let tasks = UInt64(max(0, load.tasks))
    return LimitsPart(
      tasks: tasks, threadsMax: limits.threadsMax, pidMax: limits.pidMax,
      stackBytesPerTask: tasks == 0 ? nil : limits.kernelStacks / tasks,
      availableBytes: limits.available)
  }

  private func list(_ values: [3 of Double]) -> [Double] {
    values.indices.map { max(0, values[$0]) }
  }
}

/// Of a group by process or thread, "comm (id)": one without an address space.
private func isKernelThread(_ group: String) -> Bool {
  guard let digits = group.split(separator: "(").last?.dropLast(), group.hasSuffix(")"),
    let pid = Int32(digits), let status = try? ProcessStatus.of(pid: pid)
  else { return false }
  return status.vmRSS == nil && status.state != "Z"
}
