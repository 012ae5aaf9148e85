/// The load average.
public struct LoadPart: Codable, Sendable, Equatable {
  /// load1, load5 and load15 as /proc/loadavg showed them at the end; a merge holds their mean,
  /// weighted by time.
  public var kernel: [Double]
  /// The same by the kernel's arithmetic from the samples since the run began, where each one's
  /// active tasks are known. Absent before the first sample, and after a merge.
  public var recomputed: [Double]?
  /// The kernel's own fixed-point numbers (`avenrun`) after the last sample, in 1/2048; absent where they
  /// can't be read. `recomputed` is as exact where they are there.
  public var avenrun: [UInt64]?
  /// What they would be if the kernel counted all the time, and not at its samples only.
  public var timeWeighted: [Double]?
  /// The samples of the interval; of a whole run the last 720.
  public var samples: [LoadSamplePart]?

  public init(
    kernel: [Double], recomputed: [Double]? = nil, timeWeighted: [Double]? = nil,
    samples: [LoadSamplePart]? = nil
  ) {
    self.kernel = kernel
    self.recomputed = recomputed
    self.timeWeighted = timeWeighted
    self.samples = samples
  }

  enum CodingKeys: String, CodingKey {
    case kernel, recomputed, avenrun, samples
    case timeWeighted = "time_weighted"
  }
}

/// One sample that the kernel took for the load average.
public struct LoadSamplePart: Codable, Sendable, Equatable {
  /// Wall clock, ISO 8601, UTC.
  public var at: String
  /// How many tasks the kernel counted as active; absent where that isn't known.
  public var active: UInt64?
  /// How many this run saw active at that instant.
  public var seen: UInt64
  /// How many slept and were counted all the same, since they were still on a run queue; absent where
  /// the kernel doesn't show them.
  public var delayed: UInt64?
  /// How many it saw on average since the sample before; absent for the first.
  public var mean: Double?
  /// What the kernel then showed.
  public var load1: Double

  public init(
    at: String, active: UInt64?, seen: UInt64, delayed: UInt64?, mean: Double?, load1: Double
  ) {
    self.at = at
    self.active = active
    self.seen = seen
    self.delayed = delayed
    self.mean = mean
    self.load1 = load1
  }
}
