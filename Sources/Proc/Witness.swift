/// What the kernel counts besides, ever-growing: the witnesses of what a load means.
public struct Witness: Sendable, Codable {
  /// Per online CPU, by name, in ticks of 10 ms: all time, and idle time, waiting for I/O included
  /// (`/proc/stat`: man proc_stat(5)).
  public var cpus: [String: CPUTimes] = [:]

  public struct CPUTimes: Sendable, Codable {
    public var total: UInt64
    public var idle: UInt64
  }

  /// Tasks made since boot; nil where that can't be read.
  public var forks: UInt64?
  /// Pages swapped in and out (`/proc/vmstat`); nil where that can't be read.
  public var swapped: UInt64?
  /// By name of a disk or a part of one, ms in which it had requests (`/proc/diskstats`: Documentation/
  /// admin-guide/iostats.rst, field 10).
  public var disks: [String: UInt64] = [:]
  public var pressure: [Pressure.Resource: Pressure] = [:]

  public static func current() -> Witness {
    func text(_ name: String) -> String { (try? contents(of: "/proc/\(name)")) ?? "" }
    var witness = Witness(
      stat: text("stat"), vmstat: text("vmstat"), diskstats: text("diskstats"))
    for resource in Pressure.Resource.allCases {
      witness.pressure[resource] = Pressure.current(resource)
    }
    return witness
  }

  /// From the texts of the files in /proc.
  package init(stat: String, vmstat: String, diskstats: String) {
    for line in stat.lines {
      let words = line.words
      if line.hasPrefix("cpu"), let first = words.first, first != "cpu" {
        // Guest time is in user time already.
        let times = words.dropFirst().prefix(8).compactMap { UInt64($0) }
        guard times.count == 8 else { continue }
        cpus[String(first)] = CPUTimes(
          total: times.reduce(0, &+), idle: times[3] &+ times[4])
      } else if words.first == "processes", words.count == 2 {
        forks = UInt64(words[1])
      }
    }
    for line in vmstat.lines {
      let words = line.words
      guard words.count == 2, let value = UInt64(words[1]) else { continue }
      if words[0] == "pswpin" || words[0] == "pswpout" {
        swapped = (swapped ?? 0) &+ value
      }
    }
    for line in diskstats.lines {
      let words = line.words
      guard words.count >= 13, let busy = UInt64(words[12]) else { continue }
      disks[String(words[2])] = busy
    }
  }

  /// Of the time since an earlier one, how much each CPU was idle that was online at both, 0 to 1.
  public func idle(since before: Witness) -> [Double] {
    cpus.compactMap { name, new in
      guard let old = before.cpus[name], new.total > old.total else { return nil }
      return min(1, Double(growth(new.idle, old.idle)) / Double(new.total - old.total))
    }
  }

  /// Tasks made, and pages swapped, since an earlier one; 0 where that isn't known.
  public func forks(since before: Witness) -> UInt64 { growth(forks, before.forks) }
  public func swapped(since before: Witness) -> UInt64 { growth(swapped, before.swapped) }

  /// A counter may begin anew: of a device that has gone and come again, or of idle time.
  private func growth(_ new: UInt64?, _ old: UInt64?) -> UInt64 {
    guard let new, let old, new > old else { return 0 }
    return new - old
  }

  /// The disk that was busy for most of the time since an earlier one, with the share of so many ns.
  public func busiestDisk(since before: Witness, over ns: UInt64) -> (name: String, share: Double)?
  {
    disks.map { name, busy in
      (name, min(1, Double(growth(busy, before.disks[name])) * 1e6 / Double(max(1, ns))))
    }.max { ($0.1, $1.0) < ($1.1, $0.0) }
  }
}

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
