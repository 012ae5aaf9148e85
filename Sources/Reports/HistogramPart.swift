public import Histograms

/// A histogram as JSON: only the buckets that hold something.
public struct HistogramPart: Codable, Sendable, Equatable {
  public struct Bucket: Codable, Sendable, Equatable {
    /// The first value, and the first that is beyond.
    public var lo: UInt64
    public var hi: UInt64
    public var count: UInt64
  }

  /// Upper bounds: so many per hundred, or per thousand, of the values were at most that; the
  /// bound is at most 3.2 % too high. All nil where there is no value.
  public struct Percentiles: Codable, Sendable, Equatable {
    public var p50: UInt64?
    public var p90: UInt64?
    public var p99: UInt64?
    public var p999: UInt64?
  }

  public private(set) var unit = "ns"
  public let count: UInt64
  public let sum: UInt64
  public let min: UInt64?
  public let max: UInt64?
  public let buckets: [Bucket]
  public let percentiles: Percentiles

  public init(_ histogram: Histogram) {
    count = histogram.count
    sum = histogram.sum
    min = histogram.min
    max = histogram.max
    buckets = histogram.buckets.map { Bucket(lo: $0.lo, hi: $0.hi, count: $0.count) }
    percentiles = Percentiles(
      p50: histogram.quantile(0.5), p90: histogram.quantile(0.9), p99: histogram.quantile(0.99),
      p999: histogram.quantile(0.999))
  }

  /// The histogram that was written.
  /// - Throws: where the buckets are not those of a `Histogram`.
  public func histogram() throws(InvalidBucket) -> Histogram {
    try Histogram(
      buckets: buckets.map { Histogram.Bucket(lo: $0.lo, hi: $0.hi, count: $0.count) },
      sum: sum, min: min, max: max)
  }
}

extension HistogramPart {
  /// - Throws: `MergeError` where one of the two isn't a histogram, or the sum exceeds 64 bits.
  func adding(_ other: Self) throws(MergeError) -> Self {
    _ = try count.adding(other.count)
    do throws(InvalidBucket) {
      var sum = try histogram()
      sum.add(try other.histogram())
      return HistogramPart(sum)
    } catch {
      throw MergeError(description: "\(error)")
    }
  }
}
