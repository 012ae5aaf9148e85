import Histograms
public import Input
public import Reports

/// The clone model: makes intervals of clones, their phases, and advice. Input in, reports out.
public struct CloneAnalysis: ~Copyable, Model {
  private var tracker: CloneTracker
  private var names = CloneNames()
  private var setup: CloneSetup?
  private var reporter: CloneReporter?
  /// The last interval, closed before what the rings still held was taken.
  private var last: CloneInterval?
  private var report: CloneSnapshot?

  public init() {
    tracker = CloneTracker(filter: CloneFilter(), start: 0)
  }

  @inline(__always)
  public mutating func record(_ bytes: RawSpan, cpu: Int) { tracker.consume(bytes) }

  public mutating func scanned(_ bytes: RawSpan) {}

  public mutating func takeReport() -> CloneSnapshot? {
    defer { report = nil }
    return report
  }

  public mutating func observed(_ observation: CloneObservation) {
    switch observation {
    case .setUp(let setup):
      self.setup = setup
      tracker = CloneTracker(filter: setup.filter, phases: setup.kernelPhases, start: 0)
    case .begins(let reading):
      guard let setup else { return }
      let filter = tracker.filter
      tracker = CloneTracker(
        filter: filter, phases: setup.kernelPhases, afterFork: setup.afterFork ?? .init([]),
        start: reading.at,
        followsChildren: setup.coverage.children ?? false, pageSize: setup.pageSize)
      tracker.native = setup.nativeSchema.map {
        NativeCloneHistograms(ExponentialBounds(schema: $0))
      }
      reporter = CloneReporter(setup, reading)
    case .cgroups(let ids):
      tracker.filter.cgroups = ids
    case .cgroupPaths: break
    case .names(let answers):
      names.take(answers)
      tracker.placePageCopies(names)
      reporter?.keep(&names, tracker.open)
    case .closes(let reading):
      let interval = last ?? tracker.close(at: reading.at)
      report = reporter?.report(interval, reading, &names)
      report?.native = tracker.native
      report?.native?.describe(interval, period: setup?.afterForkPeriod)
    case .ends(let time):
      last = tracker.close(at: time)
    case .totals:
      report = reporter?.total(names)
    }
  }

  /// The names that what has come is to have: to be answered by `.names` while their processes may
  /// still be there.
  public mutating func takeLookups() -> [CloneLookup] {
    let new = tracker.takeNew()
    guard setup?.pidsAreGlobal == true,
      !new.stacks.isEmpty || !new.mappings.isEmpty || !new.processes.isEmpty || !new.pages.isEmpty
    else { return [] }
    return names.lookups(
      stacks: new.stacks, mappings: new.mappings, processes: new.processes,
      pages: new.pages, writers: new.writers, of: tracker.open)
  }

  /// Clones in the interval that is open, and their time, ns.
  public var openCount: UInt64 { tracker.count }
  /// Clones since the run began.
  public var count: UInt64 { (reporter?.clones ?? 0) + tracker.count }
}
