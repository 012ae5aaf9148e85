import Histograms
import Support
import Testing

/// One of few values, against one with room for all.
struct SparseTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func theSameAsAFullOne(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var (sparse, full) = (SparseHistogram(), Histogram())
    for _ in 0..<3 {
      var (one, other) = (SparseHistogram(), Histogram())
      for value in random.values(Int.random(in: 0...200, using: &random)) {
        one.record(value)
        other.record(value)
      }
      #expect(one.full == other && one.count == other.count && one.sum == other.sum)
      sparse.add(one)
      full.add(other)
    }
    #expect(sparse.full == full && sparse.count == full.count && sparse.sum == full.sum)
    for q in [0, 0.5, 0.99, 1] { #expect(sparse.quantile(q) == full.quantile(q)) }
  }

  @Test func anEmptyOne() {
    #expect(SparseHistogram().full == Histogram() && SparseHistogram().quantile(0.5) == nil)
  }
}
