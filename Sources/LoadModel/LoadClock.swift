/// When the kernel takes its load samples, worked out from its count of ticks.
///
/// calc_load_update (kernel/sched/loadavg.c) begins at LOAD_FREQ ticks after jiffies began and only
/// ever grows by multiples of LOAD_FREQ, also over idle times and missed samples. At that tick each CPU
/// counts its active tasks, and ten ticks later calc_global_load() makes the averages of that. Neither
/// needs a probe.
public struct LoadClock: Sendable {
  /// Ticks a second; nil until known.
  public private(set) var hz: UInt64?
  private var first: (time: UInt64, jiffies: UInt64)?
  /// CLOCK_MONOTONIC at tick 0, ns: the least that any reading allows, as a reading comes after its
  /// tick.
  private var origin: Int64 = .max

  /// What distributions build with.
  private static let rates: [UInt64] = [100, 250, 300, 1000]

  public init() {}

  /// Takes one reading of both clocks. Known from the first two on that are 0.3 s apart.
  public mutating func learn(monotonic: UInt64, jiffies: UInt64) {
    guard let first else {
      self.first = (monotonic, jiffies)
      return
    }
    if hz == nil {
      guard monotonic > first.time &+ 300_000_000, jiffies > first.jiffies else { return }
      let rate = Double(jiffies - first.jiffies) * 1e9 / Double(monotonic - first.time)
      hz = Self.rates.min { abs(Double($0) - rate) < abs(Double($1) - rate) }
    }
    guard let tick, let ticks = ticks(jiffies) else { return }
    origin = min(origin, Int64(clamping: monotonic) - Int64(clamping: ticks &* tick))
  }

  /// TICK_NSEC.
  public var tick: UInt64? { hz.map { (1_000_000_000 + $0 / 2) / $0 } }
  /// LOAD_FREQ in ticks: 5 s and one tick.
  public var period: UInt64? { hz.map { 5 * $0 + 1 } }

  /// Ticks since jiffies began, which is at INITIAL_JIFFIES (include/linux/jiffies.h), for an early
  /// overflow of 32 bits.
  private func ticks(_ jiffies: UInt64) -> UInt64? {
    guard let hz else { return nil }
    return jiffies &- ((1 << 32) - 300 * hz)
  }

  /// The first sample after an instant, CLOCK_MONOTONIC, ns; nil until known.
  public func sample(after time: UInt64) -> UInt64? {
    guard let tick, let period, origin != .max, Int64(clamping: time) > origin else { return nil }
    // Ticks are at whole multiples of a tick since 13bb06f8dd42 ("tick/common: Align tick period
    // during sched_timer setup"), 6.4: what is just above one is late by that.
    let excess = origin % Int64(tick)
    let origin = excess >= 0 && excess < Int64(tick / 10) ? origin - excess : origin
    let since = UInt64(Int64(clamping: time) - origin)
    let next = (since / (period * tick) + 1) * period * tick
    return UInt64(clamping: origin + Int64(next))
  }

  /// CLOCK_MONOTONIC at a tick, ns; nil until known.
  func time(ofJiffies jiffies: UInt64) -> UInt64? {
    guard let tick, origin != .max, let ticks = ticks(jiffies), ticks < 1 << 38 else { return nil }
    let time = Int64(ticks &* tick).addingReportingOverflow(origin)
    return time.overflow || time.partialValue < 0 ? nil : UInt64(time.partialValue)
  }

  /// How long after a sample the averages hold it, ns: ten ticks, and what a tick may come late.
  public var settling: UInt64 { 10 * (tick ?? 10_000_000) + 30_000_000 }
}
