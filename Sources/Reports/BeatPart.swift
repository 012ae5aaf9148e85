/// Processes that run in bursts at regular times, which the kernel's load samples meet for a while, and then miss
/// for long.
public struct BeatPart: Codable, Sendable, Equatable {
  /// Their name; the id where it is one process.
  public var process: String
  public var pid: UInt32?
  /// How many there are; at most 16 are told apart.
  public var count: Int
  /// From one burst to the next, ns, and how long each lasts.
  public var periodNs: UInt64
  public var burstNs: UInt64
  /// How many of their tasks are active in a burst, on average; and at all times.
  public var tasks: Double
  public var mean: Double
  /// What they add to load1 by the end of such a time.
  public var load1: Double
  /// How long samples and bursts go on meeting, and how long it is from one such time to the next, ns; absent
  /// where it never changes.
  public var lastsNs: UInt64?
  public var everyNs: UInt64?
  /// Whether samples meet the bursts now.
  public var now: Bool
  /// When the next such time begins (of the present one: its first sample from now on), and when it ends; wall
  /// clock, ISO 8601, UTC. Absent where there will be none, or no end of it.
  public var begins: String?
  public var ends: String?

  public init(
    process: String, pid: UInt32?, count: Int, periodNs: UInt64, burstNs: UInt64, tasks: Double,
    mean: Double, load1: Double, lastsNs: UInt64?, everyNs: UInt64?, now: Bool, begins: String?,
    ends: String?
  ) {
    (self.process, self.pid, self.count) = (process, pid, count)
    (self.periodNs, self.burstNs, self.tasks) = (periodNs, burstNs, tasks)
    (self.mean, self.load1, self.lastsNs, self.everyNs) = (mean, load1, lastsNs, everyNs)
    (self.now, self.begins, self.ends) = (now, begins, ends)
  }

  enum CodingKeys: String, CodingKey {
    case process, pid, count, tasks, mean, load1, now, begins, ends
    case periodNs = "period_ns"
    case burstNs = "burst_ns"
    case lastsNs = "lasts_ns"
    case everyNs = "every_ns"
  }

  /// "telegraf (812)", "cron (3 processes)". Not escaped.
  public var label: String {
    AttributionRow(state: .runnable, process: process, pid: pid, count: count)
      .label(by: [.process])
  }
}
