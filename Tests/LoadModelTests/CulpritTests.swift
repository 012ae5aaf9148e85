import Histograms
import LoadModel
import Records
import Testing

/// Who ran while others waited for a CPU.
struct CulpritTests {
  /// By process ID; 0 for idle, `UInt32.max` where it isn't known, and one less for all others.
  private static func byId(_ waits: CPUWaits) -> [UInt32: [UInt32: UInt64]] {
    var rows: [UInt32: [UInt32: UInt64]] = [:]
    func id(_ party: Party) -> UInt32 {
      party == .unknown ? .max : party == .others ? .max - 1 : party.pid
    }
    for (victim, row) in waits.rows {
      for (culprit, ns) in row { rows[id(victim), default: [:]][id(culprit), default: 0] += ns }
    }
    return rows
  }

  /// Against a scheduler that looks, at each of its steps, who waits and what runs there.
  @Test(arguments: 0..<30 as Range<UInt64>) func asTheSchedulerSawIt(seed: UInt64) {
    var options = Simulator.Options()
    options.tellsFromStart = seed % 2 == 0
    var watched = Watched(seed: seed, options)
    _ = watched.interval(50_000_000)
    var charged: UInt64 = 0
    for _ in 0..<4 {
      let both = watched.interval(100_000_000)
      for (victim, var row) in Self.byId(both.told.culprits) {
        let truth = both.culprits[victim] ?? [:]
        let others = row.removeValue(forKey: .max - 1) ?? 0
        for (culprit, ns) in row { #expect(truth[culprit] == ns, "\(victim), \(culprit)") }
        #expect(row.values.reduce(others, +) == truth.values.reduce(0, +))
      }
      let sum = both.culprits.values.joined().reduce(0) { $0 + $1.value }
      let told = both.told.culprits.rows.values.joined().reduce(0) { $0 + $1.value }
      #expect(told == sum)
      #expect(sum == both.told.runQueueLatency.sum)
      charged += sum
    }
    #expect(charged > 100_000_000)
  }

  /// Records may be lost, but no nanosecond of a wait is.
  @Test(arguments: 0..<20 as Range<UInt64>) func withLosses(seed: UInt64) {
    var watched = Watched(seed: seed)
    var unknown: UInt64 = 0
    for _ in 0..<6 {
      var kept = 0
      let both = watched.interval(100_000_000) { told in
        told.filter { _ in
          kept += 1
          return kept % 7 != 0
        }
      }
      let rows = Self.byId(both.told.culprits)
      let sum = rows.values.joined().reduce(0) { $0 + $1.value }
      #expect(sum == both.told.runQueueLatency.sum)
      unknown += rows.values.reduce(0) { $0 + ($1[.max] ?? 0) }
    }
    #expect(unknown > 0)
  }

  /// A task of a throttled cgroup waits for its quota: as long as the cgroup doesn't run there.
  @Test(arguments: [false, true]) func throttled(alone: Bool) {
    var script = Script()
    for (tid, group) in [(7, 50), (8, 50), (9, 60)] as [(UInt32, UInt64)] {
      script.told(SONDE_KIND_NEW_TASK, at: 1, tid, cgroup: group)
    }
    let queued = SONDE_SWITCH_PREV_QUEUED
    let all = sonde_switch_flags(
      queued.rawValue | SONDE_SWITCH_PREV_THROTTLED.rawValue
        | (alone ? SONDE_SWITCH_THROTTLED_ALONE.rawValue : 0))
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    // 8 is woken at 15, 7 throttled at 20; 9 runs until 80, then 8 until 90, then 7.
    script.switched(at: 20, from: 7, to: Script.next(9, pcount: 1), flags: all)
    script.switched(at: 80, from: 9, 1, to: Script.next(8, pcount: 1, runDelay: 65))
    script.switched(at: 90, from: 8, 1, to: Script.next(7, pcount: 2, runDelay: 70))
    let rows = script.close(at: 200).culprits.rows
    func row(_ pid: UInt32) -> [UInt32: UInt64] {
      let row = rows.first { $0.key.pid == pid }?.value ?? [:]
      return Dictionary(row.map { ($0.key == .quota ? 1 : $0.key.pid, $0.value) }) { $0 + $1 }
    }
    // As long as tasks are throttled one by one, 8 isn't.
    let areEqual = alone ? row(8) == [7: 5, 9: 60] : row(8) == [7: 5, 1: 60]
    let isOwn = alone ? row(7) == [1: 70] : row(7) == [1: 60, 8: 10]
    #expect(areEqual && isOwn, "\(row(8)) \(row(7))")
  }

  /// A cgroup that goes on elsewhere and comes back late has not been throttled all the time.
  @Test func backAfterAWhile() {
    var script = Script()
    for (tid, group) in [(7, 50), (9, 60)] as [(UInt32, UInt64)] {
      script.told(SONDE_KIND_NEW_TASK, at: 1, tid, cgroup: group)
    }
    let all = sonde_switch_flags(
      SONDE_SWITCH_PREV_QUEUED.rawValue | SONDE_SWITCH_PREV_THROTTLED.rawValue)
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, to: Script.next(9, pcount: 1), flags: all)
    script.migrated(at: 30, 7, from: 0, to: 1, runDelay: 10)
    script.switched(at: 40, to: Script.next(7, pcount: 2, runDelay: 20), cpu: 1)
    script.switched(at: 500_000_000, from: 7, 1, cpu: 1)
    script.switched(at: 600_000_000, from: 9, 1, to: Script.next(7, pcount: 3, runDelay: 5_000_020))
    let rows = Self.byId(script.close(at: 700_000_000).culprits)
    #expect(rows[7]?[9] == 5_000_000, "\(rows)")
  }

  @Test func byHand() {
    var script = Script()
    for (tid, process) in [(7, 7), (8, 8), (9, 8)] as [(UInt32, UInt32)] {
      script.told(SONDE_KIND_NEW_TASK, at: 1, tid, of: process)
    }
    let queued = SONDE_SWITCH_PREV_QUEUED
    // 7 runs, then 8, then 9 of the same process, then nobody, then 7: moved to the other CPU meanwhile,
    // where 9 runs, it waits from 20 to 90.
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, to: Script.next(8, pcount: 1), flags: queued)
    script.switched(at: 30, from: 8, to: Script.next(9, pcount: 1), flags: queued)
    script.switched(at: 45, from: 9, 1)
    script.switched(at: 50, to: Script.next(9, pcount: 2), cpu: 1)
    script.migrated(at: 60, 7, from: 0, to: 1, runDelay: 40)
    script.switched(at: 90, from: 9, 1, to: Script.next(7, pcount: 2, runDelay: 70), cpu: 1)
    // 8 was preempted at 30, and 9 slept from 45 on.
    script.switched(at: 100, to: Script.next(8, pcount: 2, runDelay: 70))
    let rows = Self.byId(script.close(at: 200).culprits)
    let areEqual = rows == [7: [8: 10 + 15 + 30, 0: 15], 8: [8: 15, 0: 55]]
    #expect(areEqual, "\(rows)")
  }

  /// The walk stops after 1,024 runs; the rest is unknown.
  @Test func aVeryLongWait() {
    var script = Script(cpus: 1)
    for tid in 7...9 as ClosedRange<UInt32> { script.told(SONDE_KIND_NEW_TASK, at: 1, tid) }
    let queued = SONDE_SWITCH_PREV_QUEUED
    script.switched(at: 10, to: Script.next(9, pcount: 1))
    var prev: UInt32 = 9
    for turn in 1...3000 as ClosedRange<UInt64> {
      let next: UInt32 = turn % 2 == 0 ? 7 : 8
      script.switched(
        at: 10 + 10 * turn, from: prev,
        to: Script.next(next, pcount: UInt32(turn + 1) / 2, runDelay: (turn - 1) / 2 * 10),
        flags: queued)
      prev = next
    }
    script.switched(
      at: 30_020, from: prev, to: Script.next(9, pcount: 2, runDelay: 30_000), flags: queued)
    let rows = Self.byId(script.close(at: 40_000).culprits)
    #expect(rows[9]?.values.reduce(0, +) == 30_000)
    #expect(rows[9]?[7] == 5120 && rows[9]?[8] == 5120 && rows[9]?[.max] == 30_000 - 10_240)
  }

  /// Of many processes only the largest keep a row; the sums stay complete.
  @Test func manyProcesses() {
    var script = Script(cpus: 1)
    let queued = SONDE_SWITCH_PREV_QUEUED
    var delays = [UInt64](repeating: 0, count: 500)
    for tid in 1...500 as ClosedRange<UInt32> { script.told(SONDE_KIND_NEW_TASK, at: 1, tid) }
    for turn in 0..<2000 as Range<Int> {
      let task = turn % 500
      let round = UInt64(turn / 500)
      if round > 0 { delays[task] += 499 * 10 }
      script.switched(
        at: 10 + 10 * UInt64(turn), from: turn == 0 ? 0 : UInt32((turn - 1) % 500 + 1),
        to: Script.next(UInt32(task + 1), pcount: UInt32(round + 1), runDelay: delays[task]),
        flags: queued)
    }
    let interval = script.close(at: 40_000)
    #expect(interval.culprits.rows.count <= 65)
    #expect(interval.culprits.rows.values.allSatisfy { $0.count <= 20 })
    let sum = interval.culprits.rows.values.joined().reduce(0) { $0 + $1.value }
    #expect(sum == interval.runQueueLatency.sum && sum == 1500 * 4990)
  }
}
