import Foundation
import LoadModel
import LoadProbes
import Testing

/// Texts as kernels write them.
struct SystemCountersTests {
  @Test func fromTexts() {
    let counters = SystemCounters(
      stat: """
        cpu  2255 34 2290 22625563 6290 127 456 0 0 0
        cpu0 1132 34 1441 11311718 3675 127 438 59 7 0
        cpu1 1123 0 849
        intr 114930548 113199788 3 0 5 263 0 4
        ctxt 1990473
        processes 2915
        """, vmstat: "nr_free_pages 5\npswpin 100\npswpout 7\n",
      diskstats: """
         7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
         8       0 sda 9 8 7 6 5 4 3 2 1 4000 77 0 0 0 0 0 0
         8       1 sda1 9 8 7 6 5 4 3 2 1 3000 78 0 0 0 0
        """)
    // Time of guests, behind steal, is in user time already.
    let times = SystemCounters.CPU(
      total: 1132 + 34 + 1441 + 11_311_718 + 3675 + 127 + 438 + 59, idle: 11_311_718 + 3675,
      stolen: 59, irq: 127, softirq: 438)
    #expect(counters.cpus == [0: times])
    #expect(counters.forks == 2915 && counters.swapped == 107)
    #expect(counters.disks == ["loop0": 0, "sda": 4000, "sda1": 3000])
    #expect(counters.requests?["sda"] == .init(completed: 9 + 5, ms: 6 + 2, inFlight: 1))
    let nothing = SystemCounters(stat: "", vmstat: "", diskstats: "")
    #expect(nothing.cpus.isEmpty && nothing.forks == nil && nothing.swapped == nil)
  }

  /// The kernel's time grows as a clock does.
  @Test func ofThisMachine() throws {
    let cpus = ProcessInfo.processInfo.activeProcessorCount
    func current() throws -> SystemCounters {
      SystemCounters(
        stat: try String(contentsOfFile: "/proc/stat", encoding: .utf8), vmstat: "", diskstats: "")
    }
    let (start, first) = (ContinuousClock.now, try current())
    Thread.sleep(forTimeInterval: 1)
    let (second, length) = (try current(), ContinuousClock.now - start)
    #expect(second.cpus.count == cpus && second.idle(since: first).count == cpus)
    for (number, times) in second.cpus {
      let before = try #require(first.cpus[number])
      let ticks = Double(times.total - before.total)
      // In hundredths of a second; what the machine below took need not be in it.
      #expect(ticks / 100 < length / .seconds(1) + 0.3, "CPU \(number): \(ticks)")
      #expect(ticks / 100 > 0.3, "CPU \(number): \(ticks)")
      #expect(times.stolen >= before.stolen && times.stolen <= times.total)
    }
  }
}
