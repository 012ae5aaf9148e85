public import Input
public import Reports
import Tasks

/// Feeds recorded input to a model, which may have other options than the run that was recorded: what
/// such a run would have asked the machine for is answered with what was recorded.
public struct LoadReplay: ~Copyable, ReplayModel {
  /// What differs from the recorded run.
  public struct Options: Sendable {
    public var window = ReplayWindow()
    public var filter = TaskFilter()
    public var filterPart = FilterPart()
    /// Nil: as recorded.
    public var by: [Grouping]?
    public var culprits = false

    public init() {}
  }

  private var model = LoadAnalysis()
  private let tap: (any InputTap<LoadObservation>)?
  private var options: Options
  private var check = LoadInputCheck()
  /// The last that was answered; of stacks without a number by their frames.
  private var answers: [Lookup: Answer] = [:]
  private var cgroups: [UInt64: String] = [:]
  /// Whether the recorded run had names looked up at this point.
  private var isResolving = false
  private var hasEnded = false
  /// The whole has been reported.
  private var hasTotals = false
  private var closed = 0
  private var reports: [LoadSnapshot] = []

  /// - Parameter tap: gets what the model gets.
  public init(_ options: Options, tap: (any InputTap<LoadObservation>)? = nil) {
    self.options = options
    self.tap = tap
  }

  private mutating func give(_ observation: LoadObservation) {
    tap?.observed(observation)
    model.observed(observation)
  }

  /// What is wrong with the input, which then is no longer taken; nil where nothing is.
  public var fault: String? { check.fault }
  /// Whether all that was wanted has been reported.
  public var isOver: Bool { options.window.isOver || hasTotals }

  public mutating func record(_ bytes: RawSpan, cpu: Int) {
    guard LoadInputCheck.isPossible(record: bytes) else { return }
    tap?.record(bytes, cpu: cpu)
    model.record(bytes, cpu: cpu)
  }

  public mutating func scanned(_ bytes: RawSpan) {
    guard LoadInputCheck.isPossible(scanned: bytes) else { return }
    tap?.scanned(bytes)
    model.scanned(bytes)
  }

  public mutating func takeReport() -> LoadSnapshot? {
    reports.isEmpty ? nil : reports.removeFirst()
  }

  /// The input is over, and maybe cut off: the whole is due, if there is any.
  public mutating func finish() {
    guard !isOver, closed > 0, fault == nil else { return }
    report(.totals)
    hasTotals = true
  }

  private mutating func report(_ observation: LoadObservation) {
    give(observation)
    if let report = model.takeReport() { reports.append(report) }
  }

  public mutating func observed(_ observation: LoadObservation) {
    guard !isOver, check.accepts(observation) else { return }
    if case .names(let new) = observation {
      for answer in new { answers[Self.key(answer.lookup)] = answer }
      return
    }
    if isResolving { resolve() }
    switch observation {
    case .setUp(var setup):
      setup.filter = options.filter
      setup.filterPart = options.filterPart
      setup.by = options.by ?? setup.by
      // An exporter's metrics; of reports, waits for a CPU are told apart by what they are by.
      setup.nativeSchema = nil
      // Older recordings have neither migrations nor throttling in them.
      setup.wantsCulprits = setup.wantsCulprits.map { _ in options.culprits }
      guard let length = options.window.length(recorded: setup.interval) else {
        return check.refuse(ReplayRefusal.interval(recorded: setup.interval))
      }
      setup.interval = length
      if !options.filterPart.isEmpty { setup.takesSamples = false }
      give(.setUp(setup))
    case .cgroupPaths(let paths):
      cgroups = paths
    case .scanBegins(var scan):
      scan.cgroups = matching()
      give(.scanBegins(scan))
    case .begins(let reading, _):
      options.window.starts(at: reading.wall)
      // What is before the window only shows where the tasks are.
      if options.window.reports { give(observation) } else { model.observed(observation) }
      resolve(forReport: true)
    case .sample:
      // What a task's call is about, or a quota's state, was so at one time only.
      answers = answers.filter { !$0.key.isOfOneTime }
      give(observation)
      isResolving = true
    case .settles, .looks:
      give(observation)
      isResolving = true
    case .closes(let reading): close(reading)
    case .ends:
      hasEnded = true
      resolve(forReport: true)
      give(observation)
    case .totals:
      guard options.window.reports else { return }
      report(.totals)
      hasTotals = true
    default: give(observation)
    }
  }

  private mutating func close(_ reading: IntervalReading) {
    switch options.window.boundary(at: reading.wall, isLast: hasEnded) {
    case .before:
      give(.closes(reading))
      _ = model.takeReport()
    case .begins:
      give(
        .begins(reading.asBeginning, load: LoadReading(shown: reading.load, exact: nil)))
    case .within: break
    case .closes:
      closed += 1
      resolve(forReport: true)
      report(.closes(reading))
    case .ends:
      closed += 1
      resolve(forReport: true)
      report(.closes(reading))
      report(.totals)
    }
    isResolving = hasEnded
  }

  // MARK: - Names

  private mutating func resolve(forReport: Bool = false) {
    if !forReport { isResolving = false }
    while true {
      let lookups = forReport ? model.takeReportLookups() : model.takeLookups()
      guard !lookups.isEmpty else { return }
      var found: [Answer] = []
      for lookup in lookups { found.append(answer(lookup)) }
      give(.names(found))
    }
  }

  private func answer(_ lookup: Lookup) -> Answer {
    var answer = answers[Self.key(lookup)] ?? Answer(lookup)
    answer.lookup = lookup
    if case .cgroup(let id, _) = lookup, answer.text == nil { answer.text = cgroups[id] }
    return answer
  }

  /// A model numbers stacks by itself, and asks for a cgroup by any of its processes: unless the cgroup
  /// wasn't seen, which 0 stands for.
  private static func key(_ lookup: Lookup) -> Lookup {
    switch lookup {
    case .stack(_, let frames) where !frames.isEmpty: .stack(0, frames: frames)
    case .cgroup(let id, _) where id != 0: .cgroup(id, process: 0)
    default: lookup
    }
  }

  /// The cgroups that match; nil where they don't matter.
  private func matching() -> Set<UInt64>? {
    guard !options.filterPart.cgroups.isEmpty else { return nil }
    return CgroupPaths.ids(of: options.filterPart.cgroups, in: cgroups)
  }
}

extension Lookup {
  /// Whether the answer holds at one time only.
  package var isOfOneTime: Bool {
    switch self {
    case .fileSystem, .fileServer, .quota, .waitChannel: true
    default: false
    }
  }
}

extension IntervalReading {
  /// As what an interval begins with: records that are in the rings by then are of before.
  public var asBeginning: IntervalReading {
    var reading = self
    reading.counters.delivered &+= reading.counters.pending
    return reading
  }
}
