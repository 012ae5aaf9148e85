import FoundationEssentials
import Histograms
import Reports
import Testing

/// What a snapshot of `cloneprof` looks like as JSON.
struct CloneFormTests {
  @Test func whatWasWrittenIsRead() throws {
    for snapshot in [Self.sample(), Self.bare()] {
      let data = try JSONEncoder().encode(snapshot)
      #expect(try JSONDecoder().decode(CloneSnapshot.self, from: data) == snapshot)
    }
  }

  @Test func theSchemaFitsWhatIsWritten() throws {
    let checker = try SchemaChecker("cloneprof-2")
    for snapshot in [Self.sample(), Self.bare()] {
      #expect(checker.faults(of: try Self.json(snapshot)) == [])
    }
  }

  /// With every field there is, each that is taken away, added or of another type is noticed,
  /// wherever it stands.
  @Test func theSchemaRefusesOtherThings() throws {
    let checker = try SchemaChecker("cloneprof-2")
    let valid = try Self.json(Self.sample())
    var tried: Set<String> = []
    for path in Self.objects(in: valid) {
      let object = try #require(Self.value(at: path[...], in: valid))
      let added = Self.setting(path + ["x"], to: .number(1), in: valid)
      #expect((checker.faults(of: added) == []) == (path == ["calls", "failed"]), "\(path)")
      for key in object.keys {
        let field = path + [key]
        tried.insert(key)
        let mistyped = Self.setting(field, to: .bool(true), in: valid)
        #expect((checker.faults(of: mistyped) == []) == (key == "final"), "\(field)")
        let lacking = Self.setting(field, to: nil, in: valid)
        #expect(
          (checker.faults(of: lacking) == []) == Self.mayLack(key, at: path), "\(field)")
      }
    }
    #expect(tried.isSuperset(of: ["uncertainty_ns", "vfork_wait", "grade", "evidence", "p999"]))
    for (path, value) in [
      (["schema"], "cloneprof/1"), (["phases", "0", "how"], "guessed"),
      (["mappings", "0", "type"], "vdso"),
      (["phases", "0", "phase"], "the rest"), (["slowest", "0", "call"], "exec"),
      (["advice", "0", "kind"], "reboot"), (["page_tables", "grade"], "great"),
      (["children", "0", "use"], "play"), (["stacks", "0", "use"], "play"),
    ] {
      let broken = Self.setting(path, to: .string(value), in: valid)
      #expect(checker.faults(of: broken) != [], "\(path)")
    }
    let negative = Self.setting(["calls", "failed", "EAGAIN"], to: .number(-1), in: valid)
    #expect(checker.faults(of: negative) != [])
  }

  /// Every key has its place in `docs/cloneprof.md`, or in what that refers to.
  @Test func everyFieldIsDocumented() throws {
    let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs")
    let own = try String(contentsOf: docs.appending(path: "cloneprof.md"), encoding: .utf8)
    let shared = try String(contentsOf: docs.appending(path: "snapshot.md"), encoding: .utf8)
    let json = try Self.json(Self.sample())
    for path in Self.objects(in: json) where path != ["calls", "failed"] {
      let names = try #require(Self.value(at: path[...], in: json)?.keys)
      let isShared =
        ["host", "filter", "probes", "loss"].contains(path.first)
        || (path.first == "histograms" && path.count > 1)
        || !Set(path).isDisjoint(with: ["exec_after", "lived"])
      for key in names {
        let pattern = try Regex("[`.]\(key)(\\[\\])?[`.]")
        #expect((isShared ? shared : own).contains(pattern), "\(path) \(key)")
      }
    }
  }
}

// MARK: - Samples

extension CloneFormTests {
  /// With a value in every field.
  static func sample() -> CloneSnapshot {
    func part(_ values: [UInt64]) -> HistogramPart { HistogramPart(histogram(values)) }
    return CloneSnapshot(
      final: true, host: HostPart(names: ["web-1"], kernels: ["6.18.44"], cpus: 2),
      start: timestamp(0), end: timestamp(9), intervalNs: 9_000_000_000,
      filter: FilterPart(pids: [1], comms: ["httpd"], cgroups: ["/"]),
      probes: [ProbePart(feature: "clones", probe: "fentry", available: .yes, reason: "as well")],
      loss: LossPart(
        expected: 11, delivered: 5, pending: 1, ringFull: 1, noRing: 1, mapFull: 1, missedEnds: 1,
        recursion: 1),
      cost: CloneCostPart(
        bpfNsPerClone: 1_840.5, consumerNs: 96_000, residentBytes: 24_300_000, ringBytes: 8_388_608),
      calls: CallsPart(
        fork: 1, vfork: 2, clone: 3, clone3: 4, threads: 5, failed: ["EAGAIN": 2], straddled: 6),
      phases: [
        PhasePart(
          phase: .taskSetup, ns: 90, share: 0.25, count: 3, how: .sampled, uncertaintyNs: 7)
      ],
      steps: [StepPart(function: "vm_area_dup", ns: 20, share: 0.05, count: 7)],
      histograms: CloneHistogramsPart(
        clone: part([900, .max / 3]), addressSpaceCopy: part([7]), pageTableCopy: part([5]),
        vforkWait: part([3])),
      mappingTypes: [MappingTypePart(type: .filePrivate, count: 3, bytes: 4_096, ns: 11)],
      mappings: [
        MappingPart(
          pid: 812, comm: "httpd", type: .heap, range: "55d0c0a1e000-55d1b4a00000",
          name: "[heap]", bytes: 4_093_517_824, count: 3, ns: 51)
      ],
      pageTables: PageTablesPart(
        bytes: 8_192, entries: 1_024, residentBytes: 4_194_304, hugetlbBytes: 2_097_152,
        nsPerEntry: 45.5, msPerGiB: 12.9, gbPerS: 83.2, grade: "good"),
      slowest: [
        SlowClonePart(
          at: timestamp(3), pid: 812, tid: 901, comm: "httpd", call: "clone", child: 9, ns: 7,
          residentBytes: 4_096)
      ],
      stacks: [
        StackPart(
          comm: "httpd", frames: ["__libc_fork", "main"], count: 3, ns: 50, use: .execAtOnce,
          discardedCopies: DiscardedCopiesPart(count: 3, ns: 40, how: .sampled))
      ],
      childFates: fates(),
      children: [
        ChildrenPart(
          comm: "httpd", pid: 812, processes: 1, use: .execAtOnce, atATime: 2, ns: 50,
          fates: fates(), discardedCopies: DiscardedCopiesPart(count: 3, ns: 40, how: .measured),
          bill: bill(),
          copyOnWrite: CopyOnWritePart(
            forks: 2, children: WriteFaultsPart(faults: 9, copiedBytes: 32_768),
            parents: WriteFaultsPart(faults: 3, copiedBytes: 4_096), mostBytes: 8_192,
            leftBytes: 65_536))
      ],
      bill: bill(),
      pageCopies: PageCopiesPart(
        samples: 9,
        mappings: [
          WrittenMappingPart(
            by: .child, pid: 812, comm: "httpd", range: "7f00-8f00", name: "[heap]",
            copiedBytes: 262_144)
        ],
        stacks: [
          WritingStackPart(
            by: .parent, comm: "httpd", frames: ["memcpy", "main"], copiedBytes: 262_144)
        ]),
      advice: [AdvicePart(kind: .cpu, text: "All is well.", evidence: ["3 clones"])])
  }

  private static func bill() -> [BillItemPart] {
    BillItem.allCases.map { item in
      item == .clone
        ? BillItemPart(item: item, ns: 50, count: 3, how: .measured)
        : BillItemPart(item: item, ns: 90, count: 9, how: .sampled, uncertaintyNs: 58)
    }
  }

  private static func fates() -> ChildFatesPart {
    ChildFatesPart(
      born: 9, living: 2, unfollowed: 1, execAfter: HistogramPart(histogram([400, 500])),
      lived: HistogramPart(histogram([7])), writtenBytes: 4_096)
  }

  /// With none that may be absent.
  static func bare() -> CloneSnapshot {
    var snapshot = sample()
    snapshot.final = false
    snapshot.cost.bpfNsPerClone = nil
    snapshot.calls = CallsPart(straddled: nil)
    snapshot.phases = [PhasePart(phase: .vforkWait, ns: 0, share: nil, count: 0, how: .measured)]
    let nothing = HistogramPart(Histogram())
    snapshot.histograms = CloneHistogramsPart(
      clone: nothing, addressSpaceCopy: nothing, pageTableCopy: nothing, vforkWait: nothing)
    snapshot.mappings[0].name = nil
    snapshot.pageTables = PageTablesPart(
      bytes: 0, entries: 0, residentBytes: 0, hugetlbBytes: 0, nsPerEntry: nil, msPerGiB: nil,
      gbPerS: nil, grade: nil)
    snapshot.mappingTypes = []
    snapshot.slowest = []
    snapshot.stacks[0].use = nil
    snapshot.stacks[0].discardedCopies = nil
    snapshot.childFates = nil
    snapshot.children = nil
    snapshot.bill = nil
    snapshot.pageCopies = nil
    return snapshot
  }

  /// Fields that may be absent, by name.
  private static let optional: Set<String> = [
    "reason", "bpf_ns_per_clone", "share", "uncertainty_ns", "min", "max", "p50", "p90", "p99",
    "p999", "ns_per_entry", "ms_per_gib", "gb_per_s", "grade", "name",
    "straddled", "child_fates", "children", "written_bytes", "bill", "discarded_copies",
    "copy_on_write", "left_bytes", "page_copies",
  ]

  private static func mayLack(_ key: String, at path: [String]) -> Bool {
    // Phases may have no share, steps have one.
    if key == "share" { return path.first != "steps" }
    if path.first == "stacks" { return key == "use" || key == "discarded_copies" }
    if path.first == "children", key == "pid" { return true }
    if path.last == "copy_on_write" { return key == "left_bytes" }
    if path.first == "page_copies" { return key == "name" || key == "range" }
    return optional.contains(key) || path == ["calls", "failed"]
  }
}

// MARK: - Paths into JSON: keys, and indices as text

extension CloneFormTests {
  private static func json(_ snapshot: CloneSnapshot) throws -> JSONValue {
    try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(snapshot))
  }

  /// Where there are objects, the whole first.
  private static func objects(in value: JSONValue) -> [[String]] {
    switch value {
    case .object(let fields):
      [[]] + fields.flatMap { key, value in objects(in: value).map { [key] + $0 } }
    case .array(let elements):
      elements.enumerated().flatMap { index, value in
        objects(in: value).map { ["\(index)"] + $0 }
      }
    default: []
    }
  }

  private static func value(at path: ArraySlice<String>, in value: JSONValue) -> JSONValue? {
    guard let key = path.first else { return value }
    let inner = Int(key).map { value.elements[$0] } ?? value[key]
    return inner.flatMap { Self.value(at: path.dropFirst(), in: $0) }
  }

  /// The same with another value in one place, or with none there.
  private static func setting(
    _ path: [String], to new: JSONValue?, in value: JSONValue
  ) -> JSONValue {
    guard let key = path.first else { return value }
    let rest = Array(path.dropFirst())
    switch value {
    case .object(var fields):
      fields[key] = rest.isEmpty ? new : setting(rest, to: new, in: fields[key] ?? .null)
      return .object(fields)
    case .array(var elements):
      if let index = Int(key) { elements[index] = setting(rest, to: new, in: elements[index]) }
      return .array(elements)
    default: return value
    }
  }
}
