import LoadModel
import Reports
import Testing

/// Figures of the time between two sets of counters.
struct SystemCountersTests {
  private var before: SystemCounters {
    var counters = SystemCounters()
    counters.cpus = [
      0: .init(total: 5000, idle: 4000, stolen: 10), 7: .init(total: 100, idle: 90, stolen: 0),
    ]
    (counters.forks, counters.swapped) = (2915, 107)
    counters.disks = ["sda": 4000, "sda1": 3000]
    counters.pressure[.io] = .init(some: 1_000_000, full: 500_000)
    return counters
  }

  @Test func growth() throws {
    // Of 10 s: 7 idle, 2 stolen, on a CPU that was there all the time; another has come.
    var after = before
    after.cpus = [
      0: .init(total: 6000, idle: 4700, stolen: 210), 1: .init(total: 10, idle: 1, stolen: 9),
    ]
    (after.forks, after.swapped) = (3015, 117)
    after.disks = ["sda": 6500, "sdb": 9000]
    after.pressure[.io] = .init(some: 3_500_000, full: 600_000)
    #expect(after.idle(since: before) == [0.7] && after.stolen(since: before) == 0.2)
    #expect(after.forks(since: before) == 100 && after.swapped(since: before) == 10)
    #expect(
      after.busyDisks(since: before, over: 10_000_000_000).first
        == BusyDisk(name: "sda", share: 0.25))
    #expect(
      PressurePart(since: before, after, over: 10_000_000_000)
        == PressurePart(cpu: nil, io: .init(some: 0.25, full: 0.01), memory: nil))
    // Counters that begin anew.
    #expect(before.forks(since: after) == 0 && before.idle(since: after).isEmpty)
    #expect(before.stolen(since: after) == 0)
  }

  /// Of one CPU's time, what went to interrupts, softirqs and the host.
  @Test func keptFromTasks() {
    func counters(_ ticks: UInt64, irq: UInt64?, softirq: UInt64?) -> SystemCounters {
      var counters = SystemCounters()
      counters.cpus[0] = .init(total: ticks, idle: 0, stolen: 0, irq: 0, softirq: ticks / 200)
      counters.cpus[3] = .init(
        total: ticks, idle: 0, stolen: ticks / 10, irq: irq, softirq: softirq)
      return counters
    }
    let before = counters(1000, irq: 7, softirq: 10)
    #expect(
      counters(2000, irq: 57, softirq: 310).kept(since: before)?.taken == [
        .init(cpu: 3, irq: 0.05, softirq: 0.3, steal: 0.1)
      ])
    // Of an older recording.
    #expect(
      counters(2000, irq: nil, softirq: nil).kept(since: before)?.taken == [
        .init(cpu: 3, irq: 0, softirq: 0, steal: 0.1)
      ])
    #expect(counters(1000, irq: 7, softirq: 10).kept(since: before) == nil)
    var offline = before
    offline.offline = [5]
    #expect(offline.kept(since: before) == CPUsPart(offline: [5]))
  }

  /// Only the last minute counts, from a sample on.
  @Test func recentMinute() {
    func point(_ seconds: UInt64, stolen: UInt64, runnable: UInt64) -> RecentMinute.Point {
      var system = SystemCounters()
      system.cpus = [
        0: .init(total: 1000 + seconds * 100, idle: 500 + seconds * 50, stolen: stolen)
      ]
      return RecentMinute.Point(
        time: seconds * 1_000_000_000, runnable: runnable, shortLives: 0, throttled: 1,
        records: seconds * 100, lost: seconds, system: system)
    }
    var minute = RecentMinute(from: point(0, stolen: 0, runnable: 0))
    minute.add(point(40, stolen: 3000, runnable: 0))
    minute.add(point(100, stolen: 3600, runnable: 180_000_000_000))
    var verdict = Verdict()
    minute.describe(to: &verdict)
    #expect(verdict.seconds == 60 && verdict.idle == [0.5])
    #expect(abs(verdict.stolen - 0.1) < 1e-12 && abs(verdict.lost - 0.01) < 1e-12)
    #expect(verdict.runnableMean == 2 && verdict.throttledMost == 1)
  }

  /// Only CPUs that are online at both ends count.
  @Test func cpusThatComeAndGo() {
    func counters(_ cpus: [Int], _ ticks: UInt64) -> SystemCounters {
      var counters = SystemCounters()
      for cpu in cpus {
        counters.cpus[cpu] = SystemCounters.CPU(total: 2 * ticks, idle: ticks, stolen: 0)
      }
      return counters
    }
    #expect(counters([0], 200).idle(since: counters([0, 1], 100)) == [0.5])
    #expect(counters([0, 1], 200).idle(since: counters([0], 100)) == [0.5])
    #expect(counters([0, 1], 200).idle(since: counters([0, 1], 100)) == [0.5, 0.5])
  }
}
