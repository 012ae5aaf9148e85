/// How many tasks there can be (man proc_sys_kernel(5), proc_meminfo(5)).
public struct TaskLimits: Sendable {
  public let threadsMax: UInt64
  public let pidMax: UInt64
  /// Of one task_struct in its slab (`/proc/slabinfo`: man slabinfo(5)); nil where that may not be read.
  public let taskBytes: UInt64?
  /// KernelStack of /proc/meminfo, and MemAvailable; bytes.
  public let kernelStacks: UInt64
  public let available: UInt64

  public static func current() throws(ProcError) -> TaskLimits {
    let threads = try read("/proc/sys/kernel/threads-max") { UInt64($0.lines.first ?? "") }
    let pids = try read("/proc/sys/kernel/pid_max") { UInt64($0.lines.first ?? "") }
    return TaskLimits(
      threadsMax: threads, pidMax: pids, meminfo: try contents(of: "/proc/meminfo"),
      slabinfo: try? contents(of: "/proc/slabinfo"))
  }

  /// With the texts of the files in /proc.
  package init(threadsMax: UInt64, pidMax: UInt64, meminfo: String, slabinfo: String?) {
    let memory = meminfo.lines.map(\.words)
    func bytes(_ key: String) -> UInt64 {
      let words = memory.first { $0.first == Substring(key + ":") }
      return (words.flatMap { $0.count > 1 ? UInt64($0[1]) : nil } ?? 0) &* 1024
    }
    let slab = slabinfo?.lines.map(\.words).first { $0.first == "task_struct" && $0.count > 3 }
    (self.threadsMax, self.pidMax) = (threadsMax, pidMax)
    taskBytes = slab.flatMap { UInt64($0[3]) }
    kernelStacks = bytes("KernelStack")
    available = bytes("MemAvailable")
  }
}
