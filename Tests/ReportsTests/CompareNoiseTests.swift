import Histograms
import Reports
import Support
import Testing

/// What is noise and what is not, of runs drawn at random.
struct CompareNoiseTests {
  /// Of 100 pairs of runs, in how many a figure's difference is more than noise.
  private func exceeded(
    _ kind: ComparedFigure.Kind, _ phase: ClonePhase?,
    _ pair: (inout SplitMix64) -> (CloneSnapshot, CloneSnapshot)
  ) -> Int {
    (0..<100).count { seed in
      var random = SplitMix64(seed: UInt64(seed))
      let (one, other) = pair(&random)
      return compare(one, other)[kind, phase]?.noise == .exceeded
    }
  }

  private func run(_ random: inout SplitMix64, _ count: Int, mean: Double) -> CloneSnapshot {
    let clones = random.durations(count, mean: mean)
    // The rest takes long in some and short in others.
    let tables = clones.map { $0 * UInt64.random(in: 40...80, using: &random) / 100 }
    return measuredRun(clones, tables: tables)
  }

  @Test(arguments: [5, 20, 200, 2_000]) func runsOfTheSameKind(count: Int) {
    let pair = { (random: inout SplitMix64) in
      (run(&random, count, mean: 3e6), run(&random, count, mean: 3e6))
    }
    for kind in [ComparedFigure.Kind.mean, .median, .p99] {
      #expect(exceeded(kind, nil, pair) <= 10, "\(kind)")
    }
    #expect(exceeded(.phase, .pageTables, pair) <= 10)
  }

  @Test func aFifthMore() {
    let pair = { (random: inout SplitMix64) in
      (run(&random, 200, mean: 3e6), run(&random, 200, mean: 3.6e6))
    }
    for kind in [ComparedFigure.Kind.mean, .median] {
      #expect(exceeded(kind, nil, pair) >= 95, "\(kind)")
    }
    #expect(exceeded(.phase, .pageTables, pair) >= 95)
  }

  /// Sampled once per millisecond on average, with the bounds by Wilson's score that a run has.
  private func sampled(
    _ random: inout SplitMix64, _ count: Int, mean: Double, share: Double
  ) -> CloneSnapshot {
    let clones = random.durations(count, mean: mean)
    let all = clones.reduce(0, +)
    let n = Double(all / 1_000_000)
    let hits = (0..<Int(n)).count { _ in Double.random(in: 0..<1, using: &random) < share }
    let part = Double(hits) / n
    let half =
      1.96 / (1 + 3.8416 / n) * (part * (1 - part) / n + 3.8416 / (4 * n * n)).squareRoot()
    return sampledRun(
      clones,
      [
        (
          .pageTables, UInt64(part * Double(all)), UInt64(hits), UInt64(half * Double(all))
        ),
        (
          .mappings, UInt64((1 - part) * Double(all)), UInt64(Int(n) - hits),
          UInt64(half * Double(all))
        ),
      ])
  }

  @Test func samplesOfTheSameKind() {
    for count in [20, 200] {
      let wrong = exceeded(.phase, .pageTables) { random in
        (
          sampled(&random, count, mean: 3e6, share: 0.6),
          sampled(&random, count, mean: 3e6, share: 0.6)
        )
      }
      #expect(wrong <= 10, "\(count)")
    }
  }

  @Test func samplesThatTellOfLess() {
    let found = exceeded(.phase, .pageTables) { random in
      (
        sampled(&random, 200, mean: 3e6, share: 0.6), sampled(&random, 200, mean: 3e6, share: 0.4)
      )
    }
    #expect(found >= 95)
  }

  /// The bounds of a mean hold the one that the values were drawn with.
  @Test(arguments: [5, 50, 500]) func theBoundsHoldTheTruth(count: Int) {
    let held = (0..<200).count { seed in
      var random = SplitMix64(seed: UInt64(seed))
      let values = (0..<count).map { _ in UInt64.random(in: 1_000_000...2_000_000, using: &random) }
      let run = measuredRun(values)
      guard let mean = compare(run, run)[.mean]?.baseline, let low = mean.low, let high = mean.high
      else { return false }
      return (low...high).contains(1_500_000)
    }
    // 95 % of 200 are 190, with a standard deviation of 3.
    #expect((180...199).contains(held), "\(held)")
  }
}
