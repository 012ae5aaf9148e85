import Glibc

/// How durations are spread, in the buckets of Prometheus' native histograms: each power of two of a second
/// is cut into 2^schema buckets, in equal ratios. Exact: every value is put into its bucket as it comes.
public struct ExponentialHistogram: Sendable, Equatable {
  public let bounds: ExponentialBounds
  /// How many values were recorded, and how many of them were 0.
  public private(set) var count: UInt64 = 0
  public private(set) var zeroCount: UInt64 = 0
  /// ns; `UInt64.max` if it is that or more.
  public private(set) var sum: UInt64 = 0
  private var counts: [UInt64]

  public init(_ bounds: ExponentialBounds) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.ends.count)
  }

  /// Adds a duration, ns. Neither allocates nor counts references, as long as it isn't shared with a copy.
  @inline(__always)
  public mutating func record(_ value: UInt64, times: UInt64 = 1) {
    count &+= times
    let (product, overflow) = value.multipliedReportingOverflow(by: times)
    let (total, overflows) = sum.addingReportingOverflow(product)
    sum = overflow || overflows ? .max : total
    if value == 0 {
      zeroCount &+= times
    } else {
      counts[bounds.place(of: value)] &+= times
    }
  }

  /// Adds what another one of the same bounds holds.
  public mutating func add(_ other: Self) {
    count &+= other.count
    zeroCount &+= other.zeroCount
    let (total, overflows) = sum.addingReportingOverflow(other.sum)
    sum = overflows ? .max : total
    for place in counts.indices { counts[place] &+= other.counts[place] }
  }

  public static func == (one: Self, two: Self) -> Bool {
    one.bounds.schema == two.bounds.schema && one.counts == two.counts
      && one.zeroCount == two.zeroCount && one.sum == two.sum
  }

  /// The buckets that hold something, in order. A bucket's index is the power of 2^(2^-schema) that is its
  /// upper bound in seconds, which it includes.
  public var buckets: [(index: Int, count: UInt64)] {
    counts.indices.lazy.filter { counts[$0] > 0 }.map { (bounds.first + $0, counts[$0]) }
  }

  /// How many values are at most that, ns; exact where a bucket ends there.
  public func count(upTo value: UInt64) -> UInt64 {
    var sum = zeroCount
    for place in counts.indices where bounds.ends[place] <= value { sum &+= counts[place] }
    return sum
  }
}

/// Where the buckets of a schema end.
public final class ExponentialBounds: Sendable {
  public let schema: Int
  /// The index of the first bucket.
  let first: Int
  /// The largest value that each takes, ns.
  let ends: [UInt64]
  /// By bucket of a ``Histogram``: the place of the least value there.
  private let places: [UInt16]

  /// - Parameter schema: 0 to 5.
  /// - Precondition: it is one of these.
  public init(schema: Int) {
    precondition((0...5).contains(schema))
    self.schema = schema
    let perOctave = Double(1 << schema)
    // The first takes 1 ns, the last all 64 bits.
    let first = Int((log2(1e-9) * perOctave).rounded(.up))
    var ends: [UInt64] = []
    var index = first
    while ends.last != .max {
      let end = exp2(Double(index) / perOctave) * 1e9
      ends.append(end < 0x1p64 ? UInt64(end) : .max)
      index += 1
    }
    var places: [UInt16] = []
    var place = 0
    for bucket in 0..<Histogram.bucketCount {
      while ends[place] < Histogram.first(bucket) { place += 1 }
      places.append(UInt16(place))
    }
    (self.first, self.ends, self.places) = (first, ends, places)
  }

  @inline(__always)
  func place(of value: UInt64) -> Int {
    var place = Int(places[Histogram.index(of: value)])
    while ends[place] < value { place += 1 }
    return place
  }
}
