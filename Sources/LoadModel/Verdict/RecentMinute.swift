import Reports

/// What the machine did over the last minute, which is what load1 is about, however long intervals are:
/// from one of the load samples on.
public struct RecentMinute: Sendable {
  /// Ever-growing counters at an instant; a figure is the difference of two.
  public struct Point: Sendable {
    /// CLOCK_MONOTONIC, ns.
    public var time: UInt64
    /// Task-nanoseconds in which tasks were runnable, throttled ones among them.
    public var runnable: UInt64
    /// The same with those in D.
    public var active: UInt64
    /// Of the CPUs, for tasks that had little to do in all their lives, ns.
    public var shortLives: UInt64
    /// Task-nanoseconds of waits for a cgroup's quota, of those that have ended.
    public var quota: UInt64
    /// How many tasks were throttled then; nil where that isn't known.
    public var throttled: UInt64?
    /// Records that were to be delivered, and how many of them were lost.
    public var records: UInt64
    public var lost: UInt64
    public var system: SystemCounters

    public init(
      time: UInt64, runnable: UInt64 = 0, active: UInt64 = 0, quota: UInt64 = 0,
      shortLives: UInt64 = 0,
      throttled: UInt64? = nil,
      records: UInt64 = 0, lost: UInt64 = 0, system: SystemCounters
    ) {
      self.time = time
      (self.runnable, self.active, self.quota) = (runnable, active, quota)
      self.shortLives = shortLives
      self.throttled = throttled
      self.records = records
      self.lost = lost
      self.system = system
    }
  }

  private var points: [Point]

  public init(from first: Point) { points = [first] }

  public mutating func add(_ point: Point) {
    points.append(point)
    while points.count > 2, point.time &- points[1].time >= 60_000_000_000 { points.removeFirst() }
  }

  private var first: Point { points[0] }
  private var last: Point { points[points.count - 1] }
  private var ns: UInt64 { max(1, last.time &- first.time) }

  var seconds: Double { Double(ns) / 1e9 }
  /// Tasks that waited for a quota.
  private var quotaMean: Double {
    Double(last.quota &- min(first.quota, last.quota)) / Double(ns)
  }

  /// Tasks that ran or could have, those throttled left out.
  private var runnableMean: Double {
    let counts = points.compactMap(\.throttled).map { Double($0) }
    // The samples may coincide with what is left of each period: one is 50 times the other.
    let throttled = max(quotaMean, counts.reduce(0, +) / Double(max(1, counts.count)))
    return max(
      0, Double(last.runnable &- min(first.runnable, last.runnable)) / Double(ns) - throttled)
  }

  /// Hands a verdict what it is to know of this minute.
  public func describe(to verdict: inout Verdict) {
    verdict.seconds = seconds
    verdict.runnableMean = runnableMean
    let (now, before) = (last.active &- last.runnable, first.active &- first.runnable)
    verdict.activeMean = verdict.runnableMean + Double(now &- min(before, now)) / Double(ns)
    verdict.quotaMean = quotaMean
    verdict.throttledMost = points.compactMap(\.throttled).max() ?? 0
    verdict.idle = last.system.idle(since: first.system)
    verdict.stolen = last.system.stolen(since: first.system)
    verdict.kept = last.system.kept(since: first.system)
    verdict.pressure = PressurePart(since: first.system, last.system, over: ns)
    verdict.forksPerSecond = Double(last.system.forks(since: first.system)) / seconds
    verdict.shortLives =
      Double(last.shortLives &- min(first.shortLives, last.shortLives)) / Double(ns)
    verdict.swapsPerSecond = Double(last.system.swapped(since: first.system)) / seconds
    verdict.disks = last.system.busyDisks(since: first.system, over: ns)
    verdict.lost = Double(last.lost &- first.lost) / Double(max(1, last.records &- first.records))
  }
}
