import Histograms
import Reports
import Support

/// Clones as they might have been: of few names, so that many meet when they are added.
func cloneSample(_ seed: UInt64, host: String? = nil) -> CloneSnapshot {
  var random = SplitMix64(seed: seed)
  func number(_ limit: UInt64) -> UInt64 { .random(in: 0..<limit, using: &random) }
  func some<Part>(_ make: (Int) -> Part) -> [Part] {
    (0..<6).shuffled(using: &random).prefix(Int(number(6))).map(make)
  }
  func part() -> HistogramPart {
    HistogramPart(histogram((0..<number(40)).map { _ in number(1 << 30) }))
  }

  let clone = part()
  var snapshot = emptyClones(host: host ?? "web-\(number(3))")
  snapshot.intervalNs = number(1 << 40)
  snapshot.loss = LossPart(
    expected: number(1 << 20), delivered: number(1 << 20), ringFull: number(9), noRing: number(9),
    mapFull: number(9), missedEnds: number(9), recursion: number(9), untraced: number(9))
  snapshot.cost = CloneCostPart(
    bpfNsPerClone: 900, consumerNs: number(1 << 30), residentBytes: number(1 << 25),
    ringBytes: 1 << 20)
  snapshot.calls = CallsPart(
    fork: number(99), vfork: number(99), clone: number(99), clone3: number(99),
    threads: number(99),
    failed: Dictionary(uniqueKeysWithValues: some { ("E\($0)", number(9)) }),
    straddled: number(9))
  snapshot.histograms = CloneHistogramsPart(
    clone: clone, addressSpaceCopy: part(), pageTableCopy: part(), vforkWait: part())
  // Sorted, as in time.
  snapshot.phases = some { $0 }.sorted().map { index in
    PhasePart(
      phase: ClonePhase.allCases[index], ns: number(1 << 30), share: index == 5 ? nil : 0.5,
      count: number(99), how: index == 4 ? .sampled : .measured,
      uncertaintyNs: index == 4 ? number(1 << 20) : nil)
  }
  snapshot.steps = some {
    StepPart(function: "step_\($0)", ns: number(1 << 30), share: 0.5, count: number(99))
  }
  snapshot.mappingTypes = some {
    MappingTypePart(
      type: MappingType.allCases[$0], count: number(99), bytes: number(1 << 40), ns: number(1 << 30)
    )
  }
  snapshot.mappings = some {
    MappingPart(
      pid: $0 / 2, comm: "comm \($0 % 2)", type: .heap, range: "1000-2000", name: nil,
      bytes: 4096, count: number(99), ns: number(1 << 30))
  }
  snapshot.pageTables = PageTablesPart(
    bytes: number(1 << 30), entries: 1 + number(1 << 20), residentBytes: 1 + number(1 << 40),
    hugetlbBytes: number(1 << 40), nsPerEntry: Double(1 + number(20)),
    msPerGiB: Double(1 + number(20)), gbPerS: Double(1 + number(200)), grade: "good")
  snapshot.slowest = some { _ in
    SlowClonePart(
      at: timestamp(Int(number(60))), pid: Int(number(9)), tid: Int(number(9)), comm: "redis",
      call: "fork", child: Int(number(1 << 20)), ns: number(1 << 30), residentBytes: 1 << 30)
  }
  func copies() -> DiscardedCopiesPart? {
    number(3) == 0
      ? nil
      : DiscardedCopiesPart(
        count: number(99), ns: number(1 << 30), how: number(2) == 0 ? .measured : .sampled)
  }
  func bill() -> [BillItemPart] {
    some {
      BillItemPart(
        item: BillItem.allCases[$0], ns: number(1 << 30), count: number(999), how: .sampled,
        uncertaintyNs: number(1 << 20))
    }
  }
  snapshot.stacks = some {
    StackPart(
      comm: "comm \($0 % 2)", frames: ["__libc_fork", "f\($0 / 2)"], count: number(99),
      ns: number(1 << 30), use: number(3) == 0 ? nil : ChildUse.allCases[Int(number(5))],
      discardedCopies: copies())
  }
  func fates() -> ChildFatesPart {
    ChildFatesPart(
      born: number(99), living: number(9), unfollowed: number(9), execAfter: part(), lived: part(),
      writtenBytes: number(3) == 0 ? nil : number(1 << 30))
  }
  func writes() -> CopyOnWritePart? {
    guard number(3) > 0 else { return nil }
    func faults() -> WriteFaultsPart {
      WriteFaultsPart(faults: number(99), copiedBytes: number(99) << 12)
    }
    return CopyOnWritePart(
      forks: number(9), children: faults(), parents: faults(), mostBytes: number(99) << 12,
      leftBytes: number(2) == 0 ? nil : number(99) << 12)
  }
  if number(4) > 0 {
    snapshot.childFates = fates()
    snapshot.children = some {
      ChildrenPart(
        comm: "comm \($0 / 2)", pid: Int(number(2)), processes: 1 + number(9),
        use: ChildUse.allCases[$0 % 2], atATime: number(9), ns: number(1 << 30), fates: fates(),
        discardedCopies: copies(), bill: bill(), copyOnWrite: writes())
    }
    snapshot.bill = bill()
    snapshot.pageCopies = PageCopiesPart(
      samples: number(99),
      mappings: some {
        WrittenMappingPart(
          by: WriterRole.allCases[$0 % 2], pid: $0 / 2, comm: "comm", range: "\($0)000-\($0)fff",
          name: nil, copiedBytes: number(99) << 18)
      },
      stacks: some {
        WritingStackPart(
          by: WriterRole.allCases[$0 % 2], comm: "comm", frames: ["write \($0 / 2)"],
          copiedBytes: number(99) << 18)
      })
  }
  snapshot.advice = some {
    AdvicePart(kind: .limits, text: "advice \($0)", evidence: ["\($0) + \(number(3))"])
  }
  return snapshot
}

/// A second in which nothing was cloned.
func emptyClones(host: String = "web-1") -> CloneSnapshot {
  let none = HistogramPart(Histogram())
  return CloneSnapshot(
    final: false, host: HostPart(names: [host], kernels: ["6.18.44"], cpus: 2),
    start: timestamp(0), end: timestamp(1), intervalNs: 1_000_000_000, filter: FilterPart(),
    probes: [ProbePart(feature: "clones", probe: "fentry", available: .yes)], loss: LossPart(),
    cost: CloneCostPart(bpfNsPerClone: nil, consumerNs: 0, residentBytes: 0, ringBytes: 0),
    calls: CallsPart(), phases: [],
    histograms: CloneHistogramsPart(
      clone: none, addressSpaceCopy: none, pageTableCopy: none, vforkWait: none),
    mappingTypes: [], mappings: [],
    pageTables: PageTablesPart(
      bytes: 0, entries: 0, residentBytes: 0, hugetlbBytes: 0, nsPerEntry: nil, msPerGiB: nil,
      gbPerS: nil, grade: nil),
    slowest: [], stacks: [], advice: [])
}
