public import Input
public import Reports

/// The load model: follows every task, attributes the load, and judges it. Input in, reports out.
public struct LoadAnalysis: ~Copyable, Model {
  private var tracker: LoadTracker
  private var names = SampleNames(pidsAreGlobal: false)
  private var sampler: LoadSampler?
  private var reporter: LoadReporter?
  private var setup: LoadSetup?
  private var scan = TaskScan(clockOffset: 0, boundary: 0, isComplete: false)
  /// Sleeps in D by where they were, once the run is over.
  private var waits: WaitStacks?
  private var report: LoadSnapshot?

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
      if setup.followsStacks { tracker.waitStacks = WaitStacks() }
      names = SampleNames(pidsAreGlobal: setup.pidsAreGlobal)
    case .scanBegins(let scan):
      self.scan = scan
      if scan.isComplete { tracker.beginSurvey(cgroups: scan.cgroups) }
    case .scanEnds:
      if scan.isComplete { tracker.endSurvey() }
    case .waiter(let tid, let frames):
      tracker.found(waiter: tid) { names.number(frames) }
    case .begins(let reading, let load):
      guard let setup else { return }
      tracker.begin(at: reading.at)
      reporter = LoadReporter(setup, reading)
      if setup.takesSamples { sampler = LoadSampler(by: setup.by, load) }
    case .ticks(let monotonic, let jiffies, let now):
      sampler?.learn(monotonic: monotonic, jiffies: jiffies, now: now)
    case .averages(let reading):
      sampler?.begin(reading)
    case .sample(let reading):
      take(reading)
    case .names(let answers):
      names.take(answers)
    case .sampleEnds:
      sampler?.count(names)
    case .settles(let reading, let isLate, let wall, let monotonic):
      sampler?.settle(reading, isLate: isLate, wall: wall, monotonic: monotonic, &tracker)
    case .settleEnds:
      sampler?.finish(names)
    case .closes(let reading):
      report = reporter?.report(tracker.close(at: reading.at), reading, tracker, sampler)
    case .ends(let time):
      tracker.endWaits(at: time)
      waits = tracker.waitStacks
      tracker.waitStacks = nil
    case .totals:
      report = reporter?.total(sampler)
      if let waits { report?.stacks = names.sites.parts(waits) }
    }
  }

  private mutating func take(_ reading: SampleReading) {
    sampler?.take(reading, &tracker, &names)
    guard let sampler, let counters = reading.counters, let system = reading.system else { return }
    let active = tracker.activeTime(at: reading.time &+ reading.clockOffset)
    reporter?.add(
      RecentMinute.Point(
        time: reading.time, runnable: active.runnable, shortLives: tracker.shortLives,
        throttled: sampler.throttledCount, records: counters.due, lost: counters.lost,
        witness: system))
  }

  // MARK: - What it wants to know

  /// The names that the sample at hand, or the report at the end, is to have: to be answered by
  /// `.names` until there are none.
  public mutating func takeLookups() -> [Lookup] {
    if let waits { return names.missing(stacks: waits.sums.keys.lazy.map(\.stack)) }
    return sampler?.lookups(&names) ?? []
  }

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

  /// Whether there is a task in D of which it isn't known where it sleeps; run queue clock, ns.
  public func hasUnknownWait(at time: UInt64) -> Bool { tracker.hasUnknownWait(at: time) }
}
