import Testing

import Histograms
import Support

/// Where the buckets lie.
struct BucketTests {
  /// Every power of two, its neighbours, and the ends of the range.
  static let boundaries: [UInt64] =
    [0, .max]
    + (0..<64).flatMap { bit -> [UInt64] in
      [(1 << UInt64(bit)) - 1, 1 << UInt64(bit), (1 << UInt64(bit)) + 1]
    }

  @Test func bucketsCoverTheWholeRangeWithoutGapsOrOverlaps() {
    #expect(Histogram.first(0) == 0)
    for index in 1..<Histogram.bucketCount {
      #expect(Histogram.first(index) == Histogram.last(index - 1) + 1)
    }
    #expect(Histogram.last(Histogram.bucketCount - 1) == .max)
  }

  @Test func aBucketIsAtMostOneThirtySecondWide() {
    for index in 0..<Histogram.bucketCount {
      let first = Histogram.first(index)
      let width = Histogram.last(index) - first + 1
      #expect(width <= Swift.max(1, first / 32))
    }
  }

  @Test(arguments: 0..<64 as Range<UInt64>) func smallValuesHaveABucketOfTheirOwn(value: UInt64) {
    let index = Histogram.index(of: value)
    #expect(Histogram.first(index) == value && Histogram.last(index) == value)
  }

  @Test func aValueFallsInTheBucketWithItsBounds() {
    var random = SplitMix64(seed: 1)
    for value in BucketTests.boundaries + random.values(500) {
      let index = Histogram.index(of: value)
      #expect(Histogram.first(index) <= value && value <= Histogram.last(index))

      var histogram = Histogram()
      histogram.record(value)
      let bucket = histogram.buckets[0]
      #expect(bucket.lo <= value && (value < bucket.hi || value == .max))
      #expect(bucket.count == 1 && histogram.buckets.count == 1)
    }
  }

  @Test func aLargerValueNeverHasASmallerIndex() {
    var random = SplitMix64(seed: 2)
    let indices = (BucketTests.boundaries + random.values(20_000)).sorted()
      .map(Histogram.index(of:))
    #expect(zip(indices, indices.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test func theKnownOnes() {
    var histogram = Histogram()
    for value: UInt64 in [0, 1, 31, 32, 63, 64, 65, 66, 1000, .max] {
      histogram.record(value)
    }
    typealias Bucket = Histogram.Bucket
    #expect(
      histogram.buckets == [
        Bucket(lo: 0, hi: 1, count: 1), Bucket(lo: 1, hi: 2, count: 1),
        Bucket(lo: 31, hi: 32, count: 1), Bucket(lo: 32, hi: 33, count: 1),
        Bucket(lo: 63, hi: 64, count: 1), Bucket(lo: 64, hi: 66, count: 2),
        Bucket(lo: 66, hi: 68, count: 1), Bucket(lo: 992, hi: 1008, count: 1),
        Bucket(lo: 63 << 58, hi: .max, count: 1),
      ])
    #expect(
      histogram.octaves == [
        Bucket(lo: 0, hi: 1, count: 1), Bucket(lo: 1, hi: 2, count: 1),
        Bucket(lo: 16, hi: 32, count: 1), Bucket(lo: 32, hi: 64, count: 2),
        Bucket(lo: 64, hi: 128, count: 3), Bucket(lo: 512, hi: 1024, count: 1),
        Bucket(lo: 1 << 63, hi: .max, count: 1),
      ])
  }

  @Test func octavesAddUpToTheBuckets() {
    var random = SplitMix64(seed: 3)
    let values = random.values(5_000)
    var histogram = Histogram()
    values.forEach { histogram.record($0) }
    for octave in histogram.octaves {
      let held = values.filter { octave.lo <= $0 && ($0 < octave.hi || octave.hi == .max) }
      #expect(octave.count == UInt64(held.count))
    }
    #expect(histogram.octaves.reduce(0) { $0 + $1.count } == 5_000)
  }
}
