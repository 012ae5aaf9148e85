import Histograms
public import Reports

/// What `loadwatch` knows, as metrics: counters that only grow, and gauges as of the last interval.
public struct LoadMetrics: ReportMetrics {
  private var sums: [String: Double] = [:]
  private var last: LoadSnapshot?
  private var groups: BoundedGroups
  private var pairs: BoundedGroups
  /// The paths of members, as they are.
  private var paths: [String: String] = [:]

  /// What `other` stands for: groups without series of their own.
  private static let other = "other"
  /// What separates victim and culprit; in no label, where it would be escaped.
  private static let arrow = "\u{0}"
  /// Of a group: R, D, and its waits for CPUs; and native histograms of these and of its sleeps in D.
  private static let seriesOfGroup = (text: 3, native: 5)
  /// Series saved where the host's three histograms are native.
  private static let savedByNative = 3 * (ClassicBuckets.series - 1)

  /// - Parameters:
  ///   - mostSeries: at least ``leastSeries``.
  ///   - classicBuckets: whether native histograms have those too.
  public init(mostSeries: Int, classicBuckets: Bool) {
    let free = max(0, mostSeries - Self.leastSeries)
    // A third for who delays whom; `other` takes one.
    pairs = BoundedGroups(most: max(1, free / 3))
    let left = free - free / 3
    let saved = classicBuckets ? 0 : Self.savedByNative
    groups = BoundedGroups(
      most: max(
        1, min(left / Self.seriesOfGroup.text, (left + saved) / Self.seriesOfGroup.native)))
  }

  /// Series that always exist, with some room for probes.
  public static let leastSeries = 250

  public mutating func take(_ interval: LoadSnapshot, at now: UInt64) {
    last = interval
    for figure in LoadSnapshot.figures {
      guard case .number(let read) = figure.value, case .sum = figure.merging else { continue }
      sums[figure.name, default: 0] += read(interval) ?? 0
    }
    let parts = Self.loads(of: interval)
    var sizes = parts.mapValues { $0.runnable + $0.uninterruptible }
    var seen: [String: String] = [:]
    for case let path? in interval.native?.load?.cgroups.keys.map({ $0 }) ?? [] {
      seen[LabelText.of(path)] = path
    }
    let seconds = Double(max(1, interval.intervalNs)) / 1e9
    var delays: [String: Double] = [:]
    var waited: [String: Double] = [:]
    for wait in interval.cpuWaits ?? [] {
      // Inside a PID namespace waits are by process: names that come and go.
      let victim = wait.place.map { LabelText.of($0.label) } ?? Self.other
      if let path = wait.place?.cgroup { seen[victim] = path }
      waited[victim, default: 0] += Double(wait.waitNs) / 1e9
      for culprit in wait.culprits {
        let isNamed = ![.others, .process, .kernelThread, .sameProcess].contains(culprit.kind)
        let who = isNamed ? LabelText.of(culprit.label) : Self.other
        delays[victim + Self.arrow + who, default: 0] += Double(culprit.ns) / 1e9
      }
    }
    for (name, time) in waited { sizes[name, default: 0] += time / seconds }
    // Those that the report itself has put together are no group.
    sizes[Self.other] = nil
    groups.take(sizes: sizes, amounts: waited, at: now)
    let rest = Self.other + Self.arrow + Self.other
    pairs.take(sizes: delays.filter { $0.key != rest }, amounts: delays, at: now)
    paths = paths.merging(seen) { $1 }.filter { groups.isMember($0.key) }
  }

  private static func loads(of interval: LoadSnapshot) -> [String: NativeHistograms.LoadParts
    .ByState]
  {
    var loads: [String: NativeHistograms.LoadParts.ByState] = [:]
    for (path, load) in interval.native?.load?.cgroups ?? [:] {
      let name = path.map(LabelText.of) ?? Self.other
      loads[name, default: .init()].runnable += load.runnable
      loads[name, default: .init()].uninterruptible += load.uninterruptible
    }
    return loads
  }

  // MARK: - Families

  public var families: [MetricFamily] {
    guard let last else { return [] }
    var all = figures(last) + histograms(last)
    all += [loadParts(last)] + blocked(last)
    all += [verdict(last), shares(last), pressure(last)]
    all += groupLoads(last) + [groupWaits] + groupHistograms(last)
    all += [culprits, .probes("sonde_probe", last.probes)]
    return all.filter { !$0.samples.isEmpty }
  }

  private func figures(_ last: LoadSnapshot) -> [MetricFamily] {
    LoadSnapshot.figures.compactMap { figure in
      guard case .number(let read) = figure.value, !Self.ofClones.contains(figure.name) else {
        return nil
      }
      let (name, unit, scale) = Self.name(of: figure.name)
      let text = Self.helps[figure.name] ?? figure.help
      let help = figure.sentence(text)
      if case .sum = figure.merging {
        return MetricFamily(
          name, .counter, unit: unit, help, [MetricSample((sums[figure.name] ?? 0) * scale)])
      }
      return MetricFamily(
        name, .gauge, unit: unit, help, read(last).map { [MetricSample($0 * scale)] } ?? [])
    }
  }

  /// Where what a report says is of a sum of reports.
  private static let helps: [String: String] = {
    var helps = ["interval_ns": "time covered so far", "host.cpus": "online CPUs"]
    for state in ["runnable", "uninterruptible"] {
      let name = "tasks.\(state)"
      helps["\(name).now"] = "\(state) tasks at the end of the interval"
      helps["\(name).mean"] =
        "mean number of \(state) tasks over the interval, excluding time in which records were lost"
      helps["\(name).max"] =
        "maximum number of \(state) tasks in the interval, sampled about once per millisecond"
      helps["\(name).task_ns"] = "total time tasks spent \(state), in task-seconds"
    }
    return helps
  }()

  /// Always 0 here.
  private static let ofClones: Set<String> = ["loss.map_full", "loss.missed_ends"]

  /// "cost.consumer_ns": "sonde_cost_consumer_seconds", in seconds.
  private static func name(of figure: String) -> (name: String, unit: String, scale: Double) {
    if figure.hasPrefix("load.kernel["), let index = figure.dropLast().last?.wholeNumberValue {
      return ("sonde_load\([1, 5, 15][index])", "", 1)
    }
    let name = "sonde_" + String(figure.map { $0 == "." ? "_" : $0 })
    if name.hasSuffix("_ns") { return (name.dropLast(2) + "seconds", "seconds", 1e-9) }
    if name.hasSuffix("_bytes") { return (name, "bytes", 1) }
    if name.contains("_ns_per_") {
      return (name.replacing("_ns_per_", with: "_seconds_per_"), "", 1e-9)
    }
    return (name, "", 1)
  }

  private func histograms(_ last: LoadSnapshot) -> [MetricFamily] {
    guard let native = last.native else { return [] }
    return [
      MetricFamily(
        "sonde_run_queue_latency_seconds", .histogram, unit: "seconds",
        "How long tasks waited for a CPU, from runnable to running.",
        [MetricSample(native.runQueueLatency, exemplar: native.longestWait.map(Self.exemplar))]),
      MetricFamily(
        "sonde_on_cpu_seconds", .histogram, unit: "seconds",
        "How long tasks kept a CPU once they had it.", [MetricSample(native.onCPU)]),
      MetricFamily(
        "sonde_uninterruptible_seconds", .histogram, unit: "seconds",
        "Duration of completed uninterruptible sleeps (D state).",
        [MetricSample(native.blockedUninterruptible)]),
    ]
  }

  private static func exemplar(
    _ wait: NativeHistograms.LongestWait
  ) -> MetricSample.Exemplar {
    var labels = [("comm", LabelText.of(wait.comm)), ("tid", "\(wait.tid)")]
    if let cgroup = wait.cgroup {
      // The path of a Kubernetes container is too long for an exemplar.
      if let container = CgroupPlace(path: cgroup).container {
        labels.append(("container_id", LabelText.of(container)))
      }
      labels.append(("cgroup", LabelText.of(cgroup)))
    }
    return MetricSample.Exemplar(labels, ns: wait.ns, at: wait.at)
  }

  /// All of them add up to load1.
  private func loadParts(_ last: LoadSnapshot) -> MetricFamily {
    var samples: [MetricSample] = []
    if let attribution = last.attribution, let parts = last.native?.load {
      samples.append(MetricSample(parts.runnable, ("state", "R"), ("cause", "cpu")))
      for kind in WaitKind.allCases {
        let load1 = parts.uninterruptible[kind] ?? 0
        samples.append(MetricSample(load1, ("state", "D"), ("cause", kind.rawValue)))
      }
      for (cause, values) in [
        ("delayed", attribution.delayed), ("before_run", attribution.beforeRun),
        ("unattributed", attribution.unattributed),
      ] {
        samples.append(MetricSample(values.first ?? 0, ("state", ""), ("cause", cause)))
      }
    }
    return MetricFamily(
      "sonde_load_part", .gauge,
      "Parts of load1, by task state and what tasks in D wait for. They add up to sonde_load1.",
      samples)
  }

  private func blocked(_ last: LoadSnapshot) -> [MetricFamily] {
    guard let sums = last.native?.blocked else { return [] }
    func samples(_ value: (NativeHistograms.Blocked) -> Double) -> [MetricSample] {
      LockKind.allCases.compactMap { lock in
        sums[lock].map { MetricSample(value($0), ("wait", lock.rawValue)) }
      }
    }
    return [
      MetricFamily(
        "sonde_blocked_load", .gauge,
        "Part of load1 blocked by another task, by what is waited for at the root of the chain.",
        samples { $0.load1 }),
      MetricFamily(
        "sonde_blocked_seconds", .counter, unit: "seconds",
        "Time tasks spent in D state blocked by another task (task-seconds), by what is waited for at the "
          + "root of the chain; estimated from the load samples, taken every 5 s.",
        samples { Double($0.ns) / 1e9 }),
    ]
  }

  private func verdict(_ last: LoadSnapshot) -> MetricFamily {
    let causes = Set((last.verdict ?? []).map(\.cause))
    return MetricFamily(
      "sonde_verdict", .gauge, "1 if the verdict on the last minute names this cause.",
      VerdictCause.allCases.map {
        MetricSample(causes.contains($0) ? 1 : 0, ("cause", $0.rawValue))
      })
  }

  private func shares(_ last: LoadSnapshot) -> MetricFamily {
    let shares = Dictionary(
      (last.verdict ?? []).map { ($0.cause, $0.share) }, uniquingKeysWith: { $0 + $1 })
    return MetricFamily(
      "sonde_verdict_share", .gauge,
      "Fraction of load1 (0 to 1) attributed to each cause named in the verdict; 0 for all others.",
      VerdictCause.allCases.map { MetricSample(shares[$0] ?? 0, ("cause", $0.rawValue)) })
  }

  private func pressure(_ last: LoadSnapshot) -> MetricFamily {
    let pressure = last.pressure
    let parts = [("cpu", pressure?.cpu), ("io", pressure?.io), ("memory", pressure?.memory)]
    return MetricFamily(
      "sonde_pressure_ratio", .gauge,
      "Share of the interval in which some, or all non-idle, tasks were stalled (/proc/pressure).",
      parts.flatMap { resource, shares -> [MetricSample] in
        guard let shares else { return [] }
        return [
          MetricSample(shares.some, ("resource", resource), ("tasks", "some"))
        ]
          // Undefined for the CPUs of a host, where the kernel shows 0 (Documentation/accounting/psi.rst).
          + (resource == "cpu"
            ? [] : [MetricSample(shares.full, ("resource", resource), ("tasks", "full"))])
      })
  }

  private func groupLoads(_ last: LoadSnapshot) -> [MetricFamily] {
    guard last.native?.load != nil else { return [] }
    let loads = Self.loads(of: last)
    var samples: [MetricSample] = []
    func add(_ name: String, _ load: NativeHistograms.LoadParts.ByState) {
      samples.append(MetricSample(load.runnable, labels(of: name) + [("state", "R")]))
      samples.append(MetricSample(load.uninterruptible, labels(of: name) + [("state", "D")]))
    }
    var rest = NativeHistograms.LoadParts.ByState()
    for (name, load) in loads where !groups.isMember(name) {
      rest.runnable += load.runnable
      rest.uninterruptible += load.uninterruptible
    }
    for name in groups.names { add(name, loads[name] ?? .init()) }
    add(Self.other, rest)
    return [
      MetricFamily(
        "sonde_cgroup_load", .gauge,
        "Part of load1 from a cgroup's own tasks; other: all cgroups without series of their own.",
        samples)
    ]
  }

  private var groupWaits: MetricFamily {
    MetricFamily(
      "sonde_cgroup_cpu_wait_seconds", .counter, unit: "seconds",
      "Time a cgroup's tasks waited for a CPU.",
      groups.names.map { MetricSample(groups.total(of: $0), labels(of: $0)) }
        + [MetricSample(groups.others, ("cgroup", Self.other))])
  }

  /// Only of those that have durations: a histogram with none is of no use.
  private func groupHistograms(_ last: LoadSnapshot) -> [MetricFamily] {
    let cgroups = last.native?.cgroups.map { (LabelText.of($0.path), $0) } ?? []
    // Two names may be one label.
    let shown = Dictionary(
      cgroups.filter { groups.isMember($0.0) }, uniquingKeysWith: { one, _ in one }
    )
    .sorted { $0.key < $1.key }
    func family(
      _ name: String, _ help: String,
      _ read: (NativeHistograms.Cgroup) -> ExponentialHistogram
    ) -> MetricFamily {
      var family = MetricFamily(
        name, .histogram, unit: "seconds", help,
        shown.map { ($0.key, read($0.value)) }.filter { $0.1.count > 0 }
          .map { MetricSample($0.1, labels(of: $0.0)) })
      family.isNativeOnly = true
      return family
    }
    return [
      family(
        "sonde_cgroup_run_queue_latency_seconds", "How long a cgroup's tasks waited for a CPU."
      ) { $0.runQueueLatency },
      family(
        "sonde_cgroup_uninterruptible_seconds",
        "How long a cgroup's tasks were in uninterruptible sleep (D)."
      ) { $0.blockedUninterruptible },
    ]
  }

  /// A cgroup's, with what its path tells of it.
  private func labels(of name: String) -> [MetricSample.Label] {
    guard let path = paths[name] else { return [("cgroup", name)] }
    let place = CgroupPlace(path: path)
    let parts = [
      ("pod_uid", place.pod), ("container_id", place.container), ("unit", place.unit),
    ]
    return [("cgroup", name)]
      + parts.compactMap { label, text in text.map { (label, LabelText.of($0)) } }
  }

  private var culprits: MetricFamily {
    MetricFamily(
      "sonde_cpu_wait_charged_seconds", .counter, unit: "seconds",
      "Time a cgroup's tasks waited for a CPU, by the cgroup that had it or whatever else delayed them.",
      pairs.names.map { pair in
        let names = pair.split(separator: Self.arrow, omittingEmptySubsequences: false)
        return MetricSample(
          pairs.total(of: pair), ("cgroup", String(names[0])), ("culprit", String(names[1])))
      } + [MetricSample(pairs.others, ("cgroup", Self.other), ("culprit", Self.other))])
  }
}
