import Histograms
import Testing
import Support

/// Histograms from the buckets of a snapshot.
struct RebuildTests {
  typealias Bucket = Histogram.Bucket

  @Test(arguments: 0..<20 as Range<UInt64>) func theSameAgain(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let values = random.values(Int.random(in: 0...500, using: &random))
    let histogram = HistogramTests.histogram(of: values)
    let rebuilt = try Histogram(
      buckets: histogram.buckets, sum: histogram.sum, min: histogram.min, max: histogram.max)
    #expect(rebuilt == histogram)
  }

  @Test func boundariesToo() throws {
    for value in [0, 1, 31, 32, 63, 64, 65, 1 << 63, .max - 1, .max] as [UInt64] {
      let histogram = HistogramTests.histogram(of: [value])
      let rebuilt = try Histogram(
        buckets: histogram.buckets, sum: value, min: value, max: value)
      #expect(rebuilt == histogram)
    }
  }

  @Test(arguments: [
    Bucket(lo: 10, hi: 10, count: 1), Bucket(lo: 10, hi: 12, count: 1),
    Bucket(lo: 10, hi: 9, count: 1), Bucket(lo: 65, hi: 67, count: 1),
    Bucket(lo: 64, hi: 65, count: 1), Bucket(lo: 64, hi: 128, count: 1),
    Bucket(lo: 0, hi: .max, count: 1), Bucket(lo: .max, hi: .max, count: 1),
  ])
  func aBucketThatIsNone(_ bucket: Bucket) {
    #expect(throws: InvalidBucket.unknown(bucket)) {
      try Histogram(buckets: [bucket], sum: bucket.lo, min: bucket.lo, max: bucket.lo)
    }
  }

  @Test func emptyRepeatedAndUnorderedBuckets() {
    let five = Bucket(lo: 5, hi: 6, count: 1)
    let six = Bucket(lo: 6, hi: 7, count: 1)
    let empty = Bucket(lo: 7, hi: 8, count: 0)
    #expect(throws: InvalidBucket.misplaced(five)) {
      try Histogram(buckets: [five, five], sum: 10, min: 5, max: 5)
    }
    #expect(throws: InvalidBucket.misplaced(five)) {
      try Histogram(buckets: [six, five], sum: 11, min: 5, max: 6)
    }
    #expect(throws: InvalidBucket.misplaced(empty)) {
      try Histogram(buckets: [five, empty], sum: 5, min: 5, max: 5)
    }
  }

  @Test func countsThatOverflow() {
    let most = Bucket(lo: 0, hi: 1, count: .max)
    let more = Bucket(lo: 1, hi: 2, count: 1)
    #expect(throws: InvalidBucket.tooMany(more)) {
      try Histogram(buckets: [most, more], sum: 1, min: 0, max: 1)
    }
  }

  @Test(
    arguments: [
      (nil, 1_000), (64, nil), (nil, nil), (63, 1_000), (66, 1_000), (64, 991), (64, 1_008),
      (1_000, 64),
    ] as [(UInt64?, UInt64?)])
  func extremesOutsideTheirBuckets(min: UInt64?, max: UInt64?) {
    let buckets = [Bucket(lo: 64, hi: 66, count: 1), Bucket(lo: 992, hi: 1_008, count: 1)]
    #expect(throws: InvalidBucket.extremes(min: min, max: max)) {
      try Histogram(buckets: buckets, sum: 1_064, min: min, max: max)
    }
  }

  @Test func extremesTheWrongWayAroundInOneBucket() {
    #expect(throws: InvalidBucket.extremes(min: 1_007, max: 992)) {
      try Histogram(
        buckets: [Bucket(lo: 992, hi: 1_008, count: 2)], sum: 1_999, min: 1_007, max: 992)
    }
  }

  @Test func extremesOfNothing() {
    #expect(throws: InvalidBucket.extremes(min: 0, max: nil)) {
      try Histogram(buckets: [], sum: 0, min: 0, max: nil)
    }
  }

  @Test(arguments: [0, 127, 131, .max] as [UInt64]) func aSumThatCannotBe(sum: UInt64) {
    #expect(throws: InvalidBucket.sum(sum)) {
      try Histogram(buckets: [Bucket(lo: 64, hi: 66, count: 2)], sum: sum, min: 64, max: 65)
    }
    #expect(throws: InvalidBucket.sum(1)) {
      try Histogram(buckets: [], sum: 1, min: nil, max: nil)
    }
  }

  @Test func theErrorsSayWhatIsWrong() {
    #expect(
      "\(InvalidBucket.unknown(Bucket(lo: 10, hi: 12, count: 1)))"
        == "10..<12 is not a histogram bucket")
    #expect(
      "\(InvalidBucket.extremes(min: 3, max: nil))"
        == "minimum 3 and maximum none don't fit the first and last bucket")
  }
}
