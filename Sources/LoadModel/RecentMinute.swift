import Proc
import Reports

/// What the machine did over the last minute, which is what load1 is about, however long intervals are:
/// from one of the load samples on.
struct RecentMinute {
  /// Ever-growing counters at an instant; a figure is the difference of two.
  struct Point {
    /// CLOCK_MONOTONIC, ns.
    var time: UInt64
    /// Task-nanoseconds in which tasks were runnable, throttled ones among them.
    var runnable: UInt64 = 0
    /// Of the CPUs, for tasks that had little to do in all their lives, ns.
    var shortLives: UInt64 = 0
    /// How many tasks were throttled then; nil where that wasn't looked at.
    var throttled: UInt64?
    /// Records that were to be delivered, and how many of them were lost.
    var records: UInt64 = 0
    var lost: UInt64 = 0
    var witness: Witness
  }

  private var points: [Point]

  init(from first: Point) { points = [first] }

  mutating func add(_ point: Point) {
    points.append(point)
    while points.count > 2, point.time &- points[1].time >= 60_000_000_000 { points.removeFirst() }
  }

  private var first: Point { points[0] }
  private var last: Point { points[points.count - 1] }
  private var ns: UInt64 { max(1, last.time &- first.time) }

  var seconds: Double { Double(ns) / 1e9 }
  /// Tasks that ran or could have, those throttled left out.
  var runnableMean: Double {
    let counts = points.compactMap(\.throttled).map(Double.init)
    let throttled = counts.reduce(0, +) / Double(max(1, counts.count))
    return max(
      0, Double(last.runnable &- min(first.runnable, last.runnable)) / Double(ns) - throttled)
  }
  var throttledMost: UInt64 { points.compactMap(\.throttled).max() ?? 0 }
  /// Of each CPU that was online, 0 to 1.
  var idle: [Double] { last.witness.idle(since: first.witness) }
  var forksPerSecond: Double { Double(last.witness.forks(since: first.witness)) / seconds }
  var swapsPerSecond: Double { Double(last.witness.swapped(since: first.witness)) / seconds }
  /// How many CPUs tasks of short lives had.
  var shortLives: Double {
    Double(last.shortLives &- min(first.shortLives, last.shortLives)) / Double(ns)
  }
  /// Of the records, 0 to 1.
  var lost: Double {
    Double(last.lost &- first.lost) / Double(max(1, last.records &- first.records))
  }
  var disk: (name: String, share: Double)? {
    last.witness.busiestDisk(since: first.witness, over: ns)
  }
  var pressure: PressurePart? { PressurePart(since: first.witness, last.witness, over: ns) }
}

extension PressurePart {
  /// Of the time between two instants, ns; nil where the kernel has no account of it.
  init?(since: Witness, _ witness: Witness, over ns: UInt64) {
    func share(_ resource: Pressure.Resource) -> Shares? {
      guard let now = witness.pressure[resource], let before = since.pressure[resource], ns > 0
      else { return nil }
      func part(_ now: UInt64, _ before: UInt64) -> Double {
        min(1, Double(now - min(now, before)) * 1e3 / Double(ns))
      }
      return Shares(some: part(now.some, before.some), full: part(now.full, before.full))
    }
    guard !witness.pressure.isEmpty else { return nil }
    self.init(cpu: share(.cpu), io: share(.io), memory: share(.memory))
  }
}
