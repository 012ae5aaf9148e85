extension Histogram {
  /// A range of values and how many of them there were.
  public struct Bucket: Sendable, Hashable {
    /// The smallest value it takes.
    public let lo: UInt64
    /// One more than the largest value it takes; the last bucket of all ends at `UInt64.max` and
    /// takes that too.
    public let hi: UInt64
    public let count: UInt64

    public init(lo: UInt64, hi: UInt64, count: UInt64) {
      self.lo = lo
      self.hi = hi
      self.count = count
    }
  }

  /// The buckets that hold something, in order.
  public var buckets: [Bucket] {
    counts.indices.lazy.filter { counts[$0] > 0 }.map { index in
      Bucket(lo: Histogram.first(index), hi: Histogram.end(index), count: counts[index])
    }
  }

  /// The powers of two that hold something, in order: [0, 1), [1, 2), [2, 4), [4, 8), …
  public var octaves: [Bucket] {
    // An octave by how many bits its values have.
    var sums = [UInt64](repeating: 0, count: 65)
    for bucket in buckets {
      sums[64 - bucket.lo.leadingZeroBitCount] += bucket.count
    }
    return sums.indices.filter { sums[$0] > 0 }.map { bits in
      Bucket(
        lo: bits == 0 ? 0 : 1 << UInt64(bits - 1), hi: bits == 64 ? .max : 1 << UInt64(bits),
        count: sums[bits])
    }
  }

  /// Rebuilds a histogram from what its properties of the same names gave, and from nothing else:
  /// snapshots come from files.
  public init(
    buckets: [Bucket], sum: UInt64, min: UInt64?, max: UInt64?
  ) throws(InvalidBucket) {
    self.init()
    var previous = -1
    // The least and the most that values in these buckets can add up to.
    var least: UInt64 = 0
    var most: UInt64 = 0
    for bucket in buckets {
      let index = Histogram.index(of: bucket.lo)
      guard bucket.lo == Histogram.first(index), bucket.hi == Histogram.end(index) else {
        throw .unknown(bucket)
      }
      guard index > previous, bucket.count > 0 else { throw .misplaced(bucket) }
      let (total, overflow) = self.total.addingReportingOverflow(bucket.count)
      guard !overflow else { throw .tooMany(bucket) }
      self.total = total
      counts[index] = bucket.count
      least = least.saturatingAdding(bucket.lo.saturatingMultiplied(by: bucket.count))
      most = most.saturatingAdding(
        Histogram.last(index).saturatingMultiplied(by: bucket.count))
      previous = index
    }
    guard sum >= least, sum <= most else { throw .sum(sum) }
    saturatingSum = sum
    guard let first = buckets.first, let last = buckets.last else {
      guard min == nil, max == nil else { throw .extremes(min: min, max: max) }
      return
    }
    guard let min, let max, min <= max,
      Histogram.first(Histogram.index(of: min)) == first.lo,
      Histogram.first(Histogram.index(of: max)) == last.lo
    else { throw .extremes(min: min, max: max) }
    lowest = min
    highest = max
  }
}

/// Why `Histogram.init(buckets:sum:min:max:)` refused what it was given.
public enum InvalidBucket: Error, Hashable {
  /// Its bounds are not those of a bucket.
  case unknown(Histogram.Bucket)
  /// It is empty, repeated, or out of order.
  case misplaced(Histogram.Bucket)
  /// With it the counts exceed `UInt64.max`.
  case tooMany(Histogram.Bucket)
  /// Values in these buckets can't add up to that.
  case sum(UInt64)
  /// The smallest value is not in the first bucket, or the largest not in the last.
  case extremes(min: UInt64?, max: UInt64?)
}

extension InvalidBucket: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknown(let bucket): "\(bucket.lo)..<\(bucket.hi) is not a histogram bucket"
    case .misplaced(let bucket): "bucket \(bucket.lo) is empty, repeated, or out of order"
    case .tooMany(let bucket): "the counts up to bucket \(bucket.lo) exceed 64 bits"
    case .sum(let sum): "the values in these buckets can't add up to \(sum)"
    case .extremes(let min, let max):
      "minimum \(min.map(String.init) ?? "none") and maximum \(max.map(String.init) ?? "none")"
        + " don't fit the first and last bucket"
    }
  }
}

/// Where the buckets lie. 0..<64 are one value wide; then each power of two has 32, numbered on.
extension Histogram {
  package static let bucketCount = 1920

  /// The bucket that takes a value: how far the value must be shifted right to leave six bits,
  /// and these six.
  @inlinable
  package static func index(of value: UInt64) -> Int {
    let shift = 58 &- (value | 32).leadingZeroBitCount
    return (shift &<< 5) &+ Int(truncatingIfNeeded: value &>> UInt64(truncatingIfNeeded: shift))
  }

  /// The smallest value a bucket takes.
  package static func first(_ index: Int) -> UInt64 {
    let shift = shift(index)
    return UInt64(index - shift * 32) << shift
  }

  /// The largest value a bucket takes.
  package static func last(_ index: Int) -> UInt64 {
    first(index) + ((1 << shift(index)) - 1)
  }

  /// One more than the largest value, or `UInt64.max` if that is it.
  static func end(_ index: Int) -> UInt64 {
    last(index).saturatingAdding(1)
  }

  private static func shift(_ index: Int) -> Int {
    Swift.max(0, index / 32 - 1)
  }
}
