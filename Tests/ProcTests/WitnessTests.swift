import Foundation
import Proc
import Testing

/// What the kernel counts besides: texts as kernels write them.
struct WitnessTests {
  private let before = Witness(
    stat: KernelCountersTests.fixture, vmstat: "nr_free_pages 5\npswpin 100\npswpout 7\n",
    diskstats: """
       7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
       8       0 sda 9 8 7 6 5 4 3 2 1 4000 77 0 0 0 0 0 0
       8       1 sda1 9 8 7 6 5 4 3 2 1 3000 78 0 0 0 0
      """)

  @Test func fromTexts() {
    #expect(before.cpus["cpu0"]?.idle == 11_311_718 + 3675 && before.cpus.count == 1)
    #expect(before.cpus["cpu0"]?.total == 1132 + 34 + 1441 + 11_311_718 + 3675 + 127 + 438)
    #expect(before.forks == 2915 && before.swapped == 107)
    #expect(before.disks == ["loop0": 0, "sda": 4000, "sda1": 3000])
    let nothing = Witness(stat: "", vmstat: "", diskstats: "")
    #expect(nothing.cpus.isEmpty && nothing.forks == nil && nothing.swapped == nil)
  }

  @Test func growth() throws {
    // Of 10 s: 7 idle, 1 waiting for I/O, 2 of a program in a guest, which are user time already.
    let after = Witness(
      stat: """
        cpu0 1332 34 1441 11312418 3775 127 438 0 200 0
        cpu1 1 1 1 1 1 1 1 1 1 1
        processes 3015
        """, vmstat: "pswpin 105\npswpout 12\n",
      diskstats: "8 0 sda 9 8 7 6 5 4 3 2 1 6500 77 0\n8 16 sdb 9 8 7 6 5 4 3 2 1 9000 77 0\n")
    #expect(after.idle(since: before) == [0.8])
    #expect(after.forks(since: before) == 100 && after.swapped(since: before) == 10)
    let disk = try #require(after.busiestDisk(since: before, over: 10_000_000_000))
    #expect(disk.name == "sda" && disk.share == 0.25)
    // Counters that begin anew.
    #expect(before.forks(since: after) == 0 && before.idle(since: after).isEmpty)
  }

  /// Only CPUs that are online at both ends count.
  @Test func cpusThatComeAndGo() {
    func stat(_ cpus: [Int], _ ticks: Int) -> Witness {
      let lines = cpus.map { "cpu\($0) \(ticks) 0 0 \(ticks) 0 0 0 0 0 0" }
      return Witness(stat: lines.joined(separator: "\n"), vmstat: "", diskstats: "")
    }
    #expect(stat([0], 200).idle(since: stat([0, 1], 100)) == [0.5])
    #expect(stat([0, 1], 200).idle(since: stat([0], 100)) == [0.5])
    #expect(stat([0, 1], 200).idle(since: stat([0, 1], 100)) == [0.5, 0.5])
  }

  /// The kernel's idle time grows as a clock does.
  @Test func ofThisMachine() throws {
    let cpus = ProcessInfo.processInfo.activeProcessorCount
    let (start, first) = (ContinuousClock.now, Witness.current())
    Thread.sleep(forTimeInterval: 1)
    let (second, length) = (Witness.current(), ContinuousClock.now - start)
    #expect(second.cpus.count == cpus && second.idle(since: first).count == cpus)
    for (name, times) in second.cpus {
      let ticks = Double(times.total - (try #require(first.cpus[name])).total)
      // In hundredths of a second; what the machine below took may not be told.
      #expect(ticks / 100 < length / .seconds(1) + 0.3, "\(name): \(ticks)")
      #expect(ticks / 100 > 0.3, "\(name): \(ticks)")
    }
  }

  @Test func pressureFromText() throws {
    let text = """
      some avg10=1.50 avg60=0.20 avg300=0.00 total=123456
      full avg10=0.00 avg60=0.00 avg300=0.00 total=99
      """
    let pressure = try #require(Pressure(parsing: text))
    #expect(pressure.some == 123_456 && pressure.full == 99)
    // That of CPUs had no such line before Linux 5.13.
    #expect(Pressure(parsing: text.lines[0] + "\n")?.full == 0)
    #expect(Pressure(parsing: "") == nil && Pressure(parsing: "some total") == nil)
  }

  @Test func limitsFromTexts() {
    let limits = TaskLimits(
      threadsMax: 5, pidMax: 6,
      meminfo: "MemTotal: 9 kB\nMemAvailable:   14 kB\nKernelStack:     3 kB\n",
      slabinfo: """
        slabinfo - version: 2.1
        # name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>
        task_struct_x       1   2   3   4    8
        task_struct       315    392   8128   4    8 : tunables 0 0 0
        """)
    #expect(limits.available == 14336 && limits.kernelStacks == 3072 && limits.taskBytes == 8128)
    #expect(
      TaskLimits(threadsMax: 5, pidMax: 6, meminfo: "", slabinfo: nil).taskBytes == nil)
  }

  @Test func limitsOfThisMachine() throws {
    let limits = try TaskLimits.current()
    func number(_ name: String) throws -> UInt64? {
      let text = try String(contentsOfFile: "/proc/sys/kernel/\(name)", encoding: .utf8)
      return UInt64(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    #expect(try limits.threadsMax == number("threads-max"))
    #expect(try limits.pidMax == number("pid_max"))
    // Each task has a stack of 16 KiB, and stacks of the dead are kept for the next.
    let tasks = UInt64(try LoadAverage.current().tasks)
    #expect(limits.kernelStacks >= tasks * 16384 * 9 / 10)
  }
}
