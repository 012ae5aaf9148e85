import Histograms
public import Reports

/// What `cloneprof` knows, as metrics: counters that only grow, and gauges as of the last interval.
public struct CloneMetrics: ReportMetrics {
  /// Whether another tool's metrics of the same process say what it costs.
  private let sharesProcess: Bool
  private let tracesThreads: Bool
  private var last: CloneSnapshot?
  private var counts = Counts()
  private var callers: BoundedGroups
  /// When each advice was last given, and when the last interval came; ns.
  private var advised: [AdvicePart.Kind: UInt64] = [:]
  private var taken: UInt64 = 0
  /// For how long advice counts, ns.
  private static let advicePeriod: UInt64 = 60_000_000_000

  /// Series that always exist, with some room for probes.
  public static let leastSeries = 200

  private struct Counts {
    var calls: [String: UInt64] = [:]
    var errors: [String: UInt64] = [:]
    var phases: [ClonePhase: UInt64] = [:]
    var bill: [BillItem: UInt64] = [:]
    var tableBytes: UInt64 = 0
    var entries: UInt64 = 0
    var residentBytes: UInt64 = 0
    var hugetlbBytes: UInt64 = 0
    var born: UInt64 = 0
    var unfollowed: UInt64 = 0
    var writtenBytes: UInt64 = 0
    var copiedBytes: UInt64 = 0
    var loss = LossPart()
    var consumerNs: UInt64 = 0
  }

  /// - Parameter mostSeries: at least ``leastSeries``.
  public init(mostSeries: Int, sharesProcess: Bool, tracesThreads: Bool = false) {
    (self.sharesProcess, self.tracesThreads) = (sharesProcess, tracesThreads)
    // One is for the others.
    callers = BoundedGroups(most: max(1, mostSeries - Self.leastSeries))
  }

  private static let other = "other"
  private static let mostErrors = 16

  public mutating func take(_ interval: CloneSnapshot, at now: UInt64) {
    last = interval
    let calls = interval.calls
    for (call, count) in [
      ("fork", calls.fork), ("vfork", calls.vfork), ("clone", calls.clone),
      ("clone3", calls.clone3), ("thread", calls.threads),
    ] {
      counts.calls[call, default: 0] &+= count
    }
    for (error, count) in calls.failed {
      let isKnown = counts.errors[error] != nil || counts.errors.count < Self.mostErrors
      counts.errors[isKnown ? error : Self.other, default: 0] &+= count
    }
    for part in interval.phases { counts.phases[part.phase, default: 0] &+= part.ns }
    for part in interval.bill ?? [] {
      let served = interval.native?.served[part.item] ?? 0
      counts.bill[part.item, default: 0] &+= part.ns - min(part.ns, served)
    }
    for part in interval.advice { advised[part.kind] = now }
    taken = now
    counts.tableBytes &+= interval.pageTables.bytes
    counts.entries &+= interval.pageTables.entries
    counts.residentBytes &+= interval.pageTables.residentBytes
    counts.hugetlbBytes &+= interval.pageTables.hugetlbBytes
    if let fates = interval.childFates {
      counts.born &+= fates.born
      counts.unfollowed &+= fates.unfollowed
      counts.writtenBytes &+= fates.writtenBytes ?? 0
    }
    for row in interval.children ?? [] {
      guard let part = row.copyOnWrite else { continue }
      counts.copiedBytes &+= part.children.copiedBytes &+ part.parents.copiedBytes
    }
    counts.loss = counts.loss.adding(interval.loss)
    counts.consumerNs &+= interval.cost.consumerNs
    takeCallers(interval, at: now)
  }

  /// What is left of the time of all clones is the others'.
  private mutating func takeCallers(_ interval: CloneSnapshot, at now: UInt64) {
    var times: [String: Double] = [:]
    for (comm, ns) in interval.native?.callers ?? [:] {
      times[LabelText.of(comm), default: 0] += Double(ns) / 1e9
    }
    times[Self.other] = nil
    let rest = Double(interval.histograms.clone.sum) / 1e9 - times.values.reduce(0, +)
    callers.take(
      sizes: times, amounts: times.merging([Self.other: max(0, rest)]) { $1 }, at: now)
  }

  // MARK: - Families

  public var families: [MetricFamily] {
    guard let last else { return [] }
    var all = calls + histograms(last) + [phases, bill, clonesByCaller]
    all += pageTables + children(last) + [advice] + loss(last) + cost(last)
    all.append(.probes("sonde_clone_probe", last.probes))
    return all.filter { !$0.samples.isEmpty }
  }

  private var calls: [MetricFamily] {
    [
      MetricFamily(
        "sonde_clones", .counter,
        "Calls that created a process, by system call; thread: calls that created a thread (with --threads only).",
        ["fork", "vfork", "clone", "clone3", "thread"].compactMap { call in
          let count = counts.calls[call] ?? 0
          guard tracesThreads || call != "thread" else { return nil }
          return MetricSample(Double(count), ("call", call))
        }),
      MetricFamily(
        "sonde_clones_failed", .counter, "Calls that failed, by error.",
        counts.errors.sorted { $0.key < $1.key }.map {
          MetricSample(Double($0.value), ("error", $0.key))
        }),
    ]
  }

  private func histograms(_ last: CloneSnapshot) -> [MetricFamily] {
    guard let native = last.native else { return [] }
    return [
      (
        "sonde_clone_seconds",
        "How long clone calls took, without the wait of a vfork parent; failed ones excluded.",
        native.clone
      ),
      (
        "sonde_clone_address_space_copy_seconds",
        "Time per clone to copy the address space: mappings and page tables.",
        native.addressSpaceCopy
      ),
      (
        "sonde_clone_page_table_copy_seconds", "Time per clone to copy the page tables.",
        native.pageTableCopy
      ),
      (
        "sonde_vfork_wait_seconds",
        "How long vfork parents waited for their child to exec or exit.",
        native.vforkWait
      ),
    ].filter { name, _, histogram in
      // Those of which this kernel shows nothing: by samples, parts of single clones aren't known.
      histogram.count > 0 || ["sonde_clone_seconds", "sonde_vfork_wait_seconds"].contains(name)
    }.map {
      MetricFamily($0, .histogram, unit: "seconds", $1, [MetricSample($2)])
    }
  }

  private var phases: MetricFamily {
    MetricFamily(
      "sonde_clone_phase_seconds", .counter, unit: "seconds",
      "Time in clone calls, by phase; vfork_wait is not part of the calls' time.",
      ClonePhase.allCases.compactMap { phase in
        counts.phases[phase].map {
          MetricSample(Double($0) / 1e9, ("phase", phase.rawValue))
        }
      })
  }

  private var bill: MetricFamily {
    MetricFamily(
      "sonde_fork_cpu_seconds", .counter, unit: "seconds",
      "CPU time spent on forks, during and after the calls, by what it is spent on; "
        + "excludes what children known to serve do on their own behalf.",
      BillItem.allCases.compactMap { item in
        counts.bill[item].map { MetricSample(Double($0) / 1e9, ("item", item.rawValue)) }
      })
  }

  private var clonesByCaller: MetricFamily {
    MetricFamily(
      "sonde_clone_caller_seconds", .counter, unit: "seconds",
      "Time in clone calls, by caller name; other: callers without series of their own, and new threads.",
      callers.names.map { MetricSample(callers.total(of: $0), ("comm", $0)) }
        + [MetricSample(callers.others, ("comm", Self.other))])
  }

  private static let helps = [
    "resident_bytes": "resident memory mapped by the copied page tables",
    "hugetlb_bytes":
      "hugetlbfs memory mapped by the copied page tables; not part of resident memory",
  ]

  private var pageTables: [MetricFamily] {
    func family(_ name: String, _ unit: String, _ figure: String, _ value: UInt64) -> MetricFamily {
      let help =
        Self.helps[figure]
        ?? CloneSnapshot.figures.first { $0.name == "page_tables.\(figure)" }?.help ?? ""
      return MetricFamily(
        "sonde_clone_\(name)", .counter, unit: unit, MetricFamily.sentence(help),
        [MetricSample(Double(value))])
    }
    return [
      family("page_table_bytes", "bytes", "bytes", counts.tableBytes),
      family("page_table_entries", "", "entries", counts.entries),
      family("resident_bytes", "bytes", "resident_bytes", counts.residentBytes),
      family("hugetlb_bytes", "bytes", "hugetlb_bytes", counts.hugetlbBytes),
    ]
  }

  private func children(_ last: CloneSnapshot) -> [MetricFamily] {
    guard let fates = last.childFates else { return [] }
    var families = [
      MetricFamily(
        "sonde_clone_children", .counter, "Processes created by clone calls.",
        [MetricSample(Double(counts.born))]),
      MetricFamily(
        "sonde_clone_children_unfollowed", .counter,
        "Children for which it is unknown whether and when they called exec or exited.",
        [MetricSample(Double(counts.unfollowed))]),
      MetricFamily(
        "sonde_clone_children_living", .gauge, "Children still alive.",
        [MetricSample(Double(fates.living))]),
      MetricFamily(
        "sonde_clone_children_written_bytes", .counter, unit: "bytes",
        "Bytes written by write calls of children that exited without an exec.",
        [MetricSample(Double(counts.writtenBytes))]),
    ]
    if counts.copiedBytes > 0 || (last.children ?? []).contains(where: { $0.copyOnWrite != nil }) {
      families.append(
        MetricFamily(
          "sonde_clone_copied_bytes", .counter, unit: "bytes",
          "Bytes copied on write after forks, by children and parents; only callers listed in the report.",
          [MetricSample(Double(counts.copiedBytes))]))
    }
    return families
  }

  private var advice: MetricFamily {
    MetricFamily(
      "sonde_clone_advice", .gauge,
      "1 if, within the last minute, this change was advised to make clones faster.",
      AdvicePart.Kind.allCases.map { kind in
        let isRecent = advised[kind].map { taken &- $0 < Self.advicePeriod } ?? false
        return MetricSample(isRecent ? 1 : 0, ("advice", kind.rawValue))
      })
  }

  private func loss(_ last: CloneSnapshot) -> [MetricFamily] {
    CloneSnapshot.figures.compactMap { figure in
      guard figure.name.hasPrefix("loss."), case .number(let read) = figure.value else {
        return nil
      }
      let name = "sonde_clone_loss_" + figure.name.dropFirst(5)
      var help = figure.help
      if help.hasPrefix("`cloneprof` only: ") { help.removeFirst("`cloneprof` only: ".count) }
      help = figure.sentence(help)
      // Names are left out by the process: the other tool counts them.
      guard figure.name != "loss.untraced", !sharesProcess || figure.name != "loss.names_left_out"
      else { return nil }
      if figure.name == "loss.pending" {
        return MetricFamily(name, .gauge, help, [MetricSample(read(last) ?? 0)])
      }
      // The figures read reports: one with what has been lost so far.
      var sum = last
      sum.loss = counts.loss
      return MetricFamily(name, .counter, help, [MetricSample(read(sum) ?? 0)])
    }
  }

  private func cost(_ last: CloneSnapshot) -> [MetricFamily] {
    let ofProcess = [
      MetricFamily(
        "sonde_clone_cost_consumer_seconds", .counter, unit: "seconds",
        "CPU time of the exporter.", [MetricSample(Double(counts.consumerNs) / 1e9)]),
      MetricFamily(
        "sonde_clone_cost_resident_bytes", .gauge, unit: "bytes",
        "Resident memory of the exporter.", [MetricSample(Double(last.cost.residentBytes))]),
    ]
    return (sharesProcess ? [] : ofProcess) + [
      MetricFamily(
        "sonde_clone_cost_ring_bytes", .gauge, unit: "bytes",
        "Kernel memory of the ring buffers for clones.",
        [MetricSample(Double(last.cost.ringBytes))]),
      MetricFamily(
        "sonde_clone_cost_bpf_seconds_per_clone", .gauge,
        "Run time of the BPF programs per clone, measured by the kernel.",
        last.cost.bpfNsPerClone.map { [MetricSample($0 / 1e9)] } ?? []),
    ]
  }
}

extension LossPart {
  fileprivate func adding(_ other: LossPart) -> LossPart {
    LossPart(
      expected: expected &+ other.expected, delivered: delivered &+ other.delivered,
      ringFull: ringFull &+ other.ringFull, noRing: noRing &+ other.noRing,
      mapFull: mapFull &+ other.mapFull, missedEnds: missedEnds &+ other.missedEnds,
      recursion: recursion &+ other.recursion,
      namesLeftOut: namesLeftOut &+ other.namesLeftOut)
  }
}
