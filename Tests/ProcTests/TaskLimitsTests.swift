import Foundation
import Proc
import Testing

/// How many tasks there can be: texts as kernels write them, and those of this machine.
struct TaskLimitsTests {
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
