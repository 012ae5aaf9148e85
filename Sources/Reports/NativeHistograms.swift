public import Histograms

/// Durations of a whole run so far in exponential buckets, as Prometheus stores them.
public struct NativeHistograms: Sendable, Equatable {
  public var runQueueLatency: ExponentialHistogram
  public var onCPU: ExponentialHistogram
  public var blockedUninterruptible: ExponentialHistogram

  public init(_ bounds: ExponentialBounds) {
    runQueueLatency = ExponentialHistogram(bounds)
    onCPU = runQueueLatency
    blockedUninterruptible = runQueueLatency
  }
}
