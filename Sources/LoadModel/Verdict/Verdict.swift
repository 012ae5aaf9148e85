import Glibc
public import Reports

/// What a load means, by rules. Each names the figures that it goes by.
public struct Verdict: Sendable {
  /// By process and site, all of them: before any are folded for a report.
  public var rows: [AttributionRow] = []
  public var throttled: [Throttled] = []
  /// Tasks in D that others block.
  public var blocked: [BlockedPart] = []
  /// Parts of load1: of before the run, for tasks that slept already, and unattributed.
  public var beforeRun = 0.0
  public var delayed = 0.0
  public var unattributed = 0.0
  public var load1 = 0.0
  /// Whether there has been no load sample yet: then `load1` is how many were active on average, by looks of
  /// our own.
  var isEarly = false
  /// The same if the kernel counted all the time.
  public var timeWeighted = 0.0
  /// Bursts that the kernel's samples meet for a while, and then miss.
  public var beats: [BeatPart] = []
  /// Run queue latency, ns, and over how many seconds.
  public var p99: UInt64?
  public var latencySeconds = 0.0
  /// What was answered of ``wanted``.
  public var facts: [Lookup: Answer] = [:]

  // What follows is of the last minute, as load1 is.

  /// How long that was, if the run is younger.
  public var seconds = 60.0
  /// Throttled tasks left out.
  public var runnableMean = 0.0
  /// Runnable or in D.
  public var activeMean = 0.0
  /// How many tasks waited for their cgroup's CPU quota, whenever that was.
  public var quotaMean = 0.0
  /// The process that waited for it most, in the interval.
  public var quotaVictim: String?
  /// Throttled at any of the samples.
  public var throttledMost: UInt64 = 0
  /// Of each CPU, 0 to 1.
  public var idle: [Double] = []
  /// Of all CPU time, 0 to 1: what the host of this virtual machine took away.
  public var stolen = 0.0
  public var pressure: PressurePart?
  /// What kept CPUs from tasks, other than tasks.
  public var kept: CPUsPart?
  public var forksPerSecond = 0.0
  /// How many CPUs those tasks had that had little to do in all their lives.
  public var shortLives = 0.0
  public var swapsPerSecond = 0.0
  /// The busiest first; partitions too.
  public var disks: [BusyDisk] = []
  var disk: BusyDisk? { disks.first }
  /// Of the records, 0 to 1.
  public var lost = 0.0

  public init() {}

  /// A cgroup whose tasks had to wait for its CPU quota, and what load1 would be higher by if the kernel
  /// counted them; in how many periods of how many it was used up.
  public struct Throttled: Sendable {
    var cgroup: String?
    var load1: Double
    var periods: UInt64
    var used: UInt64

    public init(cgroup: String?, load1: Double, periods: UInt64, used: UInt64) {
      self.cgroup = cgroup
      self.load1 = load1
      self.periods = periods
      self.used = used
    }
  }

  /// Where a process may run: `Cpus_allowed_list` of `/proc/PID/status`, "0-3", and how many CPUs that
  /// is.
  public struct Affinity: Sendable, Equatable {
    var list: String
    var count: Int

    public init(list: String, count: Int) {
      self.list = list
      self.count = count
    }
  }

  /// Below this nothing is worth a cause.
  static let least = 0.3

  /// The most important first.
  public func parts() -> [VerdictPart] {
    // More than there can be tasks: PID_MAX_LIMIT.
    if load1 > 4_194_304 {
      return [
        part(
          .overflow, 1, "load1 is bogus: a kernel counter overflowed.",
          [Evidence("load1 is \(number(load1))")],
          "Kernels 5.14 to 6.15 keep nr_uninterruptible in 32 bits: reboot to reset it, or upgrade "
            + "to 6.16 or later, or to a stable release with the fix.")
      ]
    }
    // Lost tasks seem to do what they last did, which may be anything.
    if lost > 0.05 {
      return [
        part(
          .cannotTell, 1, "Can't attribute this load: too many records were lost.",
          [
            Evidence(
              "\(percent(lost)) of the records of the last \(Int(seconds.rounded())) s were lost",
              .init("records_lost", lost, "ratio"), .init("observed", seconds, "s"))
          ],
          "Make sure that whatever reads loadwatch's output keeps up, and that loadwatch may raise its "
            + "priority (CAP_SYS_NICE).")
      ]
    }
    let aliased = sampling()
    var found = uninterruptible() + runnable() + throttling() + aliased + stealing()
    let root: VerdictCause? =
      isStealRootCause ? .stolen : aliased.contains(where: isMostOfLoad) ? .aliasing : nil
    found.sort { one, two in
      let shares = [one, two].map { $0.cause == root ? 2 : $0.share }
      return shares[0] != shares[1]
        ? shares[0] > shares[1] : one.cause.rawValue < two.cause.rawValue
    }
    // What goes on says more than what has been.
    if beforeRun > max(Self.least, 0.5 * load1) {
      found =
        found.prefix(2) + [
          part(
            .beforeRun, beforeRun / load1,
            "Most of load1 predates this run"
              + (activeMean < 0.7 * load1
                ? " and is decaying." : ", but about as many tasks are still active."),
            [
              Evidence(
                "\(number(beforeRun)) of load1 \(number(load1)) is from before this run",
                .init("load1_before_run", beforeRun, "tasks")),
              Evidence(
                "\(number(activeMean)) active on average over \(Int(seconds.rounded())) s",
                .init("active_mean", activeMean, "tasks"), .init("observed", seconds, "s")),
            ], nil)
        ]
    }
    if found.isEmpty, unattributed > max(0.5, 0.3 * load1) {
      return [
        part(
          .cannotTell, unattributed / load1, "Can't attribute this load.",
          [
            Evidence(
              "\(number(unattributed)) of load1 \(number(load1)) is unattributed",
              .init("load1_unattributed", unattributed, "tasks"))
          ],
          "Check the counts of lost records and of untraced switches.")
      ]
    }
    if found.allSatisfy({ $0.cause == .beforeRun }) {
      found.append(
        part(
          .healthy, 1 - (found.first?.share ?? 0),
          "Healthy: tasks get a CPU when they want one, and few are in uninterruptible sleep.",
          [
            Evidence(
              isEarly
                ? "\(number(load1)) active on average, on \(counted(cpus, "CPU"))"
                : "load1 \(number(load1)) on \(counted(cpus, "CPU"))")
          ] + latency, nil))
    }
    return Array(found.prefix(3))
  }

  // MARK: - What is wrong with the number

  /// Tasks that may not run, which the kernel leaves out.
  private func throttling() -> [VerdictPart] {
    let sampled = throttled.reduce(0) { $0 + $1.load1 }
    // What would be in load1 by now of so many.
    let sum = max(sampled, quotaMean * (1 - exp(-seconds / 60)))
    guard isWorthACause(sum) else { return [] }
    let most = throttled.first ?? Throttled(cgroup: nil, load1: 0, periods: 0, used: 0)
    let mean = Evidence(
      "\(number(quotaMean)) tasks on average waited for quota over \(Int(seconds.rounded())) s",
      .init("quota_waiters", quotaMean, "tasks"), .init("observed", seconds, "s"))
    var evidence = quotaMean >= 0.005 ? [mean] : []
    evidence += [
      Evidence(
        "load1 would be \(number(sum)) higher if the kernel counted them",
        .init("load1_throttled", sum, "tasks"))
    ]
    if most.periods > 0 {
      evidence.append(
        Evidence(
          "the cgroup was throttled in \(most.used) of \(most.periods) periods (cpu.stat)",
          .init("periods_throttled", Double(most.used), "periods"),
          .init("periods", Double(most.periods), "periods")))
    }
    let whose =
      most.cgroup.map { "Tasks in cgroup \($0)" } ?? quotaVictim.map { "Tasks of \($0)" } ?? "Tasks"
    return [
      part(
        .throttled, sum / (load1 + sum),
        "\(whose) are throttled (CPU quota exhausted), and the load average doesn't count them.",
        evidence,
        "Raise the quota (cpu.max; in cgroup v1 cpu.cfs_quota_us), or run fewer threads in the cgroup."
      )
    ]
  }

  /// What the kernel sees every 5 s, against what is there all the time.
  private func sampling() -> [VerdictPart] {
    let gap = load1 - delayed - timeWeighted
    // What is of before the run is in both, and throttled tasks are in the time-weighted average.
    guard abs(gap) > max(0.5, 0.3 * (max(load1, timeWeighted) - beforeRun)),
      gap > 0 || throttling().isEmpty
    else { return [] }
    // Only what is large enough explains it.
    let beat = beats.first {
      gap > 0 ? $0.now && $0.load1 - $0.mean >= 0.5 * gap : !$0.now && $0.mean >= -0.5 * gap
    }
    let whose = beat.map { " of \($0.label)" } ?? ""
    return [
      part(
        .aliasing, min(1, abs(gap) / max(load1, timeWeighted)),
        gap > 0
          ? "The 5 s samples coincide with bursts\(whose): load1 overstates the load."
          : "The 5 s samples miss bursts\(whose): load1 understates the load.",
        [
          Evidence(
            "load1 \(number(load1)), time-weighted average \(number(timeWeighted))",
            .init("load1_time_weighted", timeWeighted, "tasks"))
        ] + (beat.map(regularity) ?? []),
        "Trust the time-weighted average."
          + (beat == nil || gap < 0
            ? ""
            : " To get rid of the spikes, add jitter to when the work starts (telegraf: collection_jitter; "
              + "systemd timers: RandomizedDelaySec)."))
    ]
  }

  /// Whether load1 is more than twice what it would be without that: then the shares of other causes are of a
  /// number that says nothing.
  private func isMostOfLoad(_ aliasing: VerdictPart) -> Bool {
    load1 > timeWeighted && aliasing.share >= 0.5
  }

  private func regularity(_ beat: BeatPart) -> [Evidence] {
    let (period, burst) = (Double(beat.periodNs) / 1e9, Double(beat.burstNs) / 1e6)
    var evidence = [
      Evidence(
        "\(beat.label) has \(number(beat.tasks)) tasks active for \(number(burst)) ms every \(number(period)) s",
        .init("burst_tasks", beat.tasks, "tasks"),
        .init("burst", Double(beat.burstNs), "ns"), .init("burst_period", period, "s"))
    ]
    if let lasts = beat.lastsNs, let every = beat.everyNs {
      let (lasts, every) = (Double(lasts) / 1e9, Double(every) / 1e9)
      evidence.append(
        Evidence(
          "load samples hit these bursts for \(Int(lasts.rounded())) s at a time, once every "
            + "\(Int(every.rounded())) s",
          .init("burst_met_for", lasts, "s"), .init("burst_met_every", every, "s")))
    }
    return evidence
  }

  // MARK: - For all rules

  /// What shares are of: "load1 5.00".
  var whole: String { isEarly ? "\(number(load1)) active on average" : "load1 \(number(load1))" }

  var cpus: Int { idle.count }
  var meanIdle: Double { idle.isEmpty ? 0 : idle.reduce(0, +) / Double(idle.count) }
  /// How many CPUs tasks had, or their virtual CPU waited for a real one.
  var busy: Double { idle.reduce(0) { $0 + 1 - $1 } }

  func isWorthACause(_ load: Double) -> Bool {
    load >= Self.least && load >= 0.15 * (load1 - beforeRun)
  }

  /// The kernel counts the time in which tasks reclaim memory, or wait for what they had a moment ago.
  var isShortOfMemory: Bool {
    swapsPerSecond > 500 || pressure?.memory.map { $0.some >= 0.3 && $0.full >= 0.1 } ?? false
  }

  var memoryEvidence: [Evidence] {
    let swaps = Evidence(
      "\(number(swapsPerSecond)) pages swapped per second",
      .init("pages_swapped", swapsPerSecond, "pages/s"))
    return memoryLimitEvidence + (swapsPerSecond > 0 ? [swaps] : [])
      + stalls("memory", "memory_pressure", pressure?.memory)
  }

  /// The kernel's own account of it.
  func stalls(_ what: String, _ name: String, _ shares: PressurePart.Shares?) -> [Evidence] {
    guard let shares, shares.some >= 0.01 else { return [] }
    return [
      Evidence(
        "\(percent(shares.some)) of the time, at least one task was waiting for \(what) (/proc/pressure)",
        .init(name, shares.some, "ratio"))
    ]
  }

  var latency: [Evidence] {
    guard let p99 else { return [] }
    let ms = Double(p99) / 1e6
    let span = latencySeconds > seconds + 30 ? ", over \(Int(latencySeconds.rounded())) s" : ""
    return [
      Evidence(
        "run queue latency p99 \(ms < 1 ? "below 1 ms" : "\(number(ms)) ms")\(span)",
        .init("run_queue_latency_p99", Double(p99), "ns"),
        .init("run_queue_latency_observed", latencySeconds, "s"))
    ]
  }

  func part(
    _ cause: VerdictCause, _ share: Double, _ text: String, _ evidence: [Evidence],
    _ advice: String?
  ) -> VerdictPart {
    let share = share.isFinite ? min(1, max(0, share)) : 1
    return VerdictPart(
      cause: cause, share: share, text: text, evidence: evidence.map(\.text),
      figures: basics + evidence.flatMap(\.figures), confidence: confidence(share), advice: advice,
      refutedBy: cause.refutedBy, next: cause.next)
  }
}
