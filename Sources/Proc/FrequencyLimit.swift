/// CPUs that may not reach their highest frequency: somebody, or the firmware, limits it
/// (Documentation/admin-guide/pm/cpufreq.rst).
public struct FrequencyLimit: Sendable, Equatable {
  public let cpus: Int
  /// The lowest limit, as a share of the highest frequency that the CPU has.
  public let share: Double

  /// Less is how these figures are rounded.
  private static let least = 0.98

  /// Nil where no limit is set or the kernel knows of none, as in most virtual machines.
  public static func current(
    _ policies: String = "/sys/devices/system/cpu/cpufreq"
  ) -> FrequencyLimit? {
    var (cpus, share) = (0, 1.0)
    for name in names(in: policies) where name.hasPrefix("policy") {
      let policy = "\(policies)/\(name)/"
      func number(_ file: String) -> Double? {
        (try? contents(of: policy + file))?.lines.first.flatMap { Double($0) }
      }
      guard let limit = number("scaling_max_freq"), let highest = number("cpuinfo_max_freq"),
        limit >= 0, limit < Self.least * highest,
        let affected = try? contents(of: policy + "affected_cpus")
      else { continue }
      cpus += affected.lines.first?.words.count ?? 0
      share = min(share, limit / highest)
    }
    return cpus == 0 ? nil : FrequencyLimit(cpus: cpus, share: share)
  }
}
