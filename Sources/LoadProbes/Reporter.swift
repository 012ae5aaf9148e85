import FoundationEssentials
import Glibc
import LoadModel
import Proc
import Reports
import Session

/// Makes snapshots of intervals: adds what the kernel side and this process counted.
struct Reporter {
  let start: UInt64
  private var host: HostPart
  private let filter: FilterPart
  private let probes: [ProbePart]
  private let ringBytes: UInt64
  let watched: [Cgroup]
  /// Where the first interval began and the last one ended, by the wall clock.
  private let firstTimestamp: String
  private var lastTimestamp: String
  private var wallClock: WallClock
  private var whole: LoadInterval?
  private var last = Totals()
  private let firstWitness = Witness.current()
  private var lastWitness: Witness
  private var lastMinute: RecentMinute?
  private let first: Totals
  /// Time of the last load sample that an interval has told of: the kernel makes its averages of one a
  /// while later, and an interval may end in between.
  private(set) var told: UInt64 = 0

  /// What the consumer counts itself.
  struct Cost {
    var delivered: UInt64
    var survey: UInt64
    /// Of the run queue clock, from CLOCK_MONOTONIC, ns.
    var clockOffset: UInt64
    /// As of the interval's end: for a ``RecentMinute/Point``.
    var runnable: UInt64
    var shortLives: UInt64
  }

  /// Ever-growing counters; a snapshot is the difference of two.
  private struct Totals {
    var account = SchedProbes.Account()
    var delivered: UInt64 = 0
    var survey: UInt64 = 0
    var consumer: UInt64 = 0
  }

  init(
    host: Proc.Host, filter: FilterPart, probes: [ProbePart], start: UInt64, ringBytes: UInt64,
    watched: [Cgroup]
  ) {
    self.host = HostPart(
      names: [host.hostname], kernels: [host.kernelRelease], cpus: host.onlineCPUCount)
    self.filter = filter
    self.probes = probes
    self.start = start
    self.ringBytes = ringBytes
    self.watched = watched
    wallClock = WallClock(at: start, wall: Clocks.wall)
    firstTimestamp = Self.timestamp(wallClock.time(of: start))
    lastTimestamp = firstTimestamp
    last.consumer = (try? SelfUsage.cpuTime()) ?? 0
    first = last
    lastWitness = firstWitness
  }

  /// The snapshot of an interval that has just been closed.
  mutating func interval(
    _ interval: LoadInterval, account: SchedProbes.Account, _ cost: Cost,
    _ sampling: LoadSampling?
  ) throws -> LoadSnapshot {
    let now = Totals(
      account: account, delivered: cost.delivered, survey: cost.survey,
      consumer: try SelfUsage.cpuTime())
    let witness = Witness.current()
    if let now = try? Proc.Host.current() { host.cpus = now.onlineCPUCount }
    let end = wallClock.boundary(
      interval.end, now: Clocks.monotonic &+ cost.clockOffset, wall: Clocks.wall)
    let times = (start: lastTimestamp, end: Self.timestamp(end))
    lastMinute = sampling?.minute
    lastMinute?.add(
      RecentMinute.Point(
        time: interval.end &- cost.clockOffset, runnable: cost.runnable,
        shortLives: cost.shortLives, records: account.due, lost: account.lost, witness: witness))
    let snapshot = try snapshot(
      interval, times, from: last, to: now, sampling, since: lastWitness, witness, final: false)
    lastTimestamp = times.end
    told = sampling?.samples.last?.time ?? told
    last = now
    lastWitness = witness
    if whole == nil {
      whole = interval
    } else {
      whole?.append(interval)
    }
    return snapshot
  }

  /// The snapshot of all intervals together.
  func final(_ sampling: LoadSampling?) throws -> LoadSnapshot {
    let all = whole ?? LoadInterval(start: start, end: start)
    return try snapshot(
      all, (firstTimestamp, lastTimestamp), from: first, to: last, sampling,
      since: firstWitness, lastWitness, final: true)
  }

  private func snapshot(
    _ interval: LoadInterval, _ times: (start: String, end: String), from before: Totals,
    to now: Totals, _ sampling: LoadSampling?, since: Witness, _ witness: Witness, final: Bool
  ) throws -> LoadSnapshot {
    let load = try sampling?.samples.isEmpty == false ? sampling!.kernel : LoadAverage.current()
    let length = interval.end - interval.start
    let runs = now.account.runs - before.account.runs
    let runTime = now.account.runTime - before.account.runTime
    var snapshot = LoadSnapshot(
      final: final, host: host, start: times.start, end: times.end,
      intervalNs: length, filter: filter, probes: probes, loss: loss(from: before, to: now),
      cost: CostPart(
        bpfNsPerSwitch: runs == 0 ? nil : Double(runTime) / Double(runs),
        consumerNs: now.consumer - before.consumer, surveyNs: now.survey - before.survey,
        residentBytes: try SelfUsage.residentBytes(), ringBytes: ringBytes),
      load: LoadPart(kernel: [load.load1, load.load5, load.load15]),
      tasks: TasksPart(
        runnable: occupancy(interval.runnable, mean: interval.means.runnable),
        uninterruptible: occupancy(
          interval.uninterruptible, mean: interval.means.uninterruptible,
          longest: interval.longest),
        reliableNs: interval.lossy.time == 0 ? nil : length - interval.lossy.time),
      switches: interval.switches, preemptions: interval.preemptions,
      histograms: HistogramsPart(
        runQueueLatency: HistogramPart(interval.runQueueLatency),
        onCPU: HistogramPart(interval.onCPU),
        blockedUninterruptible: HistogramPart(interval.blockedUninterruptible),
        blockedInterruptible: HistogramPart(interval.blockedInterruptible)))
    snapshot.pressure = PressurePart(since: since, witness, over: length)
    if let sampling, !sampling.samples.isEmpty {
      addAccount(sampling, to: &snapshot)
      snapshot.verdict = verdict(snapshot, sampling, lastMinute ?? sampling.minute).parts()
    }
    snapshot.limits = try? limits(LoadAverage.current())
    return snapshot
  }

  private func loss(from before: Totals, to now: Totals) -> LossPart {
    let (a, b) = (before.account, now.account)
    return LossPart(
      seen: b.due - a.due,
      delivered: now.delivered - before.delivered,
      pending: pending(now),
      ringFull: b.ringFull - a.ringFull, mapFull: b.noRing - a.noRing,
      recursion: b.recursion - a.recursion,
      untraced: b.untraced > a.untraced ? b.untraced - a.untraced : 0)
  }

  private func pending(_ totals: Totals) -> UInt64 {
    let gone = totals.delivered + totals.account.ringFull + totals.account.noRing
    return totals.account.seen > gone ? totals.account.seen - gone : 0
  }

  private func occupancy(
    _ occupancy: LoadInterval.Occupancy, mean: Double, longest: LoadInterval.Waiter? = nil
  ) -> OccupancyPart {
    OccupancyPart(
      now: occupancy.now, mean: mean,
      max: occupancy.maximum, taskNs: occupancy.total, longestNs: longest?.duration,
      longestTask: longest.map { "\($0.comm.text) (\($0.tid))" })
  }

  /// - Parameter wall: CLOCK_REALTIME, ns.
  static func timestamp(_ wall: UInt64) -> String {
    SnapshotJSON.timestamp(Date(timeIntervalSince1970: Double(wall) / 1e9))
  }
}
