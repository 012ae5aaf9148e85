public import Input
public import Reports
import Tasks

/// Feeds recorded input to a model, which may have another filter than the run that was recorded.
public struct CloneReplay: ~Copyable, ReplayModel {
  /// What differs from the recorded run.
  public struct Options: Sendable {
    public var window = ReplayWindow()
    /// Besides what the recorded run was filtered by.
    public var filterPart = FilterPart()

    public init() {}
  }

  private var model = CloneAnalysis()
  private let tap: (any InputTap<CloneObservation>)?
  private var options: Options
  private var check = CloneInputCheck()
  private var answers: [CloneLookup: CloneAnswer] = [:]
  private var hasEnded = false
  private var hasTotals = false
  private var closed = 0
  private var reports: [CloneSnapshot] = []

  /// - Parameter tap: gets what the model gets.
  public init(_ options: Options, tap: (any InputTap<CloneObservation>)? = nil) {
    self.options = options
    self.tap = tap
  }

  private mutating func give(_ observation: CloneObservation) {
    tap?.observed(observation)
    model.observed(observation)
  }

  /// What is wrong with the input, which then is no longer taken; nil where nothing is.
  public var fault: String? { check.fault }
  /// Whether all that was wanted has been reported.
  public var isOver: Bool { options.window.isOver || hasTotals }

  public mutating func record(_ bytes: RawSpan, cpu: Int) {
    tap?.record(bytes, cpu: cpu)
    model.record(bytes, cpu: cpu)
  }
  public mutating func scanned(_ bytes: RawSpan) {}

  public mutating func takeReport() -> CloneSnapshot? {
    reports.isEmpty ? nil : reports.removeFirst()
  }

  /// The input is over, and maybe cut off: the whole is due, if there is any.
  public mutating func finish() {
    guard !isOver, closed > 0, fault == nil else { return }
    report(.totals)
    hasTotals = true
  }

  private mutating func report(_ observation: CloneObservation) {
    give(observation)
    if let report = model.takeReport() { reports.append(report) }
  }

  public mutating func observed(_ observation: CloneObservation) {
    guard !isOver, check.accepts(observation) else { return }
    switch observation {
    case .setUp(var setup):
      if let recorded = setup.interval, options.window.length(recorded: recorded) == nil {
        return check.refuse(ReplayRefusal.interval(recorded: recorded))
      }
      if !options.filterPart.isEmpty {
        setup.filterPart = options.filterPart
        setup.filter.processes = Set(options.filterPart.pids.map { UInt32(truncatingIfNeeded: $0) })
        if !options.filterPart.comms.isEmpty {
          setup.filter.comms = Set(options.filterPart.comms.map { Comm($0) })
        }
      }
      give(.setUp(setup))
    case .cgroupPaths(let paths):
      if !options.filterPart.cgroups.isEmpty {
        give(.cgroups(CgroupPaths.ids(of: options.filterPart.cgroups, in: paths)))
      }
    case .cgroups:
      if options.filterPart.cgroups.isEmpty { give(observation) }
    case .begins(let reading):
      options.window.starts(at: reading.wall)
      if options.window.reports { give(observation) } else { model.observed(observation) }
    case .names(let new):
      for answer in new { answers[answer.lookup] = answer }
      // Of a mapping the recorded run asked by another page of it.
      let mapped = new.filter { $0.mapping != nil }
      if !mapped.isEmpty { give(.names(mapped)) }
      resolve()
    case .closes(let reading):
      resolve()
      close(reading)
    case .ends:
      hasEnded = true
      resolve()
      give(observation)
    case .totals:
      guard options.window.reports else { return }
      report(.totals)
      hasTotals = true
    }
  }

  /// Names what the model wants to know, as far as the recorded run has asked for it.
  private mutating func resolve() {
    var known: [CloneAnswer] = []
    for lookup in model.takeLookups() {
      if let answer = answers[lookup] { known.append(answer) }
    }
    if !known.isEmpty { give(.names(known)) }
  }

  private mutating func close(_ reading: CloneReading) {
    switch options.window.boundary(at: reading.wall, isLast: hasEnded) {
    case .before:
      give(.closes(reading))
      _ = model.takeReport()
    case .begins: give(.begins(reading.asBeginning))
    case .within: break
    case .closes:
      closed += 1
      report(.closes(reading))
    case .ends:
      closed += 1
      report(.closes(reading))
      report(.totals)
    }
  }
}

extension CloneReading {
  /// As what an interval begins with: records that are in the rings by then are of before.
  public var asBeginning: CloneReading {
    var reading = self
    reading.counters.delivered &+= reading.counters.pending
    return reading
  }
}
