import Reports
import Testing

import Faces
import Support

/// Comparisons of runs as text.
struct CloneComparisonTextTests {
  private static func text(
    _ comparisons: [CloneComparison], columns: Int = 80, color: Bool = false
  ) -> String {
    CloneComparisonText(columns: columns, color: color).block(comparisons)
  }

  private static func compare(
    _ one: CloneSnapshot, _ others: CloneSnapshot..., files: [String] = ["before.json", "b.json"]
  ) -> [CloneComparison] {
    others.map { CloneComparison(baseline: (files[0], one), compared: (files[1], $0)) }
  }

  /// Clones of a process whose memory is in small pages, or in large ones.
  static func run(
    small: Bool, clones: UInt64 = 20, tables: UInt64? = nil, spread: UInt64 = 100_000
  ) -> CloneSnapshot {
    var run = emptyCloneSample()
    run.final = true
    run.filter = FilterPart(pids: [812])
    run.loss = LossPart(expected: 400, delivered: 400)
    let table: UInt64 = tables ?? (small ? 2_600_000 : 80_000)
    func values(_ ns: UInt64) -> [(value: UInt64, times: UInt64)] {
      clones == 0 ? [] : [(ns - spread / 4, clones / 2), (ns + spread / 4, clones - clones / 2)]
    }
    run.histograms.clone = part(values(table + 250_000))
    run.histograms.pageTableCopy = part(values(table))
    run.histograms.addressSpaceCopy = part(values(table + 150_000))
    run.calls.clone = clones
    run.phases =
      clones == 0
      ? []
      : [
        PhasePart(
          phase: .mappings, ns: 150_000 * clones, share: 0, count: clones, how: .measured),
        PhasePart(
          phase: .pageTables, ns: run.histograms.pageTableCopy.sum, share: 0, count: clones,
          how: .measured),
        PhasePart(phase: .wakeChild, ns: 9_000 * clones, share: 0, count: clones, how: .measured),
        PhasePart(
          phase: .unattributed, ns: 91_000 * clones, share: 0, count: clones, how: .derived),
      ]
    run.pageTables = PageTablesPart(
      bytes: (small ? 650_000 : 640_000) * clones, entries: 37_800 * clones,
      residentBytes: 155_000_000 * clones, hugetlbBytes: 0,
      nsPerEntry: clones == 0 ? nil : Double(table) / 37_800, msPerGiB: nil, gbPerS: nil,
      grade: nil)
    return run
  }

  @Test func thePictureIsAsIntended() {
    var other = Self.run(small: false)
    other.host.kernels = ["6.12.107"]
    let text = Self.text(Self.compare(Self.run(small: true), other, Self.run(small: true)))
    #expect(text == golden, Comment(rawValue: "\n" + text))
  }

  @Test(arguments: [
    (
      false, 20 as UInt64, nil as UInt64?,
      "B: clones take 330 us instead of 2.85 ms, 8.6 times faster: more than noise; page tables "
        + "account for all of it."
    ),
    (
      true, 20, 3_000_000,
      "B: clones take 3.25 ms instead of 2.85 ms, 14 % slower: more than noise; page tables "
        + "account for all of it."
    ),
    (
      true, 20, 2_600_500,
      "B: clones take 2.85 ms instead of 2.85 ms: no difference beyond noise."
    ),
    (
      true, 1, nil,
      "B: clones take 2.88 ms instead of 2.85 ms, 0.9 % slower; with fewer than 2 clones nothing "
        + "can be said about noise."
    ),
    (true, 0, nil, "B: no clones in B, nothing to compare."),
  ])
  func theOutcomeIsASentence(small: Bool, clones: UInt64, tables: UInt64?, sentence: String) {
    let comparisons = Self.compare(
      Self.run(small: true), Self.run(small: small, clones: clones, tables: tables))
    let last = LoadTextTests.lines(Self.text(comparisons, columns: 200)).last
    #expect(last == sentence)
  }

  /// What two runs of the same kind may differ by as well.
  @Test(arguments: [(3_000_000 as UInt64, true), (2_600_500, false), (5_500_000, false)])
  func smallDifferencesHaveAFootnote(tables: UInt64, isThere: Bool) {
    let text = Self.text(
      Self.compare(Self.run(small: true), Self.run(small: true, tables: tables)), columns: 200)
    #expect(text.contains("\nNoise is how clones differ within a run. ") == isThere, "\(text)")
  }

  @Test func outliersHideNoMedian() {
    // Of 20, one takes 100 ms.
    var (one, other) = (Self.run(small: true), Self.run(small: false))
    one.histograms.clone = part([(2_850_000, 19), (100_000_000, 1)])
    other.histograms.clone = part([(330_000, 19), (99_000_000, 1)])
    let text = Self.text(Self.compare(one, other), columns: 300)
    #expect(text.contains("no difference beyond noise; but the median is "), "\(text)")
  }

  @Test func whatAccountsForIt() {
    func sentence(mean: UInt64, _ phases: [(ClonePhase, UInt64)]) -> String {
      var runs = [Self.run(small: true), Self.run(small: true)]
      for (index, factor) in [(0, 2), (1, 1)] as [(Int, UInt64)] {
        runs[index].histograms.clone = part([(mean * factor, 20)])
        runs[index].phases = phases.map { phase, ns in
          PhasePart(phase: phase, ns: 20 * ns * factor, share: 0, count: 20, how: .measured)
        }
      }
      return LoadTextTests.lines(Self.text(Self.compare(runs[0], runs[1]), columns: 300)).last ?? ""
    }
    for (phases, words) in [
      (
        [(.openFiles, 30_000), (.wakeChild, 20_000)],
        "; open files account for 60 % of it, waking the child for 40 %."
      ),
      ([(.offCPU, 20_000)], "; time off the CPU accounts for 40 % of it."),
      ([(.addressSpace, 50_000)], "; the address space accounts for all of it."),
      ([(.unattributed, 60_000)], "; unattributed time accounts for all of it."),
      ([(.other, 61_000)], "; other functions account for more than all of it."),
      ([], "more than noise."),
    ] as [([(ClonePhase, UInt64)], String)] {
      let all = sentence(mean: 50_000, phases)
      #expect(all.hasSuffix(words), "\(all)")
    }
  }

  @Test func cautionsAreNamed() {
    var (one, other) = (Self.run(small: true), Self.run(small: true))
    other.host = HostPart(names: ["web-2"], kernels: ["6.1.0-18"], cpus: 8)
    other.filter = FilterPart(comms: ["a", "b"])
    other.loss.ringFull = 3
    other.calls.threads = 5
    other.histograms.vforkWait = part([(1_000, 5)])
    other.phases[0].phase = .offCPU
    let text = Self.text(Self.compare(one, other), columns: 100)
    for line in [
      "not a fair comparison", "* different hosts: A web-1, B web-2",
      "* different kernels: A Linux 6.18.44, B Linux 6.1.0-18",
      "* different numbers of CPUs: A 2, B 8", "* different filters: A pid 812, B comm a, b",
      "* different kinds of calls: A 100 % fork, B 50 % fork 25 % vfork 25 % threads",
      "* lost records: A 0 of 400, B 3 of 400",
      "* phases measured differently: A measured, B sampled",
    ] {
      #expect(LoadTextTests.lines(text).contains(line), "\(line)\n\(text)")
    }
    #expect(Self.text(Self.compare(one, other), color: true).contains("\u{1b}[1;31mnot a fair"))
    one = Self.run(small: true, clones: 1)
    #expect(
      Self.text(Self.compare(one, Self.run(small: true, clones: 0))).contains("* no clones in B\n"))
    #expect(
      Self.text(Self.compare(one, one)).contains(
        "* fewer than 2 clones in A and B: noise is unknown"))
    #expect(!Self.text(Self.compare(other, other)).contains("different"))
  }

  @Test(arguments: 0..<12 as Range<UInt64>) func noLineIsWiderThanTheTerminal(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for columns in [1, 2, 7, 20, 37, 38, 40, 50, 60, 64, 65, 79, 80, 81, 100, 132, 200] {
      let comparisons = Self.compare(
        randomCloneSample(&random), randomCloneSample(&random), randomCloneSample(&random))
      for line in LoadTextTests.lines(Self.text(comparisons, columns: columns)) {
        #expect(Faces.columns(of: line) <= columns, "\(line)")
        #expect(line.last != " ")
      }
    }
  }

  /// At 40 what doesn't fit goes below: every figure is there at every width.
  @Test(arguments: 0..<12 as Range<UInt64>) func figuresAreNeverCut(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<20 {
      var runs = [randomCloneSample(&random), randomCloneSample(&random)]
      for index in runs.indices {
        let known = cloneSample()
        (runs[index].host, runs[index].filter) = (known.host, FilterPart())
        (runs[index].end, runs[index].loss) = (known.end, known.loss)
      }
      let comparisons = Self.compare(runs[0], runs[1])
      let wide = Self.text(comparisons, columns: 200)
      for columns in [40, 80] {
        let text = Self.text(comparisons, columns: columns)
        #expect(!text.contains("…"), "\(text)")
        let words = { (text: String) in text.split { $0.isWhitespace } }
        #expect(words(text) == words(wide), "\(text)")
      }
    }
  }

  @Test func whatAnyoneMayNameIsEscaped() {
    let bad = "x\u{1b}[31m\u{202e}\\"
    let good = #"x\x1b[31m\u{202e}\\"#
    var (one, other) = (Self.run(small: true), Self.run(small: false))
    other.host = HostPart(names: [bad], kernels: [bad], cpus: 2)
    other.filter = FilterPart(pids: [1], comms: [bad], cgroups: [bad])
    one.end = bad
    let text = Self.text(Self.compare(one, other, files: [bad, bad]), columns: 300)
    // Both files, a time, four in the head of B and the same in the cautions.
    #expect(
      text.split(separator: good, omittingEmptySubsequences: false).count == 11 + 1, "\(text)")
    #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}"))
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func withoutColorThereIsNoControl(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let comparisons = Self.compare(
      randomCloneSample(&random), randomCloneSample(&random), files: ["\u{1b}[2J", "\u{9b}\n"])
    let plain = Self.text(comparisons, columns: 90)
    let controls = plain.unicodeScalars.filter { $0.properties.generalCategory == .control }
    #expect(controls.allSatisfy { $0 == "\n" })
    let colored = Self.text(comparisons, columns: 90, color: true)
    let pattern = /\u{1b}\[[0-9;]*m/.matchingSemantics(.unicodeScalar)
    #expect(colored != plain && colored.replacing(pattern, with: "") == plain)
  }

  @Test func manyRunsHaveNames() {
    let one = Self.run(small: true)
    let comparisons = (0..<28).flatMap { _ in Self.compare(one, one) }
    let text = Self.text(comparisons)
    for name in ["A  before.json", "B  b.json", "Z  b.json", "#27  b.json", "#29  b.json"] {
      #expect(LoadTextTests.lines(text).contains { $0.hasPrefix(name) }, "\(name)")
    }
    #expect(text.contains("\n#27: clones take "))
  }
}

private let golden = """
  A  before.json  web-1  Linux 6.18.44  2 CPUs  14:03:12 UTC  total: 2 m 00 s
  only  pid 812
  B  b.json  web-1  Linux 6.12.107  2 CPUs  14:03:12 UTC  total: 2 m 00 s
  only  pid 812

                             A         B     change
  clones                    20        20          0
  clone, mean          2.85 ms    330 us   -2.52 ms  8.6x faster   more than noise
  clone, median        2.88 ms    311 us   -2.56 ms  9.2x faster   more than noise
  clone, p99           2.88 ms    355 us   -2.52 ms  8.1x faster   noise unknown
    mappings            150 us    150 us       0 ns                noise
    page tables        2.60 ms   80.0 us   -2.52 ms  33x faster    more than noise
    wake child         9.00 us   9.00 us       0 ns                noise unknown
    unattributed       91.0 us   91.0 us       0 ns                noise unknown
  entries               37,800    37,800          0                noise unknown
    each               68.8 ns    2.1 ns   -66.7 ns  33x faster    noise unknown
  page-table memory     650 kB    640 kB   -10.0 kB  -1.5 %        noise unknown
  resident memory       155 MB    155 MB        0 B                noise unknown

  not a fair comparison
  * different kernels: A Linux 6.18.44, B Linux 6.12.107

  B: clones take 330 us instead of 2.85 ms, 8.6 times faster: more than noise;
  page tables account for all of it.

  C  b.json  web-1  Linux 6.18.44  2 CPUs  14:03:12 UTC  total: 2 m 00 s
  only  pid 812

                             A         C     change
  clones                    20        20          0
  clone, mean          2.85 ms   2.85 ms       0 ns                noise
  clone, median        2.88 ms   2.88 ms       0 ns                noise
  clone, p99           2.88 ms   2.88 ms       0 ns                noise unknown
    mappings            150 us    150 us       0 ns                noise
    page tables        2.60 ms   2.60 ms       0 ns                noise
    wake child         9.00 us   9.00 us       0 ns                noise unknown
    unattributed       91.0 us   91.0 us       0 ns                noise unknown
  entries               37,800    37,800          0                noise unknown
    each               68.8 ns   68.8 ns     0.0 ns                noise unknown
  page-table memory     650 kB    650 kB        0 B                noise unknown
  resident memory       155 MB    155 MB        0 B                noise unknown

  C: clones take 2.85 ms instead of 2.85 ms: no difference beyond noise.

  """
