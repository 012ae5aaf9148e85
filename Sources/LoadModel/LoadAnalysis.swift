import Histograms
public import Input
public import Reports

/// The load model: follows every task, attributes the load, and judges it. Input in, reports out.
public struct LoadAnalysis: ~Copyable, Model {
  private var tracker: LoadTracker
  private var names = SampleNames(pidsAreGlobal: false, wantsAll: false)
  private var sampler: LoadSampler?
  private var early: EarlyAccount?
  private var reporter: LoadReporter?
  private var setup: LoadSetup?
  private var scan = TaskScan(clockOffset: 0, boundary: 0, isComplete: false)
  private var losses = LossLedger(cpus: 0)
  /// Who holds what tasks in D wait for, at the sample that comes next.
  private var lockWaits: [LockWait] = []
  /// Sleeps in D by where they were, once the run is over.
  private var waits: WaitStacks?
  /// The last interval, closed before what the rings still held was taken.
  private var last: LoadInterval?
  private var report: LoadSnapshot?
  /// What the run queue clock was ahead of CLOCK_MONOTONIC, ns.
  private var clockOffset: UInt64 = 0

  public init() {
    tracker = LoadTracker(cpus: 0, filter: TaskFilter(), interval: 1)
  }

  @inline(__always)
  public mutating func record(_ bytes: RawSpan, cpu: Int) { tracker.consume(bytes, cpu: cpu) }

  public mutating func scanned(_ bytes: RawSpan) {
    tracker.found(bytes, clockOffset: scan.clockOffset, boundary: scan.boundary)
  }

  public mutating func takeReport() -> LoadSnapshot? {
    defer { report = nil }
    return report
  }

  public mutating func observed(_ observation: LoadObservation) {
    switch observation {
    case .setUp(let setup):
      self.setup = setup
      tracker = LoadTracker(cpus: setup.cpus, filter: setup.filter, interval: setup.interval)
      losses = LossLedger(cpus: setup.cpus)
      tracker.native = setup.nativeSchema.map { NativeDurations(schema: $0) }
      if setup.followsStacks { tracker.waitStacks = WaitStacks() }
      tracker.culprits.sumsCgroups = WaitPlaces(setup.waitsBy) != nil
      names = SampleNames(
        pidsAreGlobal: setup.pidsAreGlobal, wantsAll: setup.isRecorded == true)
    case .scanBegins(let scan):
      self.scan = scan
      if let cgroups = scan.cgroups { tracker.match(cgroups: cgroups) }
      if scan.isComplete { tracker.beginScan() }
    case .scanEnds:
      if scan.isComplete { tracker.endScan() }
    case .cgroupPaths: break
    case .waiter(let tid, let frames):
      tracker.found(waiter: tid) { names.number(frames) }
    case .holders(let waits):
      lockWaits = waits
    case .rings(let readings):
      bookLosses()
      for (cpu, reading) in readings.enumerated() {
        losses.note(cpu: cpu, placed: reading.placed, ringFull: reading.ringFull)
      }
      losses.note(noRing: readings.reduce(0) { $0 + $1.noRing })
    case .online(let cpus, let time):
      tracker.keepRunning(onlyOn: cpus, at: time)
    case .task(let tid, let tgid, let comm):
      tracker.name(tid, tgid: tgid, comm: comm)
    case .begins(let reading, let load):
      guard let setup else { return }
      tracker.begin(at: reading.at)
      clockOffset = reading.clockOffset
      reporter = LoadReporter(setup, reading)
      if setup.takesSamples {
        sampler = LoadSampler(by: setup.by, alsoByCgroup: setup.nativeSchema != nil, load)
        early = EarlyAccount(by: setup.by)
      }
    case .ticks(let monotonic, let jiffies, let now):
      sampler?.learn(monotonic: monotonic, jiffies: jiffies, now: now)
    case .averages(let reading):
      sampler?.begin(reading)
    case .looks(let time, let throttled):
      if let sampler, sampler.isEarly {
        // The names of a sample that isn't over are still wanted.
        if !sampler.isSettling { names.begin() }
        early?.look(
          tracker.activeTasks(at: time).filter {
            $0.state == .uninterruptible || !throttled.contains($0.tid)
          })
      }
    case .lookEnds:
      early?.finish(names)
    case .sample(let reading):
      take(reading)
    case .names(let answers):
      names.take(answers)
      sampler?.addServers(names, tracker)
      reporter?.take(answers)
    case .sampleEnds:
      sampler?.count(names)
    case .settles(let reading, let isLate, let wall):
      sampler?.settle(reading, isLate: isLate, wall: wall, &tracker)
    case .settleEnds:
      sampler?.finish(names)
    case .closes(let reading):
      bookLosses()
      clockOffset = reading.clockOffset
      let interval = last ?? close(at: reading.at)
      var reading = reading
      // As far as the stream has come to them.
      reading.counters.ringFull = losses.ringFull
      report = reporter?.report(interval, reading, tracker, sampler, early)
      report?.native = tracker.native?.close(reading) { [reporter] in reporter?.path(ofCgroup: $0) }
      if let sampler {
        report?.native?.load = sampler.isEarly ? nil : sampler.loadParts
        report?.native?.blocked = sampler.holders.sums
      }
    case .ends(let time):
      bookLosses()
      last = close(at: time)
      tracker.endWaits(at: time)
      waits = tracker.waitStacks
      tracker.waitStacks = nil
    case .totals:
      report = reporter?.total(sampler, early)
      if let waits { report?.stacks = names.sites.parts(waits) }
    }
  }

  /// Losses that lie in what has been taken of the stream.
  private mutating func bookLosses() {
    for cpu in tracker.taken.indices {
      losses.book(cpu: cpu, taken: tracker.taken[cpu], gaps: tracker.gaps[cpu])
    }
  }

  private mutating func close(at end: UInt64) -> LoadInterval {
    var interval = tracker.close(at: end, clockOffset: clockOffset)
    if losses.close() { interval.markLossy() }
    return interval
  }

  private mutating func take(_ reading: SampleReading) {
    sampler?.take(reading, lockWaits, &tracker, &names)
    lockWaits = []
    guard let sampler, let counters = reading.counters, let system = reading.system else { return }
    let active = tracker.activeTime(at: reading.time &+ reading.clockOffset)
    reporter?.add(
      RecentMinute.Point(
        time: reading.time, runnable: active.runnable, active: active.all,
        quota: tracker.culprits.quotaNs,
        shortLives: tracker.shortLives,
        throttled: sampler.throttledCount, records: counters.due, lost: counters.lost,
        system: system))
  }

  // MARK: - What it wants to know

  /// The names that the sample at hand, or the report at the end, is to have: to be answered by
  /// `.names` until there are none.
  public mutating func takeLookups() -> [Lookup] {
    if let waits { return names.missing(stacks: waits.sums.keys.lazy.map(\.stack)) }
    if let early, early.isLooking { return early.lookups(&names) }
    let lookups = sampler?.lookups(&names) ?? []
    if !lookups.isEmpty { return lookups }
    if let lookups = reporter?.lookups, !lookups.isEmpty { return lookups }
    // Who takes the input as it comes wants names before the end.
    guard setup?.isRecorded == true, let waits = tracker.waitStacks else { return [] }
    return names.missing(stacks: waits.sums.keys.lazy.map(\.stack))
  }

  /// The names that the report of the interval at hand is to have, asked for in the same way.
  public mutating func takeReportLookups() -> [Lookup] {
    reporter?.lookups(forReportOf: tracker) ?? []
  }

  /// Whether a look at who is active is wanted for the next report.
  public var wantsLook: Bool { sampler?.isEarly ?? false }

  /// When the kernel takes its next load sample, CLOCK_MONOTONIC, ns; nil while that isn't known.
  public var nextSample: UInt64? { sampler?.next }
  /// When to look what the kernel made of the last one.
  public var settlesAt: UInt64? { sampler?.due }
  /// Whether that was looked at, and the kernel hadn't made anything of it yet.
  public var isRetrying: Bool { sampler?.isRetrying ?? false }

  /// Whether the averages are wanted that stand before the first sample. CLOCK_MONOTONIC, ns.
  public func wantsAverages(monotonic: UInt64, now: UInt64) -> Bool {
    sampler?.wantsAverages(monotonic: monotonic, now: now) ?? false
  }

  /// Active tasks at a time that neither a record nor a task scan has named; run queue clock, ns.
  public func unnamedTasks(at time: UInt64) -> [UInt32] {
    setup?.pidsAreGlobal == true ? tracker.unnamed(at: time) : []
  }

  /// Whether there is a task in D of which it isn't known where it sleeps; run queue clock, ns.
  public func hasUnknownWait(at time: UInt64) -> Bool { tracker.hasUnknownWait(at: time) }
}
