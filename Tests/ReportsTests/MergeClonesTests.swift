import Histograms
import Reports
import Testing

/// What several snapshots of clones add up to.
struct MergeClonesTests {
  /// All that adds up, whichever way it is added.
  struct Sums: Equatable {
    var numbers: [UInt64] = []
    var named: [String: [UInt64]] = [:]
    var histograms: [HistogramPart] = []

    init(_ all: [CloneSnapshot]) throws {
      numbers = [
        \CloneSnapshot.intervalNs, \.loss.expected, \.loss.delivered, \.loss.ringFull,
        \.loss.noRing, \.loss.mapFull, \.loss.missedEnds, \.loss.recursion, \.loss.untraced,
        \.cost.consumerNs, \.calls.fork, \.calls.vfork,
        \.calls.clone, \.calls.clone3, \.calls.threads, \.pageTables.bytes, \.pageTables.entries,
        \.pageTables.residentBytes, \.pageTables.hugetlbBytes,
      ].map { field in all.reduce(0) { $0 + $1[keyPath: field] } }
      for one in all {
        for (error, count) in one.calls.failed { add([count], to: error) }
        for part in one.phases { add([part.ns, part.count], to: part.phase.rawValue) }
        for part in one.steps { add([part.ns, part.count], to: part.function) }
        for part in one.mappingTypes {
          add([part.ns, part.count, part.bytes], to: "type \(part.type)")
        }
        add([one.calls.straddled ?? 0], to: "straddled")
        for part in one.mappings { add([part.ns, part.count], to: "\(part.pid) \(part.comm)") }
        for part in one.stacks {
          let name = "\(part.comm) \(part.frames)"
          add([part.ns, part.count], to: name)
          add(part.discardedCopies, to: name)
        }
        add(one.bill, to: "bill")
        for part in one.slowest { add([part.ns], to: "\(part.at) \(part.child)") }
        for part in one.pageCopies?.mappings ?? [] {
          add([part.copiedBytes], to: "copied in \(part.pid) \(part.range ?? "") by \(part.by)")
        }
        for part in one.pageCopies?.stacks ?? [] {
          add([part.copiedBytes], to: "copied by \(part.frames) in \(part.by)")
        }
        add([one.pageCopies?.samples ?? 0], to: "samples of page copies")
        if let fates = one.childFates { try add(fates, to: "children") }
        for part in one.children ?? [] {
          let name = "children of \(part.comm), \(part.use)"
          add([part.ns, part.processes], to: name)
          try add(part.fates, to: name + ", fates")
          add(part.discardedCopies, to: name)
          add(part.bill, to: name)
          add([part.copyOnWrite?.forks ?? 0], to: name + ", forks")
          for faults in [part.copyOnWrite?.children, part.copyOnWrite?.parents] {
            add([faults?.faults ?? 0, faults?.copiedBytes ?? 0], to: name + ", write faults")
          }
        }
      }
      histograms = try [
        \CloneHistogramsPart.clone, \.addressSpaceCopy, \.pageTableCopy, \.vforkWait,
      ].map { part in
        var sum = Histogram()
        for one in all { sum.add(try one.histograms[keyPath: part].histogram()) }
        return HistogramPart(sum)
      }
    }

    private mutating func add(_ fates: ChildFatesPart, to name: String) throws {
      let histograms = try [fates.execAfter, fates.lived].map { try $0.histogram() }
      add([fates.born, fates.unfollowed, fates.writtenBytes ?? 0], to: name)
      add(histograms.flatMap { [$0.count, $0.sum] }, to: name + ", times")
    }

    private mutating func add(_ copies: DiscardedCopiesPart?, to name: String) {
      add([copies?.count ?? 0, copies?.ns ?? 0], to: name + ", discarded copies")
    }

    private mutating func add(_ bill: [BillItemPart]?, to name: String) {
      for part in bill ?? [] { add([part.ns, part.count], to: "\(name), \(part.item)") }
    }

    private mutating func add(_ numbers: [UInt64], to name: String) {
      named[name] = zip(named[name] ?? numbers.map { _ in 0 }, numbers).map { $0 + $1 }
    }
  }

  @Test(arguments: 0..<50 as Range<UInt64>) func nothingIsLost(seed: UInt64) throws {
    let (one, two) = (cloneSample(seed), cloneSample(seed + 1000))
    let merged = try one.merged(with: two)
    #expect(merged.final && merged.schema == CloneSnapshot.schemaName)
    let haveBills = one.bill != nil && two.bill != nil
    let parts = haveBills ? [one, two] : [one, two].map(Self.withoutBill)
    // The lists of the first few have room for both.
    #expect(try Sums([merged]) == Sums(parts))
  }

  private static func withoutBill(_ snapshot: CloneSnapshot) -> CloneSnapshot {
    var snapshot = snapshot
    snapshot.bill = nil
    for index in (snapshot.children ?? []).indices { snapshot.children?[index].bill = nil }
    return snapshot
  }

  @Test(arguments: 0..<50 as Range<UInt64>) func theOrderOfAddingDoesNotMatter(seed: UInt64) throws
  {
    let (a, b, c) = (cloneSample(seed), cloneSample(seed + 1000), cloneSample(seed + 2000))
    let left = try a.merged(with: b).merged(with: c)
    let right = try a.merged(with: b.merged(with: c))
    let swapped = try c.merged(with: b.merged(with: a))
    for other in [right, swapped] {
      #expect(try Sums([left]) == Sums([other]))
      #expect(left.mappings == other.mappings && left.slowest == other.slowest)
      #expect(left.stacks == other.stacks)
      #expect(left.children?.map(\.comm) == other.children?.map(\.comm))
      #expect(left.children?.map(\.pid) == other.children?.map(\.pid))
      #expect(left.children?.map(\.atATime) == other.children?.map(\.atATime))
      #expect(Set(left.phases.map(\.phase)) == Set(other.phases.map(\.phase)))
      for field in [\PageTablesPart.nsPerEntry, \.msPerGiB, \.gbPerS] {
        let (one, two) = (left.pageTables[keyPath: field], other.pageTables[keyPath: field])
        #expect(abs(try #require(one) / #require(two) - 1) < 1e-12)
      }
    }
  }

  @Test(arguments: 0..<50 as Range<UInt64>) func sharesAreOfAllClones(seed: UInt64) throws {
    let (one, two) = (cloneSample(seed), cloneSample(seed + 1000))
    let merged = try one.merged(with: two)
    let total = Double(merged.histograms.clone.sum)
    for phase in merged.phases {
      let share = total == 0 ? 0 : Double(phase.ns) / total
      #expect(phase.share == (phase.phase == ClonePhase.allCases[5] ? nil : share))
    }
    // In the order of time, as far as the two tell.
    for phases in [one.phases, two.phases] {
      let names = phases.map(\.phase)
      #expect(merged.phases.map(\.phase).filter { names.contains($0) } == names)
    }
  }

  /// Of one host those are there that were there at the later end, of several all.
  @Test func childrenThatAreThere() throws {
    func living(_ count: UInt64, _ comms: [String], host: String, end: Int) -> CloneSnapshot {
      var snapshot = emptyClones(host: host)
      snapshot.end = timestamp(end)
      let none = HistogramPart(Histogram())
      let fates = ChildFatesPart(
        born: 1, living: count, unfollowed: 0, execAfter: none, lived: none, writtenBytes: nil)
      snapshot.childFates = fates
      snapshot.children = comms.map {
        ChildrenPart(
          comm: $0, pid: nil, processes: 1, use: .serve, atATime: count, ns: 1, fates: fates)
      }
      return snapshot
    }
    let early = living(5, ["a", "b"], host: "web-1", end: 3)
    let late = living(2, ["b", "c"], host: "web-1", end: 9)
    for merged in try [early.merged(with: late), late.merged(with: early)] {
      #expect(merged.childFates?.living == 2 && merged.childFates?.born == 2)
      #expect(merged.children?.map(\.comm) == ["b", "c", "a"])
      #expect(merged.children?.map(\.fates.living) == [2, 2, 0])
      #expect(merged.children?.map(\.atATime) == [5, 2, 5])
    }
    let other = living(4, ["b"], host: "web-2", end: 5)
    let all = try late.merged(with: other)
    #expect(all.childFates?.living == 6 && all.children?.map(\.fates.living) == [6, 2])
    // A file of before is as if it had none.
    let old = emptyClones()
    #expect(try old.merged(with: old).children == nil && old.merged(with: old).childFates == nil)
    #expect(try old.merged(with: late).children == late.children)
  }

  /// The other is of a part of the time: divided by all of it, it would be too little.
  @Test func aBillThatOnlyOneHas() throws {
    let one = cloneSample(1)
    var other = cloneSample(1001)
    #expect(try one.merged(with: other).bill != nil)
    other.bill = nil
    for merged in [try one.merged(with: other), try other.merged(with: one)] {
      #expect(merged.bill == nil)
      #expect(try #require(merged.children).allSatisfy { $0.bill == nil })
    }
  }

  @Test func theUseOfAStackThatBothHave() throws {
    func merged(_ one: ChildUse?, _ two: ChildUse?) throws -> ChildUse? {
      let parts = [one, two].map { use in
        var snapshot = emptyClones()
        snapshot.stacks = [StackPart(comm: "x", frames: ["f"], count: 1, ns: 1, use: use)]
        return snapshot
      }
      let use = try parts[0].merged(with: parts[1]).stacks.first?.use
      #expect(try use == parts[1].merged(with: parts[0]).stacks.first?.use)
      return use
    }
    #expect(try merged(.save, .save) == .save && merged(nil, nil) == nil)
    #expect(try merged(.save, nil) == .save && merged(.save, .unknown) == .save)
    #expect(try merged(.save, .serve) == .other && merged(nil, .unknown) == .unknown)
  }

  @Test func theLessCertainHowStays() throws {
    func merged(_ one: PhasePart.How, _ two: PhasePart.How) throws -> PhasePart.How? {
      let parts = [one, two].map { how in
        var snapshot = emptyClones()
        snapshot.phases = [PhasePart(phase: .other, ns: 1, share: 1, count: 1, how: how)]
        return snapshot
      }
      return try parts[0].merged(with: parts[1]).phases.first?.how
    }
    #expect(try merged(.measured, .measured) == .measured)
    #expect(try merged(.measured, .sampled) == .sampled)
    #expect(try merged(.derived, .sampled) == .derived)
  }

  @Test func uncertaintiesAreOfIndependentSamples() throws {
    func sampled(_ uncertainty: UInt64?) -> CloneSnapshot {
      var snapshot = emptyClones()
      snapshot.phases = [
        PhasePart(
          phase: .other, ns: 100, share: 1, count: 1, how: .sampled, uncertaintyNs: uncertainty)
      ]
      return snapshot
    }
    #expect(try sampled(30).merged(with: sampled(40)).phases.first?.uncertaintyNs == 50)
    #expect(try sampled(nil).merged(with: sampled(40)).phases.first?.uncertaintyNs == 40)
    #expect(throws: MergeError.self) { try sampled(.max).merged(with: sampled(.max)) }
  }

  @Test func theFirstOfEachListStay() throws {
    func list(_ numbers: [Int]) -> CloneSnapshot {
      var snapshot = emptyClones()
      snapshot.mappings = numbers.map {
        MappingPart(
          pid: $0, comm: "x", type: .heap, range: "0-1", name: nil, bytes: 1, count: 1,
          ns: UInt64($0))
      }
      snapshot.slowest = numbers.map {
        SlowClonePart(
          at: timestamp(0), pid: $0, tid: $0, comm: "x", call: "fork", child: 1, ns: UInt64($0),
          residentBytes: 0)
      }
      snapshot.stacks = numbers.map {
        StackPart(comm: "x", frames: ["f\($0)"], count: 1, ns: UInt64($0))
      }
      return snapshot
    }
    let merged = try list(Array(stride(from: 1, to: 40, by: 2))).merged(
      with: list(Array(stride(from: 0, to: 40, by: 2))))
    #expect(merged.mappings.map(\.ns) == (30..<40).reversed())
    #expect(merged.slowest.map(\.ns) == (30..<40).reversed())
    #expect(merged.stacks.map(\.ns) == (20..<40).reversed())
  }

  @Test func ratesAreWeightedByWhatTheyAreOf() throws {
    func copied(
      entries: UInt64, ns: Double?, resident: UInt64, ms: Double?, speed: Double?
    ) -> CloneSnapshot {
      var snapshot = emptyClones()
      snapshot.pageTables = PageTablesPart(
        bytes: 1, entries: entries, residentBytes: resident, hugetlbBytes: 1, nsPerEntry: ns,
        msPerGiB: ms, gbPerS: speed, grade: nil)
      return snapshot
    }
    let fast = copied(entries: 100, ns: 10, resident: 300, ms: 8, speed: 120)
    let slow = copied(entries: 300, ns: 20, resident: 100, ms: 40, speed: 24)
    let merged = try fast.merged(with: slow).pageTables
    #expect(merged.nsPerEntry == 17.5 && merged.msPerGiB == 16)
    // As long as it takes one after the other.
    let seconds: Double = 300 / 120 + 100 / 24
    let speed = try #require(merged.gbPerS)
    #expect(abs(speed - 400 / seconds) < 1e-12)
    #expect(merged.grade == "good")

    let none = copied(entries: 0, ns: nil, resident: 0, ms: nil, speed: nil)
    #expect(try fast.merged(with: none).pageTables.gbPerS == 120)
    #expect(try none.merged(with: none).pageTables.grade == nil)
    let stopped = copied(entries: 1, ns: 1, resident: 1, ms: 1, speed: 0)
    #expect(throws: MergeError.self) { try stopped.merged(with: fast) }
  }

  @Test(arguments: [
    (0, "terrible"), (9.99, "terrible"), (10, "poor"), (24.9, "poor"), (25, "good"),
    (99.9, "good"), (100, "excellent"), (4000, "excellent"),
  ])
  func gradesAreThoseOfRedis(rate: Double, grade: String) {
    #expect(PageTablesPart.grade(gbPerS: rate) == grade)
  }

  @Test func oneAdviceIsGivenOnce() throws {
    var (one, two) = (emptyClones(), emptyClones())
    one.advice = [AdvicePart(kind: .hugePages, text: "Use them.", evidence: ["a", "b"])]
    two.advice = [
      AdvicePart(kind: .hugePages, text: "Use them.", evidence: ["b", "c"]),
      AdvicePart(kind: .limits, text: "Raise them.", evidence: []),
    ]
    #expect(
      try one.merged(with: two).advice == [
        AdvicePart(kind: .hugePages, text: "Use them.", evidence: ["a", "b", "c"]),
        AdvicePart(kind: .limits, text: "Raise them.", evidence: []),
      ])
  }

  @Test func aSumOfMoreThan64BitsIsAnError() {
    let fields: [WritableKeyPath<CloneSnapshot, UInt64>] = [
      \.intervalNs, \.loss.expected, \.cost.consumerNs, \.calls.fork, \.calls.threads,
      \.phases[0].ns, \.phases[0].count,
      \.mappingTypes[0].bytes, \.mappings[0].ns, \.stacks[0].count, \.pageTables.bytes,
      \.pageTables.entries, \.pageTables.residentBytes,
    ]
    var one = emptyClones()
    one.intervalNs = 1
    one.loss.expected = 1
    one.cost.consumerNs = 1
    one.calls = CallsPart(fork: 1, threads: 1, failed: ["EAGAIN": 1])
    one.phases = [PhasePart(phase: .other, ns: 1, share: 1, count: 1, how: .measured)]
    one.mappingTypes = [MappingTypePart(type: .heap, count: 1, bytes: 1, ns: 1)]
    one.mappings = [
      MappingPart(
        pid: 1, comm: "x", type: .heap, range: "0-1", name: nil, bytes: 1, count: 1, ns: 1)
    ]
    one.stacks = [StackPart(comm: "x", frames: [], count: 1, ns: 1)]
    one.pageTables = PageTablesPart(
      bytes: 1, entries: 1, residentBytes: 1, hugetlbBytes: 1, nsPerEntry: nil, msPerGiB: nil,
      gbPerS: nil, grade: nil)
    #expect(throws: Never.self) { try one.merged(with: one) }
    var refused = one
    refused.calls.failed["EAGAIN"] = .max
    #expect(throws: MergeError.self) { try refused.merged(with: one) }
    for field in fields {
      var large = one
      large[keyPath: field] = .max
      #expect(throws: MergeError.self) { try large.merged(with: one) }
    }

    var many = emptyClones()
    let none = HistogramPart(Histogram())
    many.childFates = ChildFatesPart(
      born: .max, living: 0, unfollowed: 0, execAfter: none, lived: none, writtenBytes: nil)
    #expect(throws: MergeError.self) { try many.merged(with: many) }

    var full = Histogram()
    full.record(1, times: .max)
    var large = emptyClones()
    large.histograms.vforkWait = HistogramPart(full)
    #expect(throws: MergeError.self) { try large.merged(with: large) }
  }

  @Test func anotherFormOrOtherTasksCannotBeAdded() {
    var other = emptyClones()
    other.schema = "cloneprof/1"
    #expect(throws: MergeError.self) { try emptyClones().merged(with: other) }
    #expect(throws: MergeError.self) { try other.merged(with: emptyClones()) }
    var some = emptyClones()
    some.filter.pids = [1]
    #expect(throws: MergeError.self) { try emptyClones().merged(with: some) }
  }

  @Test(arguments: 0..<10 as Range<UInt64>) func whatWasWrittenIsRead(seed: UInt64) throws {
    let snapshot = cloneSample(seed)
    let line = try SnapshotJSON.line(snapshot)
    #expect(try SnapshotJSON.snapshots(in: line) == [snapshot])
    #expect(throws: MergeError.self) { try SnapshotJSON.snapshots(in: line) as [LoadSnapshot] }
  }
}
