import LoadModel
import Support
import Testing

struct LoadAttributionTests {
  private func key(_ first: UInt64, _ state: ActiveTask.State = .runnable) -> LoadAttribution.Key {
    LoadAttribution.Key(state: state, first: first)
  }

  /// The parts are the kernel's averages but for its rounding, whatever was active.
  @Test(arguments: [1, 2, 3]) func addsUpToTheKernels(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var kernel = KernelLoad([5000, 4000, 3000])
    var account = LoadAttribution(before: kernel.values)
    for _ in 0..<500 {
      var active: [LoadAttribution.Key: UInt64] = [:]
      for _ in 0..<random.next() % 20 {
        active[key(random.next() % 50, random.next() % 2 == 0 ? .runnable : .uninterruptible)] =
          random.next() % 9
      }
      let count = active.values.reduce(0, +)
      kernel.sample(active: count)
      account.sample(active, mean: nil)
      for index in 0..<3 {
        // Each sample rounds by less than 1/2048, and what is left of that fades.
        let bound = 1 / (1 - Double(KernelLoad.factors[index]) / 2048) / 2048
        let sum = account.sum[index] + account.older[index]
        #expect(abs(sum - kernel.values[index]) <= bound)
        #expect(abs(account.trueAverage[index] - sum) < 1e-6)
      }
    }
  }

  @Test func whoWasActiveHasItAll() {
    var account = LoadAttribution(before: [3 of Double](repeating: 0))
    for _ in 0..<1000 { account.sample([key(7): 3, key(8, .uninterruptible): 1], mean: 2) }
    #expect(abs(account.groups[key(7)]![0] - 3) < 0.001)
    #expect(abs(account.groups[key(8, .uninterruptible)]![2] - 1) < 0.01)
    #expect(abs(account.trueAverage[0] - 2) < 0.001)
  }

  /// Any number of groups, and nothing gets lost.
  @Test func memoryIsBounded() {
    var account = LoadAttribution(before: [3 of Double](repeating: 0))
    for sample in 0..<3000 as Range<UInt64> {
      var active: [LoadAttribution.Key: UInt64] = [:]
      for group in 0..<10 as Range<UInt64> { active[key(sample * 10 + group)] = 1 }
      account.sample(active, mean: nil)
    }
    #expect(account.groups.count < 12_000)
    #expect(abs(account.sum[0] - 10) < 0.001)
    #expect(account.groups[LoadAttribution.others(.runnable)] != nil)
  }
}
