import Reports
import Support

/// A snapshot in which every line of a picture has something to say: a web server of 4 GiB that
/// starts programs.
func cloneSample(final: Bool = false) -> CloneSnapshot {
  let clones: [(value: UInt64, times: UInt64)] = [
    (51_000_000, 900), (53_600_000, 290), (72_400_000, 10), (310_000, 4),
  ]
  return CloneSnapshot(
    final: final, host: HostPart(names: ["web-1"], kernels: ["6.18.44"], cpus: 2),
    start: "2025-11-21T14:01:12.250Z", end: "2025-11-21T14:03:12.250Z",
    intervalNs: 120_000_000_000, filter: FilterPart(comms: ["httpd"]), probes: [],
    loss: LossPart(expected: 4_821, delivered: 4_821),
    cost: CloneCostPart(
      bpfNsPerClone: 1_840, consumerNs: 96_000_000, residentBytes: 24_300_000,
      ringBytes: 8_388_608),
    calls: CallsPart(vfork: 4, clone: 1_200, threads: 24, failed: ["EAGAIN": 2, "ENOMEM": 1]),
    phases: [
      PhasePart(
        phase: .taskSetup, ns: 43_000_000, share: 0.0007, count: 1_204, how: .measured),
      PhasePart(
        phase: .mappings, ns: 1_930_000_000, share: 0.0311, count: 1_930,
        how: .sampled, uncertaintyNs: 86_000_000),
      PhasePart(
        phase: .pageTables, ns: 57_320_000_000, share: 0.9224, count: 1_200, how: .measured),
      PhasePart(
        phase: .openFiles, ns: 1_240_000_000, share: 0.02, count: 1_204, how: .measured),
      PhasePart(
        phase: .unattributed, ns: 1_477_240_000, share: 0.0238, count: 1_204, how: .derived),
      PhasePart(phase: .vforkWait, ns: 4_800_000, share: nil, count: 4, how: .measured),
    ],
    histograms: CloneHistogramsPart(
      clone: part(clones), addressSpaceCopy: part([(50_200_000, 1_180), (71_000_000, 20)]),
      pageTableCopy: part([(46_900_000, 1_000), (48_300_000, 190), (68_900_000, 10)]),
      vforkWait: part([(1_100_000, 3), (1_500_000, 1)])),
    mappingTypes: [
      MappingTypePart(type: .heap, count: 1_200, bytes: 4_900_000_000_000, ns: 52_100_000_000),
      MappingTypePart(type: .stack, count: 1_200, bytes: 162_000_000, ns: 2_400_000),
      MappingTypePart(
        type: .anonymous, count: 49_200, bytes: 310_000_000_000, ns: 4_730_000_000),
      MappingTypePart(
        type: .filePrivate, count: 187_000, bytes: 26_000_000_000, ns: 482_000_000),
      MappingTypePart(type: .hugetlb, count: 0, bytes: 0, ns: 0),
    ],
    mappings: [
      MappingPart(
        pid: 812, comm: "httpd", type: .heap, range: "55d0c0a1e000-55d1b4a00000",
        name: "[heap]", bytes: 4_093_517_824, count: 1_190, ns: 51_646_000_000),
      MappingPart(
        pid: 812, comm: "httpd", type: .anonymous, range: "7f0000000000-7f0004000000", name: nil,
        bytes: 67_108_864, count: 1_190, ns: 1_011_500_000),
      MappingPart(
        pid: 9_120, comm: "cron", type: .filePrivate, range: "7f1d2f000000-7f1d2f1c2000",
        name: "/usr/lib/x86_64-linux-gnu/libc.so.6", bytes: 1_843_200, count: 10, ns: 84_000),
    ],
    pageTables: PageTablesPart(
      bytes: 10_144_000_000, entries: 1_260_000_000, residentBytes: 5_160_000_000_000,
      hugetlbBytes: 0, nsPerEntry: 45.5, msPerGiB: 12.9, gbPerS: 83.2, grade: "good"),
    slowest: [
      SlowClonePart(
        at: "2025-11-21T14:02:41.318Z", pid: 812, tid: 901, comm: "httpd", call: "clone",
        child: 20_411, ns: 72_400_000, residentBytes: 4_301_000_000),
      SlowClonePart(
        at: "2025-11-21T14:01:13.004Z", pid: 812, tid: 812, comm: "httpd", call: "clone",
        child: 19_204, ns: 71_900_000, residentBytes: 4_300_000_000),
    ],
    stacks: [
      StackPart(
        comm: "httpd",
        frames: [
          "__libc_fork", "apr_proc_create", "cgi_handler", "ap_run_handler", "ap_invoke_handler",
          "ap_process_request", "child_main", "main",
        ],
        count: 1_190, ns: 61_900_000_000,
        discardedCopies: DiscardedCopiesPart(count: 1_190, ns: 59_100_000_000, how: .measured)),
      StackPart(comm: "cron", frames: ["_Fork", "0x55c4f21a9c10"], count: 10, ns: 101_000_000),
      StackPart(comm: "make", frames: [], count: 4, ns: 9_240_000),
    ],
    children: [
      ChildrenPart(
        comm: "httpd", pid: 812, processes: 1, use: .execAtOnce, atATime: 7, ns: 61_900_000_000,
        fates: fates(born: 1_190, living: 3, exec: [(1_210_000, 1_188)], lived: []),
        bill: [
          BillItemPart(item: .clone, ns: 61_900_000_000, count: 1_190, how: .measured),
          BillItemPart(
            item: .copyOnWrite, ns: 2_100_000_000, count: 418, how: .sampled,
            uncertaintyNs: 201_000_000),
          BillItemPart(
            item: .teardown, ns: 21_000_000_000, count: 4_179, how: .sampled,
            uncertaintyNs: 637_000_000),
          BillItemPart(
            item: .exec, ns: 140_000_000, count: 28, how: .sampled, uncertaintyNs: 52_000_000),
        ]),
      ChildrenPart(
        comm: "cron", pid: nil, processes: 8, use: .serve, atATime: 1, ns: 101_000_000,
        fates: fates(born: 10, lived: [(41_000_000, 10)], written: 3_200)),
      ChildrenPart(
        comm: "redis-server", pid: 2_040_112, processes: 1, use: .save, atATime: 1, ns: 4_000_000,
        fates: fates(born: 0, lived: [(3_500_000_000, 1)], written: 412_000_000)),
    ],
    advice: [
      AdvicePart(
        kind: .spawn,
        text: "httpd clones only to start programs: posix_spawn or vfork copies no page tables,"
          + " and would save nearly all of that time.",
        evidence: [
          "1,190 of 1,190 children called execve, after 1.2 ms in the median",
          "page-table copy: 92 % of the clones' time",
        ]),
      AdvicePart(
        kind: .hugePages, text: "Huge pages for [heap] would leave 1 of 512 entries to copy.",
        evidence: ["1,050,000 entries per clone, 0 in huge pages"]),
    ])
}

func fates(
  born: UInt64, living: UInt64 = 0, unfollowed: UInt64 = 0,
  exec: [(value: UInt64, times: UInt64)] = [], lived: [(value: UInt64, times: UInt64)],
  written: UInt64? = 0
) -> ChildFatesPart {
  ChildFatesPart(
    born: born, living: living, unfollowed: unfollowed, execAfter: part(exec), lived: part(lived),
    writtenBytes: written)
}

/// Of a watch in which nothing happened.
func emptyCloneSample() -> CloneSnapshot {
  var snapshot = cloneSample()
  snapshot.calls = CallsPart()
  snapshot.histograms = CloneHistogramsPart(
    clone: part([]), addressSpaceCopy: part([]), pageTableCopy: part([]), vforkWait: part([]))
  snapshot.phases = []
  snapshot.mappingTypes = []
  snapshot.mappings = []
  snapshot.pageTables = PageTablesPart(
    bytes: 0, entries: 0, residentBytes: 0, hugetlbBytes: 0, nsPerEntry: nil, msPerGiB: nil,
    gbPerS: nil, grade: nil)
  snapshot.slowest = []
  snapshot.stacks = []
  snapshot.children = []
  snapshot.advice = []
  snapshot.loss = LossPart()
  return snapshot
}

/// A snapshot whose every figure and name is of random size.
func randomCloneSample(_ random: inout SplitMix64) -> CloneSnapshot {
  func number(_ bits: UInt64 = 64) -> UInt64 {
    random.next() >> (64 - UInt64.random(in: 1...bits, using: &random))
  }
  func name() -> String {
    String(decoding: EscapeTests.randomBytes(&random), as: UTF8.self)
  }
  func double() -> Double? {
    [nil, .nan, -.infinity, -3, 0, 0.04, 1, Double(number())].randomElement(using: &random) ?? nil
  }
  func some<Part>(_ most: Int, _ part: () -> Part) -> [Part] {
    (0..<Int.random(in: 0...most, using: &random)).map { _ in part() }
  }
  func histogram() -> HistogramPart {
    part(some(40) { (number(), number(40)) })
  }
  var snapshot = cloneSample(final: Bool.random(using: &random))
  // What both tools begin with is as random as there.
  let load = randomSample(&random)
  snapshot.host = load.host
  snapshot.end = load.end
  snapshot.intervalNs = load.intervalNs
  snapshot.filter = load.filter
  snapshot.loss = load.loss
  snapshot.cost = CloneCostPart(
    bpfNsPerClone: double(), consumerNs: number(), residentBytes: number(), ringBytes: number())
  snapshot.calls = CallsPart(
    fork: number(), vfork: number(), clone: number(), clone3: number(), threads: number(),
    failed: Dictionary(some(9) { (name(), number()) }) { $1 }, straddled: number())
  snapshot.histograms = CloneHistogramsPart(
    clone: histogram(), addressSpaceCopy: histogram(), pageTableCopy: histogram(),
    vforkWait: histogram())
  snapshot.phases = some(9) {
    PhasePart(
      phase: ClonePhase.allCases.randomElement(using: &random) ?? .other, ns: number(),
      share: double(), count: number(),
      how: [.measured, .sampled, .derived].randomElement(using: &random) ?? .derived,
      uncertaintyNs: Bool.random(using: &random) ? number() : nil)
  }
  func type() -> MappingType { MappingType.allCases.randomElement(using: &random) ?? .heap }
  snapshot.steps = some(4) {
    StepPart(function: name(), ns: number(), share: double() ?? 0, count: number())
  }
  snapshot.mappingTypes = some(9) {
    MappingTypePart(type: type(), count: number(), bytes: number(), ns: number())
  }
  snapshot.mappings = some(9) {
    MappingPart(
      pid: Int(number(31)), comm: name(), type: type(), range: name(), name: some(1, name).first,
      bytes: number(), count: number(), ns: number())
  }
  snapshot.pageTables = PageTablesPart(
    bytes: number(), entries: number(), residentBytes: number(), hugetlbBytes: number(),
    nsPerEntry: double(), msPerGiB: double(), gbPerS: double(), grade: some(1, name).first)
  snapshot.slowest = some(9) {
    SlowClonePart(
      at: name(), pid: Int(number(31)), tid: Int(number(31)), comm: name(), call: name(),
      child: Int(number(31)), ns: number(), residentBytes: number())
  }
  func randomCopies() -> DiscardedCopiesPart? {
    some(1) { DiscardedCopiesPart(count: number(), ns: number(), how: .sampled) }.first
  }
  func randomBill() -> [BillItemPart] {
    some(9) {
      BillItemPart(
        item: BillItem.allCases.randomElement(using: &random) ?? .clone, ns: number(),
        count: number(), how: .sampled, uncertaintyNs: number())
    }
  }
  snapshot.stacks = some(9) {
    StackPart(
      comm: name(), frames: some(30, name), count: number(), ns: number(),
      discardedCopies: randomCopies())
  }
  func randomFates() -> ChildFatesPart {
    fates(
      born: number(), living: number(), unfollowed: number(),
      exec: some(9) { (number(), number(40)) }, lived: some(9) { (number(), number(40)) },
      written: Bool.random(using: &random) ? number() : nil)
  }
  snapshot.childFates = randomFates()
  snapshot.children = some(9) {
    ChildrenPart(
      comm: name(), pid: Bool.random(using: &random) ? Int(number(31)) : nil, processes: number(),
      use: ChildUse.allCases.randomElement(using: &random) ?? .other, atATime: number(),
      ns: number(), fates: randomFates(), discardedCopies: randomCopies(), bill: randomBill(),
      copyOnWrite: some(1) {
        CopyOnWritePart(
          forks: number(), children: WriteFaultsPart(faults: number(), copiedBytes: number()),
          parents: WriteFaultsPart(faults: number(), copiedBytes: number()), mostBytes: number(),
          leftBytes: number())
      }.first)
  }
  snapshot.pageCopies =
    some(1) {
      PageCopiesPart(
        samples: number(),
        mappings: some(5) {
          WrittenMappingPart(
            by: .child, pid: Int(number(31)), comm: name(), range: name(), name: name(),
            copiedBytes: number())
        },
        stacks: some(4) {
          WritingStackPart(by: .parent, comm: name(), frames: some(20, name), copiedBytes: number())
        })
    }.first
  snapshot.advice = some(3) { AdvicePart(kind: .limits, text: name(), evidence: some(3, name)) }
  return snapshot
}
