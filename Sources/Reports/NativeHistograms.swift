public import Histograms

/// Durations of a whole run so far in exponential buckets, as Prometheus stores them.
public struct NativeHistograms: Sendable, Equatable {
  public var runQueueLatency: ExponentialHistogram
  public var onCPU: ExponentialHistogram
  public var blockedUninterruptible: ExponentialHistogram
  /// The same by cgroup, each with its own tasks only, in no order.
  public var cgroups: [Cgroup] = []
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
  public var clone: ExponentialHistogram
  public var addressSpaceCopy: ExponentialHistogram
  public var pageTableCopy: ExponentialHistogram
  public var vforkWait: ExponentialHistogram

  public init(_ bounds: ExponentialBounds) {
    clone = ExponentialHistogram(bounds)
    (addressSpaceCopy, pageTableCopy, vforkWait) = (clone, clone, clone)
  }
}
