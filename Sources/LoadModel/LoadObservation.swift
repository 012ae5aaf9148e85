public import Input
public import Reports
public import Tasks

/// What enters the load model besides ring records and task scans. Times in ns; on the run queue clock
/// unless CLOCK_MONOTONIC is named.
public enum LoadObservation: Codable, Sendable {
  /// What the run is about. The first of all.
  case setUp(LoadSetup)
  /// A task scan begins, each of whose records follows; all ring records up to `boundary` have come.
  case scanBegins(TaskScan)
  case scanEnds
  /// Cgroups by id, with their paths: for a replay that filters by them. A model doesn't need it.
  case cgroupPaths([UInt64: String])
  /// Where a task sleeps in D, if no switch has shown it: the frames of its stack, innermost first.
  case waiter(tid: UInt32, frames: [UInt64])
  /// Who holds what tasks in D wait for: found shortly after the load sample that comes next.
  case holders([LockWait])
  /// What rings have taken and lost, by CPU: before they are drained.
  case rings([RingReading])
  /// The CPUs that are online; at an instant up to which all ring records have come.
  case online([Int], at: UInt64)
  /// The name of a task that neither a record nor a task scan has named.
  case task(tid: UInt32, tgid: UInt32, comm: Comm)
  /// What happens from here on counts.
  case begins(IntervalReading, load: LoadReading)
  /// The kernel's count of ticks at an instant of CLOCK_MONOTONIC.
  case ticks(monotonic: UInt64, jiffies: UInt64, now: UInt64)
  /// The averages before the first sample.
  case averages(LoadReading)
  /// Before the first load sample: a look who is active, run queue clock, and who of them waits for a CPU
  /// quota; the names of the others come next.
  case looks(at: UInt64, throttled: Set<UInt32>)
  case lookEnds
  /// A load sample is being taken; the names of its tasks come next.
  case sample(SampleReading)
  case names([Answer])
  case sampleEnds
  /// What the kernel made of the sample; the names of late tasks come next.
  ///
  /// - Parameter wall: CLOCK_REALTIME at the sample.
  case settles(LoadReading, isLate: Bool, wall: UInt64)
  case settleEnds
  /// An interval ends, up to which all ring records have come: its report is due.
  case closes(IntervalReading)
  /// Nothing more comes: the names of stacks come next, where they are followed.
  case ends(at: UInt64)
  /// The report of the whole run is due.
  case totals
}

/// What a run is about.
public struct LoadSetup: Codable, Sendable {
  /// How many CPUs there can be.
  public var cpus: Int
  /// How long an interval is going to be.
  public var interval: UInt64
  public var filter: TaskFilter
  /// What the load attribution tells tasks apart by, at most two.
  public var by: [Grouping]
  /// Whether each sleep in D is followed with its stack, and not only those at load samples.
  public var followsStacks: Bool
  /// Whether load samples are taken: where all tasks are followed.
  public var takesSamples: Bool
  /// Whether /proc has tasks by the ids that the kernel side reports them by.
  public var pidsAreGlobal: Bool
  public var host: HostPart
  public var filterPart: FilterPart
  public var probes: [ProbePart]
  public var ringBytes: UInt64
  /// Whether names are asked for by which a replay may tell tasks apart.
  public var isRecorded: Bool?
  /// Whether reports list all victims and culprits that were kept, not only the largest. Nil of a recording
  /// that lacks what tells them.
  public var wantsCulprits: Bool?
  /// The schema of the native histograms that reports are to have; nil: none.
  public var nativeSchema: Int?

  /// What waits for a CPU are told apart by: metrics are by cgroup, whatever the attribution of reports is by.
  var waitsBy: [Grouping] { nativeSchema == nil ? by : [.cgroup] }

  public init(
    cpus: Int, interval: UInt64, filter: TaskFilter, by: [Grouping], followsStacks: Bool,
    takesSamples: Bool, pidsAreGlobal: Bool, host: HostPart, filterPart: FilterPart,
    probes: [ProbePart], ringBytes: UInt64, isRecorded: Bool? = nil,
    wantsCulprits: Bool? = nil
  ) {
    (self.isRecorded, self.wantsCulprits) = (isRecorded, wantsCulprits)
    (self.cpus, self.interval, self.filter, self.by) = (cpus, interval, filter, by)
    (self.followsStacks, self.takesSamples) = (followsStacks, takesSamples)
    (self.pidsAreGlobal, self.host, self.filterPart) = (pidsAreGlobal, host, filterPart)
    (self.probes, self.ringBytes) = (probes, ringBytes)
  }
}

/// What was read as an interval began or ended; counters grow for ever.
public struct IntervalReading: Codable, Sendable {
  /// On the run queue clock.
  public var at: UInt64
  public var clockOffset: UInt64
  /// CLOCK_REALTIME at that instant.
  public var wall: UInt64
  public var counters: LoadCounters
  public var own: OwnUsage
  public var system: SystemCounters
  /// As of now, where there is no sample to go by.
  public var load: [Double]
  public var onlineCPUs: Int
  public var limits: LimitsPart?

  public init(
    at: UInt64, clockOffset: UInt64, wall: UInt64, counters: LoadCounters, own: OwnUsage,
    system: SystemCounters, load: [Double], onlineCPUs: Int, limits: LimitsPart?
  ) {
    (self.at, self.clockOffset, self.wall) = (at, clockOffset, wall)
    (self.counters, self.own, self.system) = (counters, own, system)
    (self.load, self.onlineCPUs, self.limits) = (load, onlineCPUs, limits)
  }
}

/// What the kernel side and its consumer counted since the programs were attached.
public struct LoadCounters: Codable, Sendable, Equatable {
  /// Records that were to be delivered.
  public var records: UInt64 = 0
  public var delivered: UInt64 = 0
  public var ringFull: UInt64 = 0
  public var noRing: UInt64 = 0
  /// Runs left out by the kernel since the program was running already.
  public var recursion: UInt64 = 0
  /// Switches that never reached the program, those of `recursion` not included.
  public var untraced: UInt64 = 0
  /// The switch program's own time and runs while they were measured, ns.
  public var runTime: UInt64 = 0
  public var runs: UInt64 = 0

  public init() {}

  /// Records that there should have been.
  var due: UInt64 { records + recursion }
  var lost: UInt64 { ringFull + noRing + recursion }
  /// Records in the rings.
  public var pending: UInt64 {
    let gone = delivered + ringFull + noRing
    return records > gone ? records - gone : 0
  }
}

/// What a CPU's ring has taken, and what was lost for it; ever-growing.
public struct RingReading: Codable, Sendable, Equatable {
  public var placed: UInt64
  public var ringFull: UInt64
  public var noRing: UInt64

  public init(placed: UInt64, ringFull: UInt64, noRing: UInt64) {
    (self.placed, self.ringFull, self.noRing) = (placed, ringFull, noRing)
  }
}

/// A task scan: a pass of the task iterator.
public struct TaskScan: Codable, Sendable {
  /// What to add to CLOCK_MONOTONIC for the run queue clock.
  public var clockOffset: UInt64
  /// Up to when ring records have been taken.
  public var boundary: UInt64
  /// Whether it sees every task, so that those that it doesn't find are gone.
  public var isComplete: Bool
  /// The cgroups that match from now on; nil where cgroups don't matter.
  public var cgroups: Set<UInt64>?

  public init(clockOffset: UInt64, boundary: UInt64, isComplete: Bool, cgroups: Set<UInt64>? = nil)
  {
    (self.clockOffset, self.boundary) = (clockOffset, boundary)
    (self.isComplete, self.cgroups) = (isComplete, cgroups)
  }
}

/// The load averages as read at one time.
public struct LoadReading: Codable, Sendable, Equatable {
  /// load1, load5, load15 as /proc/loadavg shows them.
  public var shown: [Double]
  /// avenrun and calc_load_tasks, where the kernel has symbols for them.
  public var exact: Exact?

  public struct Exact: Codable, Sendable, Equatable {
    public var active: Int64
    public var averages: KernelLoad

    public init(active: Int64, averages: KernelLoad) {
      (self.active, self.averages) = (active, averages)
    }
  }

  public init(shown: [Double], exact: Exact?) {
    (self.shown, self.exact) = (shown, exact)
  }

  /// By the exact numbers, or the nearest to what is shown.
  var averages: KernelLoad {
    exact?.averages ?? KernelLoad(shown: [shown[0], shown[1], shown[2]])
  }
}

/// What was read at a load sample.
public struct SampleReading: Codable, Sendable {
  /// CLOCK_MONOTONIC.
  public var time: UInt64
  public var clockOffset: UInt64
  /// Tasks that waited for a cgroup's CPU quota.
  public var throttled: Set<UInt32>
  /// How many tasks slept and were still queued; nil where the kernel doesn't show it.
  public var delayed: UInt64?
  /// Nil where they were read too late to say anything of that time.
  public var counters: LoadCounters?
  public var system: SystemCounters?

  public init(
    time: UInt64, clockOffset: UInt64, throttled: Set<UInt32>, delayed: UInt64?,
    counters: LoadCounters?, system: SystemCounters?
  ) {
    (self.time, self.clockOffset) = (time, clockOffset)
    (self.throttled, self.delayed) = (throttled, delayed)
    (self.counters, self.system) = (counters, system)
  }
}
