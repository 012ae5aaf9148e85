/// What `loadwatch` tells of one interval, or of a whole watch: one JSON object.
///
/// Documented field by field in `docs/snapshot.md`; the schema is `docs/loadwatch-1.schema.json`.
/// All durations are nanoseconds.
public struct LoadSnapshot: Codable, Sendable, Equatable {
  /// The name and version of this form.
  public static let schemaName = "loadwatch/1"

  public var schema = schemaName
  /// True on the object that sums up the watch.
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
  /// Who makes up the load averages, the largest part of load1 first; with `delayed`, `olderThanWatch`
  /// and `remainder` it adds up to them. Absent before the first sample, and where not all tasks are
  /// watched.
  public var account: [AccountPart]?
  /// What is left in each average of the time before the watch.
  public var olderThanWatch: [Double]?
  /// For tasks that slept when the kernel counted them, but were still on a run queue: since Linux
  /// 6.12.
  public var delayed: [Double]?
  /// What is left to explain.
  public var remainder: [Double]?
  /// What the load means, the most important first.
  public var verdict: [VerdictPart]?
  /// For how much of the interval tasks had to wait, as the kernel accounts for it.
  public var pressure: PressurePart?
  public var limits: LimitsPart?
  public var tasks: TasksPart
  /// Context switches that were traced.
  public var switches: UInt64
  /// Of these, those away from a task that stayed runnable.
  public var preemptions: UInt64
  public var histograms: HistogramsPart
  /// Where tasks slept in D, and for how long: of a whole watch, where that was asked for.
  public var stacks: [StackPart]?

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
    case schema, final, host, start, end, filter, probes, loss, cost, load, account, remainder
    case delayed, verdict, pressure, limits, tasks
    case olderThanWatch = "older_than_watch"
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
  public enum State: String, Codable, Sendable {
    case yes, no
    case cannotTell = "cannot_tell"
  }

  public var want: String
  /// The means: the best that worked, or that would be used.
  public var using: String
  public var state: State
  /// Why not, or what is less good than it could be.
  public var reason: String?

  public init(want: String, using: String, state: State, reason: String? = nil) {
    self.want = want
    self.using = using
    self.state = state
    self.reason = reason
  }
}

/// What was not seen. `seen = delivered + pending + ring_full + map_full + recursion`, less what
/// was pending as the interval began: nothing, where a watch begins.
public struct LossPart: Codable, Sendable, Equatable {
  /// Records that the kernel side wanted to deliver, by its own count.
  public var seen: UInt64
  /// Records that reached the consumer.
  public var delivered: UInt64
  /// Records in the rings as the interval ended, and those lost behind them; 0 in the final object.
  public var pending: UInt64
  /// Records lost since a ring was full.
  public var ringFull: UInt64
  /// Records lost since a CPU had no ring.
  public var mapFull: UInt64
  /// Runs that the kernel left out since the program was running on that CPU already.
  public var recursion: UInt64
  /// Context switches that happened and that the tracepoint did not show, by the kernel's own
  /// count of switches (`rq->nr_switches`).
  public var untraced: UInt64

  public init(
    seen: UInt64 = 0, delivered: UInt64 = 0, pending: UInt64 = 0, ringFull: UInt64 = 0,
    mapFull: UInt64 = 0, recursion: UInt64 = 0, untraced: UInt64 = 0
  ) {
    self.seen = seen
    self.delivered = delivered
    self.pending = pending
    self.ringFull = ringFull
    self.mapFull = mapFull
    self.recursion = recursion
    self.untraced = untraced
  }

  /// Records that were lost: seen, and neither delivered nor on their way. `UInt64.max` if it is
  /// that or more, as only a broken file can say.
  public var lost: UInt64 {
    [ringFull, mapFull, recursion].reduce(0) { sum, part in
      let (sum, overflow) = sum.addingReportingOverflow(part)
      return overflow ? .max : sum
    }
  }

  enum CodingKeys: String, CodingKey {
    case seen, delivered, pending, recursion, untraced
    case ringFull = "ring_full"
    case mapFull = "map_full"
  }
}

/// What watching costs.
public struct CostPart: Codable, Sendable, Equatable {
  /// The program's own time per context switch, measured by the kernel during a part of the
  /// interval; nil where it may not be asked.
  public var bpfNsPerSwitch: Double?
  /// CPU time of this process.
  public var consumerNs: UInt64
  /// Of this, for passes of the task iterator.
  public var surveyNs: UInt64
  /// Resident memory of this process at the end, bytes; the largest of all after a merge.
  public var residentBytes: UInt64
  /// Kernel memory of the rings, bytes.
  public var ringBytes: UInt64

  public init(
    bpfNsPerSwitch: Double?, consumerNs: UInt64, surveyNs: UInt64, residentBytes: UInt64,
    ringBytes: UInt64
  ) {
    self.bpfNsPerSwitch = bpfNsPerSwitch
    self.consumerNs = consumerNs
    self.surveyNs = surveyNs
    self.residentBytes = residentBytes
    self.ringBytes = ringBytes
  }

  enum CodingKeys: String, CodingKey {
    case bpfNsPerSwitch = "bpf_ns_per_switch"
    case consumerNs = "consumer_ns"
    case surveyNs = "survey_ns"
    case residentBytes = "resident_bytes"
    case ringBytes = "ring_bytes"
  }
}

/// The load average.
public struct LoadPart: Codable, Sendable, Equatable {
  /// load1, load5 and load15 as /proc/loadavg showed them at the end; a merge holds their mean,
  /// weighted by time.
  public var kernel: [Double]
  /// The same by the kernel's arithmetic from the samples since the watch began, where each one's
  /// active tasks are known. Absent before the first sample, and after a merge.
  public var recomputed: [Double]?
  /// The kernel's own fixed-point numbers (`avenrun`) after the last sample, in 1/2048; absent where they
  /// can't be read. `recomputed` is as exact where they are there.
  public var avenrun: [UInt64]?
  /// What they would be if the kernel didn't look at samples only, but counted all the time.
  public var trueAverage: [Double]?
  /// The samples of the interval; of a whole watch the last 720.
  public var samples: [LoadSamplePart]?

  public init(
    kernel: [Double], recomputed: [Double]? = nil, trueAverage: [Double]? = nil,
    samples: [LoadSamplePart]? = nil
  ) {
    self.kernel = kernel
    self.recomputed = recomputed
    self.trueAverage = trueAverage
    self.samples = samples
  }

  enum CodingKeys: String, CodingKey {
    case kernel, recomputed, avenrun, samples
    case trueAverage = "true_average"
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
  /// For D: how long the one that has been waiting longest has been, at the end.
  public var longestNs: UInt64?
  /// And who it is: "comm (tid)".
  public var longestTask: String?

  public init(
    now: Int, mean: Double, max: Int, taskNs: UInt64, longestNs: UInt64? = nil,
    longestTask: String? = nil
  ) {
    self.now = now
    self.mean = mean
    self.max = max
    self.taskNs = taskNs
    self.longestNs = longestNs
    self.longestTask = longestTask
  }

  enum CodingKeys: String, CodingKey {
    case now, mean, max
    case taskNs = "task_ns"
    case longestNs = "longest_ns"
    case longestTask = "longest_task"
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
