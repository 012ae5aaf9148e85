import Tasks

/// Who ran while others waited for a CPU.
///
/// Every wait is charged, to the nanosecond, to what its CPU ran meanwhile. That is known as the wait ends:
/// the runs of that CPU are gone through backwards, until the wait began.
struct CulpritAccount: ~Copyable {
  var parties = Parties()
  var quota = UsedUpQuotas()
  private var log: RunLog
  private var charges = WaitCharges()
  /// Runs that may still be gone through in this interval.
  private var steps = 0

  /// A wait may be longer than thousands of runs. So many of them are gone through in a second, which takes
  /// less than a hundredth of a CPU; what waits go beyond that is charged to nobody.
  private static let stepsPerSecond: UInt64 = 500_000

  init(cpus: Int) { log = RunLog(cpus: cpus) }

  /// - Parameter length: of the interval that begins, ns.
  mutating func beginInterval(length: UInt64) {
    steps = Int(clamping: max(length, 1_000_000_000) / 1_000_000_000 &* Self.stepsPerSecond)
  }

  /// From `time` on `cpu` runs another process.
  @inline(__always)
  mutating func runs(_ party: UInt32, on cpu: Int, since time: UInt64) {
    log.append(party, on: cpu, since: time)
  }

  /// When its last run ended isn't known.
  mutating func forgetLast(on cpu: Int) { log.forgetLast(on: cpu) }

  /// The task has waited for `cpu` until `end`; ns.
  @inline(__always)
  mutating func charge(
    _ task: borrowing TrackedTask, waited: UInt64, for cpu: Int, until end: UInt64
  ) {
    let begin = end &- min(waited, end)
    var back = 0
    if quota.isEmpty {
      charge(task.party, from: begin, to: end, cpu, &back)
    } else {
      chargeBesidesQuota(task.party, task.cgroup, task.tid, from: begin, to: end, cpu, &back)
    }
  }

  @inline(never)
  private mutating func chargeBesidesQuota(
    _ victim: UInt32, _ cgroup: UInt64, _ tid: UInt32, from begin: UInt64, to end: UInt64,
    _ cpu: Int, _ back: inout Int
  ) {
    var end = end
    for time in quota.times(of: cgroup, tid, on: cpu) {
      let (from, to) = (max(time.from, begin), min(time.to, end))
      guard from < to else { continue }
      charge(victim, from: to, to: end, cpu, &back)
      charges.charge(victim, to: Party.quotaNumber, to - from)
      end = from
    }
    charge(victim, from: begin, to: end, cpu, &back)
  }

  @inline(__always)
  private mutating func charge(
    _ victim: UInt32, from begin: UInt64, to end: UInt64, _ cpu: Int, _ back: inout Int
  ) {
    var end = end
    while end > begin {
      guard let run = log.run(back, on: cpu), back == 0 || steps > 0 else { break }
      let since = max(run.since, begin)
      if since < end {
        charges.charge(victim, to: run.party, end - since)
        end = since
      }
      // A run that goes back further may matter once more.
      guard run.since >= begin else { break }
      back += 1
      steps &-= 1
    }
    if end > begin { chargeUnknown(victim, waited: end - begin) }
  }

  /// It isn't known who ran meanwhile.
  mutating func chargeUnknown(_ victim: UInt32, waited: UInt64) {
    if waited > 0 { charges.charge(victim, to: Party.unknownNumber, waited) }
  }

  /// What was charged in the interval that ends.
  ///
  /// - Parameters:
  ///   - end: when it ends.
  ///   - alive: the processes that there are.
  mutating func close(at end: UInt64, alive: Set<UInt32>) -> CPUWaits {
    var rows: [UInt32: [(culprit: UInt32, ns: UInt64)]] = [:]
    charges.drain { victim, culprit, ns in rows[victim, default: []].append((culprit, ns)) }
    var waits = CPUWaits()
    for (victim, row) in rows { waits.add(victim, row, parties) }
    parties.keep(alive)
    quota.keep(since: end)
    waits.fold()
    return waits
  }
}

/// How long processes waited for CPUs, and what those ran meanwhile: ns by victim and culprit.
public struct CPUWaits: Sendable, Equatable {
  public private(set) var rows: [Party: [Party: UInt64]] = [:]

  /// The rest is added up as ``Party/others``.
  private static let mostVictims = 64
  private static let mostCulprits = 16

  /// Adds a victim's row, in it the smallest as others: of hundreds that take turns each waits for each.
  fileprivate mutating func add(
    _ victim: UInt32, _ row: [(culprit: UInt32, ns: UInt64)], _ parties: borrowing Parties
  ) {
    let most = 4 * Self.mostCulprits
    let row = row.count > most ? row.sorted { $0.ns > $1.ns } : row
    let victim = parties.party(victim)
    for cell in row.prefix(most) { add(victim, parties.party(cell.culprit), cell.ns) }
    let rest = row.dropFirst(most).reduce(0) { $0 &+ $1.ns }
    if rest > 0 { add(victim, .others, rest) }
  }

  mutating func add(_ victim: Party, _ culprit: Party, _ ns: UInt64) {
    rows[victim, default: [:]][culprit, default: 0] &+= ns
  }

  mutating func append(_ next: CPUWaits) {
    for (victim, row) in next.rows {
      for (culprit, ns) in row { add(victim, culprit, ns) }
    }
    fold()
  }

  /// Leaves the processes with the longest waits, and of each the processes that ran for longest meanwhile.
  mutating func fold(victims: Int = mostVictims, culprits: Int = mostCulprits) {
    let sums = rows.mapValues { $0.values.reduce(0, &+) }
    for victim in Self.least(sums, beyond: victims) where victim != .others {
      for (culprit, ns) in rows.removeValue(forKey: victim) ?? [:] {
        add(.others, culprit == victim ? .others : culprit, ns)
      }
    }
    for (victim, row) in rows {
      let others = row.filter { $0.key.number >= Party.firstNumber && $0.key != victim }
      for culprit in Self.least(others, beyond: culprits) {
        add(victim, .others, rows[victim]?.removeValue(forKey: culprit) ?? 0)
      }
    }
  }

  private static func least(_ sums: [Party: UInt64], beyond count: Int) -> [Party] {
    sums.count <= count
      ? []
      : sums.sorted { ($0.value, $1.key.number) > ($1.value, $0.key.number) }
        .dropFirst(count).map(\.key)
  }
}
