/// What keeps CPUs from tasks, other than tasks.
public struct CPUsPart: Codable, Sendable, Equatable {
  /// CPUs that are there, but offline.
  public var offline: [Int]
  /// Absent where no CPU's frequency is limited.
  public var capped: CappedPart?
  /// CPUs that interrupts, softirqs and the hypervisor took at least 1 % of the interval from; most first.
  public var taken: [TakenPart]

  public init(offline: [Int] = [], capped: CappedPart? = nil, taken: [TakenPart] = []) {
    (self.offline, self.capped, self.taken) = (offline, capped, taken)
  }

  public var isEmpty: Bool { offline.isEmpty && capped == nil && taken.isEmpty }

  /// CPUs that may not reach their highest frequency (`scaling_max_freq` in /sys/devices/system/cpu/cpufreq:
  /// Documentation/admin-guide/pm/cpufreq.rst).
  public struct CappedPart: Codable, Sendable, Equatable {
    public var cpus: Int
    /// The lowest of these limits, as a share of the highest frequency.
    public var limit: Double

    public init(cpus: Int, limit: Double) { (self.cpus, self.limit) = (cpus, limit) }
  }

  /// Shares of one CPU's time, 0 to 1 (`/proc/stat`: man proc_stat(5)).
  public struct TakenPart: Codable, Sendable, Equatable {
    public var cpu: Int
    public var irq: Double
    public var softirq: Double
    public var steal: Double

    public init(cpu: Int, irq: Double, softirq: Double, steal: Double) {
      (self.cpu, self.irq, self.softirq, self.steal) = (cpu, irq, softirq, steal)
    }

    public var sum: Double { irq + softirq + steal }
  }
}
