import Tasks

/// Who ran while others waited for a CPU.
///
/// Every wait is charged, to the nanosecond, to what its CPU ran in the meantime. It is charged when it ends, by
/// walking that CPU's run log back to where the wait began.
struct CulpritAccount: ~Copyable {
  var parties = Parties()
  var throttled = ThrottledSpans()
  /// Whether waits are summed by cgroup too.
  var sumsCgroups = false
  private var log: RunLog
  private var charges = WaitCharges()
  /// What of all waits that have ended was charged to quotas, ns.
  private(set) var quotaNs: UInt64 = 0
  /// How many more runs may be walked in this interval.
  private var stepsLeft = 0

  /// A wait can span thousands of runs. At most this many are walked per second, some 1 % of a CPU; what is
  /// left of the waits then is charged to ``Party/unknown``.
  private static let stepsPerSecond: UInt64 = 500_000

  init(cpus: Int) { log = RunLog(cpus: cpus) }

  /// - Parameter length: of the interval that begins, ns.
  mutating func beginInterval(length: UInt64) {
    stepsLeft = Int(clamping: max(length, 1_000_000_000) / 1_000_000_000 &* Self.stepsPerSecond)
  }

  /// The CPU runs another process from `time` on.
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
    if waited > end { chargeUnknown(task.party, waited: waited - end) }
    var back = 0
    if !throttled.mayHave(task.cgroup, task.tid, on: cpu) {
      charge(task.party, from: begin, to: end, cpu, &back)
    } else {
      chargeWithThrottling(task.party, task.cgroup, task.tid, from: begin, to: end, cpu, &back)
    }
  }

  @inline(never)
  private mutating func chargeWithThrottling(
    _ victim: UInt32, _ cgroup: UInt64, _ tid: UInt32, from begin: UInt64, to end: UInt64,
    _ cpu: Int, _ back: inout Int
  ) {
    var end = end
    for span in throttled.spans(of: cgroup, tid, on: cpu) {
      let (from, to) = (max(span.from, begin), min(span.to, end))
      guard from < to, span.covers(begin) else { continue }
      charge(victim, from: to, to: end, cpu, &back)
      charges.charge(victim, to: Party.quotaNumber, to - from)
      quotaNs &+= to - from
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
      guard let run = log.run(back, on: cpu), back == 0 || stepsLeft > 0 else { break }
      let since = max(run.since, begin)
      if since < end {
        charges.charge(victim, to: run.party, end - since)
        end = since
      }
      // This run began earlier: the next part of the wait may need it too.
      guard run.since >= begin else { break }
      back += 1
      stepsLeft &-= 1
    }
    if end > begin { chargeUnknown(victim, waited: end - begin) }
  }

  /// Charges a wait to ``Party/unknown``.
  mutating func chargeUnknown(_ victim: UInt32, waited: UInt64) {
    if waited > 0 { charges.charge(victim, to: Party.unknownNumber, waited) }
  }

  /// Forgets what was charged.
  mutating func reset() { charges.drain { _, _, _ in } }

  /// Ends the interval and returns what was charged in it.
  ///
  /// - Parameter alive: numbers of the processes that still exist.
  mutating func close(at end: UInt64, alive: Set<UInt32>) -> CPUWaits {
    var rows: [UInt32: [(culprit: UInt32, ns: UInt64)]] = [:]
    charges.drain { victim, culprit, ns in rows[victim, default: []].append((culprit, ns)) }
    var waits = CPUWaits()
    if sumsCgroups { waits.byCgroup = cgroupSums(rows) }
    for (victim, row) in rows { waits.add(victim, row, parties) }
    parties.prune(alive: alive)
    throttled.prune(at: end)
    waits.fold()
    return waits
  }

  private func cgroupSums(
    _ rows: [UInt32: [(culprit: UInt32, ns: UInt64)]]
  ) -> [Party: [Party: UInt64]] {
    var sums: [Party: [Party: UInt64]] = [:]
    for (number, row) in rows {
      let victim = parties.party(number)
      let waiting = victim.number < Party.firstNumber ? Party.others : Party(cgroupOf: victim)
      for cell in row {
        let culprit = parties.party(cell.culprit)
        let ran = culprit.number < Party.firstNumber ? culprit : Party(cgroupOf: culprit)
        sums[waiting, default: [:]][ran, default: 0] &+= cell.ns
      }
    }
    return sums
  }
}

/// How long processes waited for a CPU, in ns by victim and culprit.
public struct CPUWaits: Sendable, Equatable {
  public private(set) var rows: [Party: [Party: UInt64]] = [:]
  /// The same by cgroup, where that is wanted; nothing folded.
  var byCgroup: [Party: [Party: UInt64]] = [:]

  /// The rest is folded into ``Party/others``.
  private static let mostVictims = 64
  private static let mostCulprits = 16

  /// Adds a victim's row, its smallest culprits folded into `others`: when hundreds of processes take turns,
  /// each waits for every other.
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
    // Who waited isn't known either: one row of the rest is enough.
    rows[victim == .unknown ? .others : victim, default: [:]][culprit, default: 0] &+= ns
  }

  mutating func append(_ next: CPUWaits) {
    for (victim, row) in next.rows {
      for (culprit, ns) in row { add(victim, culprit, ns) }
    }
    for (victim, row) in next.byCgroup {
      byCgroup[victim, default: [:]].merge(row) { $0 &+ $1 }
    }
    fold()
  }

  /// Keeps the longest waits and the largest culprits of each; folds the rest into `others`.
  mutating func fold(victims: Int = mostVictims, culprits: Int = mostCulprits) {
    let sums = rows.mapValues { $0.values.reduce(0, &+) }
    for victim in Self.smallest(sums, beyond: victims) where victim != .others {
      for (culprit, ns) in rows.removeValue(forKey: victim) ?? [:] {
        add(.others, culprit == victim ? .others : culprit, ns)
      }
    }
    for (victim, row) in rows {
      // Of several of one name it isn't known which waited for which: they are culprits like others.
      let others = row.filter {
        $0.key.number >= Party.firstNumber && ($0.key != victim || victim.pid == 0)
      }
      for culprit in Self.smallest(others, beyond: culprits) {
        add(victim, .others, rows[victim]?.removeValue(forKey: culprit) ?? 0)
      }
    }
  }

  /// Processes that are known by name only are one, whatever their cgroups.
  mutating func joinCgroups() {
    func whole(_ party: Party) -> Party {
      party.number >= Party.firstNumber && party.pid == 0 ? Party(allOf: party) : party
    }
    guard
      rows.contains(where: { whole($0.key) != $0.key || $0.value.keys.contains { whole($0) != $0 } }
      )
    else { return }
    let old = rows
    rows = [:]
    for (victim, row) in old {
      for (culprit, ns) in row { add(whole(victim), whole(culprit), ns) }
    }
  }

  /// Where there are more than that, those of one name are one, from three on: ten rows that say the same say no
  /// more than one, and `others` says nothing.
  mutating func joinNames(victims: Int, culprits: Int) {
    if rows.count > victims {
      for (name, members) in Self.families(rows.keys) {
        for member in members {
          for (culprit, ns) in rows.removeValue(forKey: member) ?? [:] {
            add(name, members.contains(culprit) ? name : culprit, ns)
          }
        }
      }
    }
    for (victim, row) in rows {
      let others = row.keys.filter { $0.number >= Party.firstNumber && $0 != victim }
      guard others.count > culprits else { continue }
      for (name, members) in Self.families(others) {
        for member in members {
          add(victim, name, rows[victim]?.removeValue(forKey: member) ?? 0)
        }
      }
    }
  }

  private static func families(_ parties: some Sequence<Party>) -> [(Party, Set<Party>)] {
    let named = parties.filter { $0.number >= Party.firstNumber }
    return Dictionary(grouping: named) { Party(allOf: $0) }.filter { $0.value.count > 2 }
      .map { ($0.key, Set($0.value)) }
  }

  private static func smallest(_ sums: [Party: UInt64], beyond count: Int) -> [Party] {
    sums.count <= count
      ? []
      : sums.sorted { ($0.value, $1.key.number) > ($1.value, $0.key.number) }
        .dropFirst(count).map(\.key)
  }
}
