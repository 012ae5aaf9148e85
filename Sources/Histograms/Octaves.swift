/// How many values of a histogram have so many bits, up to the largest.
public struct Octaves: Sendable {
  /// 0 first, then 1, then 2 and 3, and so on; the last is above zero.
  public private(set) var counts: [UInt64]

  public init(_ buckets: [Histogram.Bucket]) {
    counts = [UInt64](repeating: 0, count: 65)
    for bucket in buckets { counts[64 - bucket.lo.leadingZeroBitCount] &+= bucket.count }
    while counts.last == 0 { counts.removeLast() }
  }

  public mutating func add(_ other: Octaves) {
    for (bits, count) in other.counts.enumerated() {
      if bits < counts.count { counts[bits] &+= count } else { counts.append(count) }
    }
  }

  /// The smallest value of so many bits.
  public static func first(_ bits: Int) -> UInt64 { bits == 0 ? 0 : 1 << UInt64(bits - 1) }
}
