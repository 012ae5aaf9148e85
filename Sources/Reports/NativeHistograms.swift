public import Histograms

/// Durations of a whole run so far in exponential buckets, as Prometheus stores them, and sums that metrics
/// need beside them.
public struct NativeHistograms: Sendable, Equatable {
  public var runQueueLatency: ExponentialHistogram
  public var onCPU: ExponentialHistogram
  public var blockedUninterruptible: ExponentialHistogram
  /// The same by cgroup, each with its own tasks only, in no order.
  public var cgroups: [Cgroup] = []
  /// load1 by state and wait; nil before the first load sample, and where samples aren't followed.
  public var load: LoadParts?
  /// Tasks in D that other tasks block, by what is waited for at the root of the chain; all kinds, or empty
  /// where load samples aren't followed.
  public var blocked: [LockKind: Blocked] = [:]
  /// Of the last interval.
  public var longestWait: LongestWait?

  public init(_ bounds: ExponentialBounds) {
    runQueueLatency = ExponentialHistogram(bounds)
    onCPU = runQueueLatency
    blockedUninterruptible = runQueueLatency
  }

  public struct Cgroup: Sendable, Equatable {
    public var path: String
    public var runQueueLatency: ExponentialHistogram
    public var blockedUninterruptible: ExponentialHistogram

    package init(
      path: String, runQueueLatency: ExponentialHistogram,
      blockedUninterruptible: ExponentialHistogram
    ) {
      self.path = path
      self.runQueueLatency = runQueueLatency
      self.blockedUninterruptible = blockedUninterruptible
    }
  }

  /// Parts of load1, whatever the attribution of the report is by.
  public struct LoadParts: Sendable, Equatable {
    public var runnable = 0.0
    public var uninterruptible: [WaitKind: Double] = [:]
    /// By path, each with its own tasks only; nil: of cgroups that are too small, or gone.
    public var cgroups: [String?: ByState] = [:]

    public struct ByState: Sendable, Equatable {
      public var runnable = 0.0
      public var uninterruptible = 0.0

      public init() {}
    }

    package init() {}
  }

  public struct Blocked: Sendable, Equatable {
    /// Their part of load1.
    public var load1: Double
    /// How long they were blocked since the run began; an estimate, as each load sample stands for the time
    /// to the next.
    public var ns: UInt64

    package init(load1: Double, ns: UInt64) {
      (self.load1, self.ns) = (load1, ns)
    }
  }

  /// The longest wait for a CPU.
  public struct LongestWait: Sendable, Equatable {
    public var ns: UInt64
    public var comm: String
    public var tid: UInt32
    /// Its path, if that is known.
    public var cgroup: String?
    /// When it ended, CLOCK_REALTIME, ns.
    public var at: UInt64

    package init(ns: UInt64, comm: String, tid: UInt32, cgroup: String?, at: UInt64) {
      (self.ns, self.comm, self.tid, self.cgroup, self.at) = (ns, comm, tid, cgroup, at)
    }
  }
}

/// The same of clones.
public struct NativeCloneHistograms: Sendable, Equatable {
  /// Of the last interval, time of the clones of processes by their parents' names, ns: all of them.
  public var callers: [String: UInt64] = [:]
  /// Of the last interval, CPU time of children that serve, besides what their forks cost: their own work; ns.
  public var served: [BillItem: UInt64] = [:]
  public var clone: ExponentialHistogram
  public var addressSpaceCopy: ExponentialHistogram
  public var pageTableCopy: ExponentialHistogram
  public var vforkWait: ExponentialHistogram

  public init(_ bounds: ExponentialBounds) {
    clone = ExponentialHistogram(bounds)
    (addressSpaceCopy, pageTableCopy, vforkWait) = (clone, clone, clone)
  }
}
