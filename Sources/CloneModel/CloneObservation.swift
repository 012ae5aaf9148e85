public import Input
public import Reports

/// What enters the clone model besides ring records. Times are CLOCK_MONOTONIC, ns.
public enum CloneObservation: Codable, Sendable {
  /// What the run is about. The first of all.
  case setUp(CloneSetup)
  /// What happens from here on counts.
  case begins(CloneReading)
  /// The cgroups that match from now on.
  case cgroups(Set<UInt64>)
  /// Cgroups by id, with their paths: for a replay that filters by them. A model doesn't need it.
  case cgroupPaths([UInt64: String])
  /// Names of stacks and mappings that the model asked for.
  case names([CloneAnswer])
  /// An interval ends, up to which all ring records have come: its report is due.
  case closes(CloneReading)
  /// The last interval ends; what the rings still hold comes next.
  case ends(at: UInt64)
  /// The report of the whole run is due.
  case totals
}

/// What a run is about.
public struct CloneSetup: Codable, Sendable {
  public var filter: CloneFilter
  /// Where the functions are that tell the phases of a clone apart.
  public var kernelPhases: KernelRanges<KernelPhases.Phase>
  /// Where the functions are that tell apart what a fork costs after the call, and the CPU time that a
  /// sample of that stands for, ns; nil where there are none, or in recordings from before.
  public var afterFork: KernelRanges<AfterFork.Place>?
  public var afterForkPeriod: UInt64?
  public var coverage: CloneCoverage
  /// Bytes.
  public var pageSize: UInt64
  /// Whether /proc has processes by the ids that the kernel side reports them by.
  public var pidsAreGlobal: Bool
  public var host: HostPart
  public var filterPart: FilterPart
  public var probes: [ProbePart]
  public var ringBytes: UInt64
  /// How long an interval is, ns.
  public var interval: UInt64?
  /// The schema of the native histograms that reports are to have; nil: none.
  public var nativeSchema: Int?

  public init(
    filter: CloneFilter, kernelPhases: KernelRanges<KernelPhases.Phase>,
    afterFork: KernelRanges<AfterFork.Place>?, afterForkPeriod: UInt64?, coverage: CloneCoverage,
    pageSize: UInt64,
    pidsAreGlobal: Bool, host: HostPart, filterPart: FilterPart, probes: [ProbePart],
    ringBytes: UInt64, interval: UInt64
  ) {
    self.interval = interval
    (self.filter, self.kernelPhases, self.coverage) = (filter, kernelPhases, coverage)
    (self.afterFork, self.afterForkPeriod) = (afterFork, afterForkPeriod)
    (self.pageSize, self.pidsAreGlobal, self.host) = (pageSize, pidsAreGlobal, host)
    (self.filterPart, self.probes, self.ringBytes) = (filterPart, probes, ringBytes)
  }
}

/// What was read as an interval began or ended; counters grow for ever.
public struct CloneReading: Codable, Sendable {
  public var at: UInt64
  /// CLOCK_REALTIME at that instant.
  public var wall: UInt64
  public var counters: CloneCounters
  public var own: OwnUsage
  public var onlineCPUs: Int

  public init(
    at: UInt64, wall: UInt64, counters: CloneCounters, own: OwnUsage, onlineCPUs: Int
  ) {
    (self.at, self.wall, self.counters) = (at, wall, counters)
    (self.own, self.onlineCPUs) = (own, onlineCPUs)
  }
}

/// What the kernel side and its consumer counted since the programs were attached.
public struct CloneCounters: Codable, Sendable, Equatable {
  /// Records that were to be written to a ring.
  public var records: UInt64 = 0
  public var delivered: UInt64 = 0
  public var ringFull: UInt64 = 0
  public var noRing: UInt64 = 0
  /// No room for another call in progress, or for another process to follow.
  public var mapFull: UInt64 = 0
  public var missedEnds: UInt64 = 0
  /// Calls in progress as the probes were attached or detached, whatever the callers' names and
  /// cgroups.
  public var straddled: UInt64 = 0
  /// Runs left out since a program was running already on that CPU.
  public var recursion: UInt64 = 0
  /// All programs' own time while it was measured, ns, and how many calls began meanwhile.
  public var runTime: UInt64 = 0
  public var begun: UInt64 = 0

  public init() {}

  /// Records that there should have been.
  var expected: UInt64 { records + mapFull + missedEnds + recursion }
  /// Records in the rings.
  public var pending: UInt64 {
    let gone = delivered + ringFull + noRing
    return records > gone ? records - gone : 0
  }
}

/// A name that the model wants and only the machine has, while the process lives.
public enum CloneLookup: Hashable, Codable, Sendable {
  /// The functions on a stack.
  case stack(CloneInterval.StackKey)
  /// What /proc/PID/maps calls a mapping.
  case mapping(CloneInterval.MappingKey)
  /// What a process's forks copy, and what stands for or against huge pages in it.
  case memory(tgid: UInt32)
  /// The mapping that holds a page which was copied after a fork.
  case page(tgid: UInt32, address: UInt64)
}

public struct CloneAnswer: Codable, Sendable {
  public var lookup: CloneLookup
  /// Of a stack: innermost first, up to where it is known.
  public var functions: [String]
  /// Of a mapping; nil where it has none, or its process was gone.
  public var name: String?
  /// Of a process; nil where it was gone or may not be looked at.
  public var memory: ForkedMemory?
  /// Of a page; nil where nothing is mapped there, or its process was gone.
  public var mapping: MappedRange?

  public init(
    _ lookup: CloneLookup, functions: [String] = [], name: String? = nil,
    memory: ForkedMemory? = nil, mapping: MappedRange? = nil
  ) {
    (self.lookup, self.functions, self.name, self.memory) = (lookup, functions, name, memory)
    self.mapping = mapping
  }
}
