import FoundationEssentials
import Input
import Reports
import Tasks

/// Makes reports of intervals: adds what the kernel side, the machine and this process counted.
struct LoadReporter {
  private let setup: LoadSetup
  private var host: HostPart
  /// Where the first interval began and the last one ended, by the wall clock.
  private let firstTimestamp: String
  private var lastTimestamp: String
  private var total: LoadInterval?
  private let first: IntervalReading
  private var last: IntervalReading
  /// The counters of the interval that was reported last.
  private(set) var minute: RecentMinute
  private var lastMinute: RecentMinute?
  /// Time of the last load sample that an interval has reported: the kernel makes its averages of one a
  /// while later, and an interval may end in between.
  private(set) var reportedSample: UInt64 = 0
  /// What the last verdict wanted to know, and what was answered.
  private var wanted: [Lookup] = []
  private var facts: [Lookup: Answer] = [:]
  /// Those of an earlier report, which may have changed: asked for again at the next sample.
  private var old: Set<Lookup> = []
  /// Where waits for a CPU are by cgroup, container or unit.
  private var places: WaitPlaces?
  /// Bursts that the load samples meet or miss, as of the last interval.
  private var beats: [BeatPart] = []

  init(_ setup: LoadSetup, _ reading: IntervalReading) {
    self.setup = setup
    places = setup.wantsCulprits == nil || !setup.pidsAreGlobal ? nil : WaitPlaces(setup.waitsBy)
    host = setup.host
    firstTimestamp = Self.timestamp(reading.wall)
    lastTimestamp = firstTimestamp
    first = reading
    last = reading
    minute = RecentMinute(
      from: RecentMinute.Point(
        time: reading.at &- reading.clockOffset, system: reading.system))
  }

  /// Asks for what would help the next verdict.
  var lookups: [Lookup] {
    setup.pidsAreGlobal ? wanted.filter { facts[$0] == nil || old.contains($0) } : []
  }

  /// Asks for the names that the report of an interval is going to have.
  func lookups(forReportOf tracker: borrowing LoadTracker) -> [Lookup] {
    places?.missing(tracker.culprits.parties.cgroups) ?? []
  }

  /// Where that is known: reports are by cgroup.
  func path(ofCgroup id: UInt64) -> String? { places?.path(ofCgroup: id) }

  mutating func take(_ answers: [Answer]) {
    for answer in answers {
      places?.take(answer)
      switch answer.lookup {
      case .affinity, .limit:
        facts[answer.lookup] = answer
        old.remove(answer.lookup)
      default: break
      }
    }
  }

  /// What is known of that by now; what isn't is asked for at the next sample.
  private mutating func settle(_ verdict: inout Verdict) {
    wanted = verdict.wanted
    facts = facts.filter { wanted.contains($0.key) }
    old = Set(facts.keys.filter { if case .limit = $0 { true } else { false } })
    verdict.facts = facts
  }

  /// A load sample was taken.
  mutating func add(_ point: RecentMinute.Point) { minute.add(point) }

  /// The report of an interval that has just been closed.
  mutating func report(
    _ interval: LoadInterval, _ reading: IntervalReading, _ tracker: borrowing LoadTracker,
    _ sampler: LoadSampler?, _ early: EarlyAccount?
  ) -> LoadSnapshot {
    let times = (start: lastTimestamp, end: Self.timestamp(reading.wall))
    host.cpus = reading.onlineCPUs
    var minute = minute
    minute.add(
      RecentMinute.Point(
        time: interval.end &- reading.clockOffset, runnable: tracker.activeBefore.runnable,
        active: tracker.activeBefore.all, quota: tracker.culprits.quotaNs,
        shortLives: tracker.shortLives, records: reading.counters.due,
        lost: reading.counters.lost, system: reading.system))
    lastMinute = minute
    beats = Self.beats(tracker.trains, sampler, reading)
    let report = report(interval, times, from: last, to: reading, sampler, early, final: false)
    lastTimestamp = times.end
    reportedSample = sampler?.samples.last?.time ?? reportedSample
    last = reading
    places?.prune(tracker.culprits.parties.cgroups)
    if total == nil {
      total = interval
    } else {
      total?.append(interval)
    }
    return report
  }

  private static func beats(
    _ trains: BurstTrains, _ sampler: LoadSampler?, _ reading: IntervalReading
  ) -> [BeatPart] {
    guard let period = sampler?.period, let next = sampler?.next else { return [] }
    let now = reading.at &- reading.clockOffset
    return trains.beats(
      samplePeriod: period, sample: next, end: now, cpus: reading.onlineCPUs
    ).prefix(mostBeats).map { found in
      found.part { time in
        timestamp(
          time > now
            ? reading.wall &+ (time - now) : reading.wall &- min(reading.wall, now - time))
      }
    }
  }

  private static let mostBeats = 10

  /// The report of all intervals together.
  mutating func total(_ sampler: LoadSampler?, _ early: EarlyAccount?) -> LoadSnapshot {
    report(
      total ?? LoadInterval(start: first.at, end: first.at), (firstTimestamp, lastTimestamp),
      from: first, to: last, sampler, early, final: true)
  }

  private mutating func report(
    _ interval: LoadInterval, _ times: (start: String, end: String), from before: IntervalReading,
    to now: IntervalReading, _ sampler: LoadSampler?, _ early: EarlyAccount?, final: Bool
  ) -> LoadSnapshot {
    let sampler = sampler.flatMap { $0.samples.isEmpty ? nil : $0 }
    let length = interval.end - interval.start
    let runs = now.counters.runs - before.counters.runs
    let runTime = now.counters.runTime - before.counters.runTime
    var snapshot = LoadSnapshot(
      final: final, host: host, start: times.start, end: times.end,
      intervalNs: length, filter: setup.filterPart, probes: setup.probes,
      loss: loss(from: before, to: now),
      cost: CostPart(
        bpfNsPerSwitch: runs == 0 ? nil : Double(runTime) / Double(runs),
        consumerNs: now.own.cpuNs - before.own.cpuNs,
        taskScanNs: now.own.scanNs - before.own.scanNs,
        residentBytes: now.own.residentBytes, ringBytes: setup.ringBytes),
      load: LoadPart(kernel: sampler?.shown ?? now.load),
      tasks: TasksPart(
        runnable: occupancy(interval.runnable, mean: interval.means.runnable),
        uninterruptible: occupancy(
          interval.uninterruptible, mean: interval.means.uninterruptible,
          longest: interval.longest),
        reliableNs: interval.lossy.time == 0 ? nil : length &- min(interval.lossy.time, length)),
      switches: interval.switches, preemptions: interval.preemptions,
      histograms: HistogramsPart(
        runQueueLatency: HistogramPart(interval.runQueueLatency),
        onCPU: HistogramPart(interval.onCPU),
        blockedUninterruptible: HistogramPart(interval.blockedUninterruptible),
        blockedInterruptible: HistogramPart(interval.blockedInterruptible)))
    snapshot.pressure = PressurePart(since: before.system, now.system, over: length)
    snapshot.cpus = now.system.kept(since: before.system)
    snapshot.limits = now.limits
    snapshot.beats = beats.isEmpty ? nil : beats
    if let all = setup.wantsCulprits {
      let waits = interval.culprits.parts(all: all)
      snapshot.cpuWaits = waits.isEmpty ? nil : waits
    }
    if let sampler {
      addAttribution(sampler, to: &snapshot)
      var verdict = verdict(snapshot, sampler, lastMinute ?? minute)
      settle(&verdict)
      snapshot.verdict = verdict.parts()
    } else if let early, let soFar = early.part {
      snapshot.soFar = soFar
      snapshot.verdict = earlyVerdict(snapshot, early, lastMinute ?? minute).parts()
    }
    // The verdict goes by processes.
    if let all = setup.wantsCulprits, let places {
      let waits = interval.culprits.parts(all: all, by: places)
      snapshot.cpuWaits = waits.isEmpty ? nil : waits
    }
    return snapshot
  }

  private func loss(from before: IntervalReading, to now: IntervalReading) -> LossPart {
    let (a, b) = (before.counters, now.counters)
    // Where a replay begins, what was in the rings by then is of before, and may still be there now.
    let old = a.delivered - min(a.delivered, b.delivered)
    return LossPart(
      expected: b.due - a.due, delivered: b.delivered + old - a.delivered,
      pending: b.pending - min(b.pending, old),
      ringFull: b.ringFull - a.ringFull, noRing: b.noRing - a.noRing,
      recursion: b.recursion - a.recursion,
      untraced: b.untraced > a.untraced ? b.untraced - a.untraced : 0,
      namesLeftOut: now.own.namesLeftOut - before.own.namesLeftOut)
  }

  private func occupancy(
    _ occupancy: LoadInterval.Occupancy, mean: Double, longest: LoadInterval.Waiter? = nil
  ) -> OccupancyPart {
    OccupancyPart(
      now: occupancy.now, mean: mean, max: occupancy.maximum, taskNs: occupancy.total,
      longest: longest.map { LongestWait(ns: $0.duration, comm: $0.comm.text, tid: $0.tid) })
  }

  /// - Parameter wall: CLOCK_REALTIME, ns.
  static func timestamp(_ wall: UInt64) -> String {
    SnapshotJSON.timestamp(Date(timeIntervalSince1970: Double(wall) / 1e9))
  }
}
