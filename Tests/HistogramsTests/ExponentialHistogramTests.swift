import Foundation
import Histograms
import Support
import Testing

/// Buckets of Prometheus' native histograms.
struct ExponentialHistogramTests {
  /// The bucket of a value by the definition: it is at most 2^(index / 2^schema) seconds, and more than the
  /// bound before.
  private func isRight(_ index: Int, _ value: UInt64, schema: Int) -> Bool {
    let seconds = Double(value) / 1e9
    let perOctave = Double(1 << schema)
    let slack = 1 + 1e-12
    return seconds <= exp2(Double(index) / perOctave) * slack
      && seconds * slack > exp2(Double(index - 1) / perOctave)
  }

  @Test(arguments: [0, 3, 4, 5]) func everyValueIsInItsBucket(schema: Int) {
    let bounds = ExponentialBounds(schema: schema)
    var random = SplitMix64(seed: 7)
    var values: [UInt64] = [
      1, 2, 3, 4, 5, 999_999_999, 1_000_000_000, 1_000_000_001, .max - 1, .max,
    ]
    for _ in 0..<20_000 { values.append(random.next() >> (random.next() % 64)) }
    for value in values where value > 0 {
      var histogram = ExponentialHistogram(bounds)
      histogram.record(value)
      let buckets = histogram.buckets
      #expect(buckets.count == 1 && buckets[0].count == 1)
      #expect(isRight(buckets[0].index, value, schema: schema), "\(value) in \(buckets[0].index)")
    }
  }

  /// Of two, what one would be that had recorded everything.
  @Test func adding() {
    let bounds = ExponentialBounds(schema: 3)
    var (one, two, both) = (
      ExponentialHistogram(bounds), ExponentialHistogram(bounds), ExponentialHistogram(bounds)
    )
    for value in [0, 1, 7, 1_000_000, .max as UInt64] {
      one.record(value)
      both.record(value)
    }
    for value in [0, 7, 5_000_000_000 as UInt64] {
      two.record(value, times: 3)
      both.record(value, times: 3)
    }
    one.add(two)
    #expect(one == both && one.count == 14 && one.sum == .max)
  }

  @Test func sums() {
    var histogram = ExponentialHistogram(ExponentialBounds(schema: 3))
    histogram.record(0, times: 3)
    histogram.record(1_000_000_000, times: 2)
    histogram.record(1_000_000_001)
    #expect(histogram.count == 6 && histogram.zeroCount == 3 && histogram.sum == 3_000_000_001)
    // A second is a bound, and belongs to the bucket that it ends.
    #expect(histogram.buckets.map(\.index) == [0, 1] && histogram.buckets.map(\.count) == [2, 1])
    #expect(histogram.count(upTo: 1_000_000_000) == 5 && histogram.count(upTo: 999_999_999) == 3)
    histogram.record(.max, times: 2)
    #expect(histogram.sum == .max && histogram.count == 8)
  }
}
