import LoadModel
import Reports
import Support
import Testing

struct LoadAttributionTests {
  private func key(_ first: UInt64, _ state: LoadState = .runnable) -> LoadAttribution.Key {
    LoadAttribution.Key(state: state, first: first)
  }

  /// The parts are the kernel's averages but for its rounding, whatever was active.
  @Test(arguments: [1, 2, 3]) func addsUpToTheKernels(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var kernel = KernelLoad([5000, 4000, 3000])
    var attribution = LoadAttribution(before: kernel.values)
    for _ in 0..<500 {
      var active: [LoadAttribution.Key: UInt64] = [:]
      for _ in 0..<random.next() % 20 {
        active[key(random.next() % 50, random.next() % 2 == 0 ? .runnable : .uninterruptible)] =
          random.next() % 9
      }
      let count = active.values.reduce(0, +)
      kernel.sample(active: count)
      attribution.sample(active, mean: nil)
      for index in 0..<3 {
        // Each sample rounds by less than 1/2048, and what is left of that fades.
        let bound = 1 / (1 - Double(KernelLoad.factors[index]) / 2048) / 2048
        let sum = attribution.sum[index] + attribution.beforeRun[index]
        #expect(abs(sum - kernel.values[index]) <= bound)
        #expect(abs(attribution.timeWeighted[index] - sum) < 1e-6)
      }
    }
  }

  @Test func whoWasActiveHasItAll() {
    var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
    for _ in 0..<1000 { attribution.sample([key(7): 3, key(8, .uninterruptible): 1], mean: 2) }
    #expect(abs(attribution.groups[key(7)]!.averages[0] - 3) < 0.001)
    #expect(abs(attribution.groups[key(8, .uninterruptible)]!.averages[2] - 1) < 0.01)
    #expect(abs(attribution.timeWeighted[0] - 2) < 0.001)
  }

  /// Any number of groups, and nothing gets lost.
  @Test func memoryIsBounded() {
    var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
    for sample in 0..<600 as Range<UInt64> {
      var active: [LoadAttribution.Key: UInt64] = [:]
      for group in 0..<10 as Range<UInt64> { active[key(sample * 10 + group)] = 1 }
      attribution.sample(active, mean: nil)
    }
    #expect(attribution.groups.count <= 1001)
    #expect(abs(attribution.sum[0] - 10) < 0.001)
    #expect(attribution.groups[key(0).others] != nil)
  }

  /// Where there are too many groups, what a verdict needs of them is kept: their names if there are few
  /// of those, and what they wait for in any case.
  @Test(arguments: [1, 3000] as [UInt64]) func foldingKeepsTheCause(names: UInt64) throws {
    var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
    func parent(_ pid: UInt64) -> LoadAttribution.Key {
      LoadAttribution.Key(state: .uninterruptible, wait: .vfork, first: pid)
    }
    func family(_ key: LoadAttribution.Key) -> LoadAttribution.Key {
      var family = key
      (family.isFolded, family.first) = (true, 1_000_000 + key.first % names)
      return family
    }
    let active = Dictionary(uniqueKeysWithValues: (1...5000).map { (parent($0), 1 as UInt64) })
    for _ in 0..<12 { attribution.sample(active, mean: nil, family: family) }
    #expect(attribution.groups.count <= 2001)
    #expect(attribution.groups.keys.allSatisfy { $0.wait == .vfork })
    #expect(attribution.groups.values.reduce(0) { $0 + $1.count } == 5000)
    #expect(attribution.groups.values.reduce(0) { $0 + $1.active } == 5000)
    #expect(abs(attribution.sum[0] - 5000 * (1 - 0.63 * 0.58)) < 200)

    let rows = attribution.rows { key in
      AttributionRow(
        state: key.state, process: key.isFolded && key.first == .max ? nil : "sh",
        pid: key.isFolded ? nil : UInt32(key.first), site: "kernel_clone")
    }
    let part = attribution.part(rows, by: [.process, .site], averages: [5000, 5000, 5000])
    #expect(part.rows.allSatisfy { $0.wait == .vfork } && part.rows.count <= 2)
    #expect(part.rows.reduce(0) { $0 + $1.count } == 5000)
    #expect(part.rows.contains { $0.process == "sh" && $0.count >= 1000 })
    var verdict = Verdict()
    (verdict.rows, verdict.load1, verdict.timeWeighted) = (rows, rows.load, rows.load)
    verdict.idle = [0.9, 0.9]
    #expect(
      verdict.parts().map(\.text)
        == ["5000 parents are blocked in vfork() until their children exec or exit."])
  }

  /// Processes of one name are one row in each cgroup; and, where that isn't shown, in all of them.
  @Test func namesInCgroups() throws {
    var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
    var active: [LoadAttribution.Key: UInt64] = [:]
    for process in 0..<180 as Range<UInt64> {
      active[.init(state: .runnable, first: process + 1)] = 1
    }
    attribution.sample(active, mean: nil)
    let rows = attribution.rows { key in
      // Three in each of sixty.
      AttributionRow(
        state: key.state, process: "sh", pid: UInt32(key.first),
        cgroup: "/\((key.first - 1) / 3)")
    }
    let part = attribution.part(rows, by: [.process], averages: [0, 0, 0])
    #expect(part.rows.count == 51 && abs(part.rows.load - attribution.sum[0]) < 1e-9)
    #expect(part.rows.prefix(50).allSatisfy { $0.count == 3 && $0.cgroup != nil && $0.pid == nil })
    #expect(Set(part.rows.map(\.cgroup)).count == 51)
    let rest = try #require(part.rows.last)
    #expect(rest.count == 30 && rest.cgroup == nil && rest.process == "sh" && rest.folded == nil)
    let all = part.acrossCgroups.rows
    #expect(all.count == 1 && all[0].count == 180 && abs(all.load - part.rows.load) < 1e-9)
    #expect(all[0].label(by: [.process]) == "sh (180 processes)")
    // Two are told apart by their ids.
    #expect(Array(rows.prefix(2)).foldedByName(by: [.process], acrossCgroups: true).count == 2)
    #expect(rows.foldedByName(by: [.process, .cgroup], acrossCgroups: true).count == 180)
  }

  /// A report holds so many rows, and the others by what they wait for.
  @Test func theSmallestRowsAreFolded() throws {
    var attribution = LoadAttribution(before: [3 of Double](repeating: 0))
    var active: [LoadAttribution.Key: UInt64] = [:]
    for group in 0..<100 as Range<UInt64> {
      active[.init(state: .uninterruptible, wait: .disk, first: group)] = 10
      active[.init(state: .uninterruptible, wait: .lock, first: 100 + group)] = 1
    }
    attribution.sample(active, mean: nil)
    let rows = attribution.rows { key in
      AttributionRow(state: key.state, process: "p\(key.first)", pid: UInt32(key.first + 1))
    }
    let part = attribution.part(rows, by: [.process], averages: [0, 0, 0])
    let (named, folded) = (part.rows.prefix(50), part.rows.dropFirst(50))
    #expect(named.allSatisfy { $0.wait == .disk && $0.folded == nil && $0.count == 1 })
    #expect(folded.map(\.wait) == [.disk, .lock] && folded.map(\.count) == [50, 100])
    #expect(folded.allSatisfy { $0.folded == true && $0.process == nil })
    #expect(folded.map { $0.label(by: [.process]) } == ["others (50)", "others (100)"])
    #expect(abs(part.rows.load - attribution.sum[0]) < 1e-9)
  }
}

extension [AttributionRow] {
  fileprivate var load: Double { reduce(0) { $0 + $1.load1 } }
}
