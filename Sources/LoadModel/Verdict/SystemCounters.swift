public import Reports

/// What the kernel counts of the whole system, ever-growing: what a verdict compares the load with.
/// A figure is the difference of two.
public struct SystemCounters: Sendable, Codable {
  /// A CPU's time, in ticks of 10 ms (`/proc/stat`: man proc_stat(5)).
  public struct CPU: Sendable, Equatable, Codable {
    public var total: UInt64
    /// Waiting for I/O included.
    public var idle: UInt64
    /// In which tasks wanted to run and the host of this virtual machine ran something else.
    public var stolen: UInt64
    /// Nil in older recordings.
    public var irq: UInt64?
    public var softirq: UInt64?

    public init(
      total: UInt64, idle: UInt64, stolen: UInt64, irq: UInt64? = nil, softirq: UInt64? = nil
    ) {
      (self.total, self.idle, self.stolen) = (total, idle, stolen)
      (self.irq, self.softirq) = (irq, softirq)
    }
  }

  /// For how long tasks had to wait for a resource (`/proc/pressure`: Documentation/accounting/psi.rst):
  /// some task, and all tasks that weren't idle; us.
  public struct Stall: Sendable, Equatable, Codable {
    public var some: UInt64
    public var full: UInt64

    public init(some: UInt64, full: UInt64) {
      self.some = some
      self.full = full
    }
  }

  /// A disk's reads and writes (`/proc/diskstats`: Documentation/admin-guide/iostats.rst).
  public struct Requests: Sendable, Equatable, Codable {
    public var completed: UInt64
    /// How long all of them took, from being queued to their end, ms.
    public var ms: UInt64
    /// Those that are under way. No counter: what is so now.
    public var inFlight: UInt64

    public init(completed: UInt64, ms: UInt64, inFlight: UInt64) {
      (self.completed, self.ms, self.inFlight) = (completed, ms, inFlight)
    }
  }

  public enum Resource: String, Sendable, CaseIterable, Codable {
    case cpu, io, memory
  }

  /// Those that are online, by number.
  public var cpus: [Int: CPU] = [:]
  /// Tasks created since boot; nil where that can't be read.
  public var forks: UInt64?
  /// Pages swapped in and out; nil where that can't be read.
  public var swapped: UInt64?
  /// By name of a disk or a partition, ms in which it had requests.
  public var disks: [String: UInt64] = [:]
  /// Of those, what became of their requests; nil in older recordings.
  public var requests: [String: Requests]?
  public var pressure: [Resource: Stall] = [:]
  /// CPUs that are there, but offline; and those whose frequency is limited. No counters: what is so now.
  public var offline: [Int]?
  public var capped: CPUsPart.CappedPart?

  public init() {}

  /// Of the time since earlier counters, how much each CPU was idle that was online at both, 0 to 1.
  public func idle(since before: SystemCounters) -> [Double] {
    grown(since: before).map { Swift.min(1, Double($0.cpu.idle) / Double($0.cpu.total)) }
  }

  /// Of the time that these CPUs had, how much the host of this virtual machine took away, 0 to 1.
  public func stolen(since before: SystemCounters) -> Double {
    let grown = grown(since: before)
    let total = grown.reduce(0) { $0 + $1.cpu.total }
    return total == 0 ? 0 : min(1, Double(grown.reduce(0) { $0 + $1.cpu.stolen }) / Double(total))
  }

  private func grown(since before: SystemCounters) -> [(number: Int, cpu: CPU)] {
    cpus.sorted { $0.key < $1.key }.compactMap { number, new in
      guard let old = before.cpus[number], new.total > old.total else { return nil }
      return (
        number,
        CPU(
          total: new.total - old.total, idle: growth(new.idle, old.idle),
          stolen: growth(new.stolen, old.stolen), irq: growth(new.irq, old.irq),
          softirq: growth(new.softirq, old.softirq))
      )
    }
  }

  /// What kept CPUs from tasks since earlier counters; nil where nothing did.
  public func kept(since before: SystemCounters) -> CPUsPart? {
    let taken = grown(since: before).map { number, cpu in
      func share(_ ticks: UInt64?) -> Double { min(1, Double(ticks ?? 0) / Double(cpu.total)) }
      return CPUsPart.TakenPart(
        cpu: number, irq: share(cpu.irq), softirq: share(cpu.softirq), steal: share(cpu.stolen))
    }.filter { $0.sum >= 0.01 }.sorted { ($1.sum, $0.cpu) < ($0.sum, $1.cpu) }
    let part = CPUsPart(offline: offline ?? [], capped: capped, taken: taken)
    return part.isEmpty ? nil : part
  }

  /// Tasks created, and pages swapped, since earlier counters; 0 where that isn't known.
  public func forks(since before: SystemCounters) -> UInt64 { growth(forks, before.forks) }
  public func swapped(since before: SystemCounters) -> UInt64 { growth(swapped, before.swapped) }

  /// A counter may begin anew: of a device that has gone and come again, or of idle time.
  private func growth(_ new: UInt64?, _ old: UInt64?) -> UInt64 {
    guard let new, let old, new > old else { return 0 }
    return new - old
  }

  /// Disks that had requests since earlier counters, the busiest first.
  ///
  /// - Parameter ns: how long that was.
  public func busyDisks(since before: SystemCounters, over ns: UInt64) -> [BusyDisk] {
    disks.map { name, busy in
      var disk = BusyDisk(
        name: name,
        share: min(1, Double(growth(busy, before.disks[name])) * 1e6 / Double(max(1, ns))))
      if let now = requests?[name] {
        let then = before.requests?[name]
        let completed = growth(now.completed, then?.completed)
        disk.inFlight = now.inFlight
        disk.requestMs =
          completed > 0 ? Double(growth(now.ms, then?.ms)) / Double(completed) : nil
      }
      return disk
    }.sorted { ($1.share, $0.name) < ($0.share, $1.name) }
  }
}

/// A disk, and for which share of the time it had requests, 0 to 1.
public struct BusyDisk: Sendable, Equatable {
  public var name: String
  public var share: Double
  /// How long a request took on average, those that have ended, ms; and how many were under way at the end.
  public var requestMs: Double?
  public var inFlight: UInt64?

  public init(
    name: String, share: Double, requestMs: Double? = nil, inFlight: UInt64? = nil
  ) {
    (self.name, self.share) = (name, share)
    (self.requestMs, self.inFlight) = (requestMs, inFlight)
  }
}

extension PressurePart {
  /// Of the time between two sets of counters, ns; nil where the kernel has no account of it.
  public init?(since: SystemCounters, _ counters: SystemCounters, over ns: UInt64) {
    func share(_ resource: SystemCounters.Resource) -> Shares? {
      guard let now = counters.pressure[resource], let before = since.pressure[resource], ns > 0
      else { return nil }
      func part(_ now: UInt64, _ before: UInt64) -> Double {
        min(1, Double(now - min(now, before)) * 1e3 / Double(ns))
      }
      return Shares(some: part(now.some, before.some), full: part(now.full, before.full))
    }
    guard !counters.pressure.isEmpty else { return nil }
    self.init(cpu: share(.cpu), io: share(.io), memory: share(.memory))
  }
}
