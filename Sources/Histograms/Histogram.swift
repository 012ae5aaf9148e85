/// How values, usually nanoseconds, are spread: a log-linear histogram of the whole `UInt64` range.
///
/// Each power of two is cut into 32 equal buckets, so a bucket is at most 1/32 (3.125 %) of its
/// values wide, and values below 64 have a bucket of their own. The layout is that of HdrHistogram
/// (Gil Tene) with five significant bits. A histogram takes 15 KiB, however much it holds.
public struct Histogram: Sendable, Equatable {
  /// How many values each bucket holds, by `index(of:)`.
  @usableFromInline var counts: [UInt64]
  @usableFromInline var total: UInt64 = 0
  @usableFromInline var saturatingSum: UInt64 = 0
  @usableFromInline var lowest = UInt64.max
  @usableFromInline var highest: UInt64 = 0

  public init() {
    counts = [UInt64](repeating: 0, count: Histogram.bucketCount)
  }

  /// How many values were recorded.
  public var count: UInt64 { total }

  /// The exact sum of the values; `UInt64.max` if it is that or more.
  public var sum: UInt64 { saturatingSum }

  /// The smallest value, exactly.
  public var min: UInt64? { total == 0 ? nil : lowest }

  /// The largest value, exactly.
  public var max: UInt64? { total == 0 ? nil : highest }

  /// Adds one value. Neither allocates nor counts references, as long as the histogram is not
  /// shared with a copy.
  @inlinable
  public mutating func record(_ value: UInt64) {
    // These can't wrap: at 10^9 values a second it would take 584 years.
    counts[Histogram.index(of: value)] &+= 1
    total &+= 1
    let (sum, overflow) = saturatingSum.addingReportingOverflow(value)
    saturatingSum = overflow ? .max : sum
    if value < lowest { lowest = value }
    if value > highest { highest = value }
  }

  /// Adds one value `times` times. More than `UInt64.max` values in all stop the program.
  public mutating func record(_ value: UInt64, times: UInt64) {
    guard times > 0 else { return }
    counts[Histogram.index(of: value)] += times
    total += times
    saturatingSum = saturatingSum.saturatingAdding(value.saturatingMultiplied(by: times))
    lowest = Swift.min(lowest, value)
    highest = Swift.max(highest, value)
  }

  /// Adds what `other` holds, as if all of it had been recorded here. More than `UInt64.max`
  /// values in all stop the program.
  public mutating func add(_ other: Histogram) {
    for index in counts.indices {
      counts[index] += other.counts[index]
    }
    total += other.total
    saturatingSum = saturatingSum.saturatingAdding(other.saturatingSum)
    lowest = Swift.min(lowest, other.lowest)
    highest = Swift.max(highest, other.highest)
  }

  /// The value that a part `q` (0...1) of all values doesn't exceed, by nearest rank.
  ///
  /// Gives the largest value of the bucket that holds the rank, within `min` and `max`: never less
  /// than the true quantile, and at most 1/32 more. Nil when empty.
  public func quantile(_ q: Double) -> UInt64? {
    guard total > 0 else { return nil }
    let rank = rank(q)
    var seen: UInt64 = 0
    for (index, count) in counts.enumerated() {
      seen += count
      if seen >= rank {
        return Swift.min(Histogram.last(index), highest)
      }
    }
    return highest
  }

  /// The place of a quantile among the sorted values, 1 for the smallest.
  private func rank(_ q: Double) -> UInt64 {
    guard q > 0 else { return 1 }
    guard q < 1 else { return total }
    // 0.07 * 100 is 7.000000000000001, and its rank is 7, not 8.
    let exact = q * Double(total) * (1 - 0x1p-50)
    // Rounded up by hand: `rounded(.up)` would need the C library's ceil.
    let below = UInt64(exact)
    return Swift.max(1, Swift.min(total, Double(below) < exact ? below + 1 : below))
  }
}

extension UInt64 {
  func saturatingAdding(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  func saturatingMultiplied(by other: UInt64) -> UInt64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
