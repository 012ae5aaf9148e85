/// What `loadwatch` reports of one interval, or of a whole run: one JSON object.
///
/// Documented field by field in `docs/snapshot.md`; the schema is `docs/loadwatch-2.schema.json`.
/// All durations are nanoseconds.
public struct LoadSnapshot: Codable, Sendable, Equatable {
  /// The name and version of this form.
  public static let schemaName = "loadwatch/2"

  public var schema = schemaName
  /// True on the object that sums up the run.
  public var final: Bool
  public var host: HostPart
  /// Wall clock, ISO 8601, UTC.
  public var start: String
  public var end: String
  /// The interval's length on the run queue clock.
  public var intervalNs: UInt64
  public var filter: FilterPart
  public var probes: [ProbePart]
  public var loss: LossPart
  public var cost: CostPart
  public var load: LoadPart
  /// The load averages, broken down. Absent before the first sample, and with a filter: the load is that
  /// of all tasks.
  public var attribution: AttributionPart?
  /// Before the first sample: who was active as the intervals ended. `load1`, `load5` and `load15` are all
  /// the mean over those looks, and `active` is the last one.
  public var soFar: AttributionPart?
  /// Tasks in uninterruptible sleep at the load samples that other tasks blocked, with these; the largest
  /// part of load1 first. Absent where there were none, and after a merge.
  public var blocked: [BlockedPart]?
  /// Which processes waited for a CPU, and what ran there while they waited; absent where none waited, and
  /// after a merge.
  public var cpuWaits: [CPUWaitPart]?
  /// Bursts at regular times that the load samples meet for a while and then miss; the largest rise of load1
  /// first. Absent where there are none, and after a merge.
  public var beats: [BeatPart]?
  /// What the load means, the most important first.
  public var verdict: [VerdictPart]?
  /// For how much of the interval tasks had to wait, as the kernel accounts for it.
  public var pressure: PressurePart?
  /// What kept CPUs from tasks, other than tasks; absent where nothing did, and after a merge.
  public var cpus: CPUsPart?
  public var limits: LimitsPart?
  public var tasks: TasksPart
  /// Context switches that were traced.
  public var switches: UInt64
  /// Of these, those away from a task that stayed runnable.
  public var preemptions: UInt64
  public var histograms: HistogramsPart
  /// Where tasks slept in D, and for how long: of a whole run, where that was asked for.
  public var stacks: [StackPart]?
  /// All durations since the run began, where they are wanted for metrics. Not in the JSON.
  public var native: NativeHistograms?

  public init(
    final: Bool, host: HostPart, start: String, end: String, intervalNs: UInt64,
    filter: FilterPart, probes: [ProbePart], loss: LossPart, cost: CostPart, load: LoadPart,
    tasks: TasksPart, switches: UInt64, preemptions: UInt64, histograms: HistogramsPart
  ) {
    self.final = final
    self.host = host
    self.start = start
    self.end = end
    self.intervalNs = intervalNs
    self.filter = filter
    self.probes = probes
    self.loss = loss
    self.cost = cost
    self.load = load
    self.tasks = tasks
    self.switches = switches
    self.preemptions = preemptions
    self.histograms = histograms
  }

  enum CodingKeys: String, CodingKey {
    case schema, final, host, start, end, filter, probes, loss, cost, load, attribution, blocked
    case soFar = "so_far"
    case cpuWaits = "cpu_waits"
    case beats, verdict, pressure, cpus, limits, tasks
    case switches, preemptions, histograms, stacks
    case intervalNs = "interval_ns"
  }
}

/// Where it was seen; several hosts after a merge.
public struct HostPart: Codable, Sendable, Equatable {
  public var names: [String]
  /// Kernel releases.
  public var kernels: [String]
  /// CPUs online, of all hosts together.
  public var cpus: Int

  public init(names: [String], kernels: [String], cpus: Int) {
    self.names = names
    self.kernels = kernels
    self.cpus = cpus
  }
}

/// Which tasks it is about; empty lists: all.
public struct FilterPart: Codable, Sendable, Equatable {
  public var pids: [Int]
  public var comms: [String]
  public var cgroups: [String]

  public init(pids: [Int] = [], comms: [String] = [], cgroups: [String] = []) {
    self.pids = pids
    self.comms = comms
    self.cgroups = cgroups
  }

  public var isEmpty: Bool { pids.isEmpty && comms.isEmpty && cgroups.isEmpty }
}

/// One thing to see, and whether and by which means it was seen.
public struct ProbePart: Codable, Sendable, Equatable {
  public enum Availability: String, Codable, Sendable {
    case yes, no
    case cannotTell = "cannot_tell"
  }

  public var feature: String
  /// The means: the best that worked, or that would be used.
  public var probe: String
  public var available: Availability
  /// Why not, or what is less good than it could be.
  public var reason: String?

  public init(feature: String, probe: String, available: Availability, reason: String? = nil) {
    self.feature = feature
    self.probe = probe
    self.available = available
    self.reason = reason
  }
}

/// What was not seen. `expected = delivered + pending + ring_full + no_ring + map_full + missed_ends +
/// recursion`, less what was pending as the interval began: nothing, where a run begins.
public struct LossPart: Codable, Sendable, Equatable {
  /// Records that there should have been, by the kernel side's own count.
  public var expected: UInt64
  /// Records that reached the consumer.
  public var delivered: UInt64
  /// Records in the rings as the interval ended, and those lost behind them; 0 in the final object.
  public var pending: UInt64
  /// Records lost since a ring was full.
  public var ringFull: UInt64
  /// Records lost since a CPU had no ring.
  public var noRing: UInt64
  /// Clones lost since the map of calls in progress was full.
  public var mapFull: UInt64
  /// Clones lost since the program at their end did not run.
  public var missedEnds: UInt64
  /// Runs that the kernel left out since the program was running on that CPU already.
  public var recursion: UInt64
  /// Context switches that happened and that the tracepoint did not show, by the kernel's own
  /// count of switches (`rq->nr_switches`).
  public var untraced: UInt64
  /// Names of tasks, files and functions that could not be looked up within a deadline: a hung mount,
  /// or a process whose locks are held. No record is lost for it.
  public var namesLeftOut: UInt64

  public init(
    expected: UInt64 = 0, delivered: UInt64 = 0, pending: UInt64 = 0, ringFull: UInt64 = 0,
    noRing: UInt64 = 0, mapFull: UInt64 = 0, missedEnds: UInt64 = 0, recursion: UInt64 = 0,
    untraced: UInt64 = 0, namesLeftOut: UInt64 = 0
  ) {
    self.namesLeftOut = namesLeftOut
    self.expected = expected
    self.delivered = delivered
    self.pending = pending
    self.ringFull = ringFull
    self.noRing = noRing
    self.mapFull = mapFull
    self.missedEnds = missedEnds
    self.recursion = recursion
    self.untraced = untraced
  }

  /// Records that were lost: expected, and neither delivered nor on their way. `UInt64.max` if it is
  /// that or more, as only a broken file can say.
  public var lost: UInt64 {
    [ringFull, noRing, mapFull, missedEnds, recursion].reduce(0) { sum, part in
      let (sum, overflow) = sum.addingReportingOverflow(part)
      return overflow ? .max : sum
    }
  }

  enum CodingKeys: String, CodingKey {
    case expected, delivered, pending, recursion, untraced
    case ringFull = "ring_full"
    case noRing = "no_ring"
    case mapFull = "map_full"
    case missedEnds = "missed_ends"
    case namesLeftOut = "names_left_out"
  }
}

/// What the run itself costs.
public struct CostPart: Codable, Sendable, Equatable {
  /// The program's own time per context switch, measured by the kernel during a part of the
  /// interval; nil where it may not be asked.
  public var bpfNsPerSwitch: Double?
  /// CPU time of this process.
  public var consumerNs: UInt64
  /// Of this, for task scans.
  public var taskScanNs: UInt64
  /// Resident memory of this process at the end, bytes; the largest of all after a merge.
  public var residentBytes: UInt64
  /// Kernel memory of the rings, bytes.
  public var ringBytes: UInt64

  public init(
    bpfNsPerSwitch: Double?, consumerNs: UInt64, taskScanNs: UInt64, residentBytes: UInt64,
    ringBytes: UInt64
  ) {
    self.bpfNsPerSwitch = bpfNsPerSwitch
    self.consumerNs = consumerNs
    self.taskScanNs = taskScanNs
    self.residentBytes = residentBytes
    self.ringBytes = ringBytes
  }

  enum CodingKeys: String, CodingKey {
    case bpfNsPerSwitch = "bpf_ns_per_switch"
    case consumerNs = "consumer_ns"
    case taskScanNs = "task_scan_ns"
    case residentBytes = "resident_bytes"
    case ringBytes = "ring_bytes"
  }
}

/// How many tasks were in a state.
public struct TasksPart: Codable, Sendable, Equatable {
  public var runnable: OccupancyPart
  public var uninterruptible: OccupancyPart
  /// Only where records were lost: for how much of the interval none were. The means are over that
  /// time; where it is 0, over all of the interval, and none of the figures can be relied on.
  public var reliableNs: UInt64?

  public init(
    runnable: OccupancyPart, uninterruptible: OccupancyPart, reliableNs: UInt64? = nil
  ) {
    self.runnable = runnable
    self.uninterruptible = uninterruptible
    self.reliableNs = reliableNs
  }

  enum CodingKeys: String, CodingKey {
    case runnable, uninterruptible
    case reliableNs = "reliable_ns"
  }
}

public struct OccupancyPart: Codable, Sendable, Equatable {
  /// At the end.
  public var now: Int
  /// Over the interval: `task_ns / interval_ns`. Where records were lost, over `reliable_ns`.
  public var mean: Double
  /// The largest at any of up to some thousand instants.
  public var max: Int
  /// Task-nanoseconds in the state: what `mean` comes from, and what adds up.
  public var taskNs: UInt64
  /// For D, if a task is in it at the end: the one that has been waiting longest.
  public var longest: LongestWait?

  public init(
    now: Int, mean: Double, max: Int, taskNs: UInt64, longest: LongestWait? = nil
  ) {
    self.now = now
    self.mean = mean
    self.max = max
    self.taskNs = taskNs
    self.longest = longest
  }

  enum CodingKeys: String, CodingKey {
    case now, mean, max, longest
    case taskNs = "task_ns"
  }
}

/// A task that is still in uninterruptible sleep.
public struct LongestWait: Codable, Sendable, Equatable {
  /// For how long it has been, since before the interval too.
  public var ns: UInt64
  public var comm: String
  public var tid: UInt32

  public init(ns: UInt64, comm: String, tid: UInt32) {
    self.ns = ns
    self.comm = comm
    self.tid = tid
  }
}

public struct HistogramsPart: Codable, Sendable, Equatable {
  public var runQueueLatency: HistogramPart
  public var onCPU: HistogramPart
  public var blockedUninterruptible: HistogramPart
  public var blockedInterruptible: HistogramPart

  public init(
    runQueueLatency: HistogramPart, onCPU: HistogramPart, blockedUninterruptible: HistogramPart,
    blockedInterruptible: HistogramPart
  ) {
    self.runQueueLatency = runQueueLatency
    self.onCPU = onCPU
    self.blockedUninterruptible = blockedUninterruptible
    self.blockedInterruptible = blockedInterruptible
  }

  enum CodingKeys: String, CodingKey {
    case runQueueLatency = "run_queue_latency"
    case onCPU = "on_cpu"
    case blockedUninterruptible = "blocked_uninterruptible"
    case blockedInterruptible = "blocked_interruptible"
  }
}
