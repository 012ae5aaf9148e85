/// The kernel's three load averages, by its own arithmetic (kernel/sched/loadavg.c).
///
/// Fixed point with 11 bits after the point, as `avenrun` has it.
public struct KernelLoad: Sendable {
  /// avenrun[0...2]: over 1, 5 and 15 minutes.
  public var averages: [3 of UInt64]

  /// FIXED_1: 1.0 (include/linux/sched/loadavg.h).
  public static let one: UInt64 = 2048
  /// EXP_1, EXP_5, EXP_15: what is left of an average after one sample, in 1/2048.
  public static let factors: [3 of UInt64] = [1884, 2014, 2037]
  /// The same, 0 to 1.
  public static let left = [3 of Double] { Double(factors[$0]) / Double(one) }

  public init(_ averages: [3 of UInt64]) {
    self.averages = averages
  }

  /// The nearest to what /proc/loadavg shows, which has two digits.
  public init(shown: [3 of Double]) {
    averages = [3 of UInt64] { UInt64((max(0, shown[$0]) * Double(Self.one)).rounded()) }
  }

  /// calc_load(): takes a sample with so many tasks active.
  public mutating func sample(active: UInt64) {
    for index in averages.indices {
      averages[index] = Self.next(averages[index], Self.factors[index], active &* Self.one)
    }
  }

  private static func next(_ load: UInt64, _ factor: UInt64, _ active: UInt64) -> UInt64 {
    var new = load &* factor &+ active &* (one - factor)
    if active >= load { new &+= one - 1 }
    return new / one
  }

  /// How many tasks were active at the one sample that made `next` of these averages; nil where no number
  /// explains all three of them.
  ///
  /// calc_load_tasks tells it too, but not for long: a CPU that was idle may count late.
  public func active(before next: KernelLoad) -> UInt64? {
    let (one, factor) = (Double(Self.one), Double(Self.factors[0]))
    let rough =
      (Double(next.averages[0]) * one - Double(averages[0]) * factor) / (one * (one - factor))
    guard rough > -2, rough < 1e15 else { return nil }
    let nearest = Int64(rough.rounded())
    for active in max(0, nearest - 1)...max(0, nearest + 1) {
      var made = self
      made.sample(active: UInt64(active))
      if made.isEqual(next) { return UInt64(active) }
    }
    return nil
  }

  /// Whether the two are the same in every bit.
  public func isEqual(_ other: KernelLoad) -> Bool {
    averages.indices.allSatisfy { averages[$0] == other.averages[$0] }
  }

  /// As numbers.
  public var values: [3 of Double] {
    [3 of Double] { Double(averages[$0]) / Double(Self.one) }
  }

  /// As /proc/loadavg shows them.
  public var shown: [Double] { averages.indices.map { Self.shown(averages[$0]) } }

  /// As /proc/loadavg shows one: FIXED_1/200 is added, and what follows two digits is cut off
  /// (fs/proc/loadavg.c).
  public static func shown(_ average: UInt64) -> Double {
    let rounded = average &+ one / 200
    return Double(rounded / one) + Double((rounded % one) * 100 / one) / 100
  }

  /// How many tasks were active at the sample between two averages that /proc/loadavg showed; nil
  /// where no number explains them.
  ///
  /// Two digits leave ±0.13 of a task open: the number is certain.
  public static func active(before: Double, after: Double) -> UInt64? {
    let left = Double(factors[0]) / Double(one)
    let active = (after - before * left) / (1 - left)
    let rounded = active.rounded()
    guard rounded >= 0, rounded < 1e9, abs(active - rounded) < 0.2 else { return nil }
    return UInt64(rounded)
  }

  /// Of tasks that sleep and are still on a run queue, those that aren't seen in D already: the kernel
  /// counts each once, as it counts in D only who has left the queue (`__block_task()`, since 6.12).
  ///
  /// Which of them are in D isn't known: as many are taken to be as exceed what the kernel counted, and
  /// no more than there are in D.
  public static func excludingCountedInD(delayed: UInt64, seen: UInt64, inD: UInt64, active: UInt64)
    -> UInt64
  {
    let excess = seen + delayed - min(seen + delayed, active)
    return delayed - min(delayed, inD, excess)
  }
}

extension KernelLoad: Codable, Equatable {
  public init(from decoder: any Decoder) throws {
    let values = try decoder.singleValueContainer().decode([UInt64].self)
    guard values.count == 3 else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "three averages are needed"))
    }
    self.init([3 of UInt64] { values[$0] })
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(averages.indices.map { averages[$0] })
  }

  public static func == (one: KernelLoad, two: KernelLoad) -> Bool { one.isEqual(two) }
}
