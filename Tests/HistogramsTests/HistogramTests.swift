import Histograms
import Testing
import Support

/// What is recorded, merged and asked for.
struct HistogramTests {
  static func histogram(of values: some Sequence<UInt64>) -> Histogram {
    var histogram = Histogram()
    for value in values {
      histogram.record(value)
    }
    return histogram
  }

  @Test func anEmptyOneSaysNothing() {
    let histogram = Histogram()
    #expect(histogram.count == 0 && histogram.sum == 0)
    #expect(histogram.min == nil && histogram.max == nil && histogram.quantile(0.5) == nil)
    #expect(histogram.buckets.isEmpty && histogram.octaves.isEmpty)
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func nothingIsLost(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let values = random.values(Int.random(in: 1...3_000, using: &random), bits: 50)
    let histogram = HistogramTests.histogram(of: values)
    #expect(histogram.count == UInt64(values.count))
    #expect(histogram.sum == values.reduce(0, +))
    #expect(histogram.min == values.min() && histogram.max == values.max())
    #expect(histogram.buckets.reduce(0) { $0 + $1.count } == histogram.count)
  }

  @Test func theSumSaturates() {
    var histogram = HistogramTests.histogram(of: [.max - 1, 1])
    #expect(histogram.sum == .max)
    histogram.record(5)
    #expect(histogram.sum == .max && histogram.count == 3)

    var repeated = Histogram()
    repeated.record(1 << 40, times: 1 << 40)
    #expect(repeated.sum == .max && repeated.count == 1 << 40)

    repeated.add(histogram)
    #expect(repeated.sum == .max)
  }

  @Test func recordingTimesIsRecordingAgainAndAgain() {
    var random = SplitMix64(seed: 4)
    var repeated = Histogram()
    var single = Histogram()
    for value in random.values(100) {
      let times = UInt64.random(in: 0...20, using: &random)
      repeated.record(value, times: times)
      (0..<times).forEach { _ in single.record(value) }
    }
    #expect(repeated == single)

    var none = Histogram()
    none.record(7, times: 0)
    #expect(none == Histogram())
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func mergingIsRecordingAll(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let one = random.values(Int.random(in: 0...500, using: &random))
    let two = random.values(Int.random(in: 0...500, using: &random))
    var merged = HistogramTests.histogram(of: one)
    merged.add(HistogramTests.histogram(of: two))
    #expect(merged == HistogramTests.histogram(of: one + two))
  }

  @Test func mergingWithNothingChangesNothing() {
    let some = HistogramTests.histogram(of: [3, 1_000])
    var left = some
    left.add(Histogram())
    var right = Histogram()
    right.add(some)
    #expect(left == some && right == some)
  }

  @Test func aCopyKeepsWhatItHad() {
    var histogram = HistogramTests.histogram(of: [5])
    let copy = histogram
    histogram.record(5)
    #expect(copy.count == 1 && copy.buckets[0].count == 1)
    #expect(histogram.buckets[0].count == 2)
  }
}

/// Quantiles against the sorted values; the rank is figured in whole numbers.
struct QuantileTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func closeToTheTrueOne(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let count = Int.random(in: 1...2_000, using: &random)
    let sorted = random.values(count).sorted()
    let histogram = HistogramTests.histogram(of: sorted)
    for thousandth in 0...1_000 {
      let rank = max(1, (thousandth * count + 999) / 1_000)
      let exact = sorted[rank - 1]
      let found = try #require(histogram.quantile(Double(thousandth) / 1_000))
      try #require(found >= exact)
      #expect(Double(found - exact) <= 0.032 * Double(exact))
      #expect(found >= sorted[0] && found <= sorted[count - 1])
    }
  }

  /// Small values have buckets of their own, so here the rank itself is under test.
  @Test func ranksAreExactDespiteBinaryFractions() {
    for count in 1...63 as ClosedRange<UInt64> {
      let histogram = HistogramTests.histogram(of: 1...count)
      for thousandth in 0...1_000 as ClosedRange<UInt64> {
        let rank = max(1, (thousandth * count + 999) / 1_000)
        #expect(histogram.quantile(Double(thousandth) / 1_000) == rank)
      }
    }
  }

  @Test func ranksOfLargeCountsAreExactToo() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<1_000 {
      // The rank-th value is 1, the next one is 2.
      let thousandth = UInt64.random(in: 1...999, using: &random)
      let count = UInt64.random(in: 1...100_000_000, using: &random) * 1_000
      let rank = count / 1_000 * thousandth
      for (ones, expected) in [(rank, 1), (rank - 1, 2)] as [(UInt64, UInt64)] {
        var histogram = Histogram()
        histogram.record(1, times: ones)
        histogram.record(2, times: count - ones)
        #expect(histogram.quantile(Double(thousandth) / 1_000) == expected)
      }
    }
  }

  @Test func theEndsAreKept() {
    let histogram = HistogramTests.histogram(of: [1_000_003, 2_000_001])
    #expect(histogram.quantile(1) == 2_000_001)
    #expect(histogram.quantile(2) == 2_000_001)
    #expect(histogram.quantile(-1) == histogram.quantile(0))
    #expect(histogram.quantile(.nan) == histogram.quantile(0))
    #expect(HistogramTests.histogram(of: [1_000_003]).quantile(0) == 1_000_003)
    #expect(HistogramTests.histogram(of: [.max]).quantile(0.5) == .max)
  }

  @Test func hugeCountsDontOverflow() {
    var histogram = Histogram()
    histogram.record(1, times: .max - 1)
    histogram.record(2)
    #expect(histogram.count == .max)
    #expect(histogram.quantile(0.5) == 1)
    #expect(histogram.quantile(1.0.nextDown) == 1)
    #expect(histogram.quantile(1) == 2)
  }
}
