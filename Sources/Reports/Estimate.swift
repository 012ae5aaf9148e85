import Histograms

/// A figure of a run, and what holds its true value with 95 % confidence.
///
/// The truth is what further clones of the same kind would give: the bounds allow for how the clones of
/// the run differ from each other, not for what changes from one run to the next.
public struct Estimate: Codable, Sendable, Equatable {
  public let value: Double
  /// Nil where nothing is known of the spread. By a normal distribution, so `low` may be below 0.
  public let low: Double?
  public let high: Double?

  init(_ value: Double, low: Double? = nil, high: Double? = nil) {
    (self.value, self.low, self.high) = (value, low, high)
  }

  /// - Parameter half: half the width of the bounds; nil where it isn't known.
  init(_ value: Double, plusMinus half: Double?) {
    self.init(value, low: half.map { value - $0 }, high: half.map { value + $0 })
  }

  /// Half the width of the bounds.
  var half: Double? { high.flatMap { high in low.map { (high - $0) / 2 } } }
}

extension Estimate {
  /// The mean of so many values, of which the histogram holds those that aren't 0: exact, with the
  /// bounds of Student's t. Values are taken to be spread evenly within their bucket.
  ///
  /// Nil where there is no value; without bounds where there is one, or fewer than the histogram holds.
  static func mean(of histogram: Histogram, among count: UInt64) -> Estimate? {
    guard count > 0 else { return nil }
    let n = Double(count)
    let mean = Double(histogram.sum) / n
    guard count >= 2, count >= histogram.count else { return Estimate(mean) }
    var squares = Double(count - histogram.count) * mean * mean
    for bucket in histogram.buckets {
      let width = Double(bucket.hi - bucket.lo)
      let offset = Double(bucket.lo) + (width - 1) / 2 - mean
      // The variance of whole numbers, each as likely: (width^2 - 1) / 12.
      squares += Double(bucket.count) * (offset * offset + (width * width - 1) / 12)
    }
    return Estimate(mean, plusMinus: studentT(count - 1) * (squares / (n - 1) / n).squareRoot())
  }

  /// A quantile as `Histogram.quantile` gives it, with bounds by order statistics: the values whose
  /// ranks hold the true quantile's (Conover, "Practical Nonparametric Statistics", 3.2). Without bounds
  /// where that takes more values than there are.
  static func quantile(_ q: Double, of histogram: Histogram) -> Estimate? {
    guard let value = histogram.quantile(q) else { return nil }
    let n = Double(histogram.count)
    let half = normal95 * (n * q * (1 - q)).squareRoot()
    let (first, last) = (n * q - half, (n * q + half).rounded(.up))
    guard first >= 1, last <= n else { return Estimate(Double(value)) }
    return Estimate(
      Double(value), low: histogram.valueRange(rank: UInt64(first)).map { Double($0.lowerBound) },
      high: histogram.valueRange(rank: UInt64(last)).map { Double($0.upperBound) })
  }
}

/// What holds 95 % of a normal distribution, in standard deviations, to either side.
let normal95 = 1.959964

/// What holds 95 % of Student's t distribution, to either side.
///
/// Beyond the first few by the expansion in Abramowitz and Stegun, 26.7.5, to within 0.003.
func studentT(_ freedom: UInt64) -> Double {
  let few = [12.7062, 4.3027, 3.1824, 2.7764]
  guard freedom > few.count else { return freedom == 0 ? .infinity : few[Int(freedom) - 1] }
  let (z, n) = (normal95, Double(freedom))
  let z3 = z * z * z
  let z5 = z3 * z * z
  let z7 = z5 * z * z
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n)
    + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n)
}

extension Histogram {
  /// Between what the value of a rank lies, the smallest value having rank 1.
  fileprivate func valueRange(rank: UInt64) -> ClosedRange<UInt64>? {
    var seen: UInt64 = 0
    for bucket in buckets {
      seen += bucket.count
      guard seen >= rank else { continue }
      let first = Swift.max(bucket.lo, min ?? 0)
      return first...Swift.max(first, Swift.min(bucket.hi - 1, max ?? .max))
    }
    return nil
  }
}

/// Whether a difference is more than what chance makes of two runs of the same kind.
public enum Noise: String, Codable, Sendable, CaseIterable {
  /// More than noise.
  case exceeded
  /// No more than noise.
  case within
  /// Of one or both the spread isn't known.
  case unknown
}

extension Noise {
  /// By the bounds of the difference, as they follow from those of the two (MOVER; Zou and Donner,
  /// Statistics in Medicine 27, 2008): noise where they hold 0.
  init(from one: Estimate, to other: Estimate) {
    guard let oneLow = one.low, let oneHigh = one.high, let otherLow = other.low,
      let otherHigh = other.high
    else {
      self = .unknown
      return
    }
    let change = other.value - one.value
    let (a, b) =
      change > 0
      ? (oneHigh - one.value, other.value - otherLow)
      : (one.value - oneLow, otherHigh - other.value)
    self = abs(change) > (a * a + b * b).squareRoot() ? .exceeded : .within
  }
}
