public import Input
public import Reports

/// A run's events as a trace for Perfetto. Takes what a model is given, and its reports.
public protocol EventTrace: InputSink {
  associatedtype Report: Snapshot

  init()
  /// A report of an interval, for the counters.
  mutating func add(_ report: Report)
  /// What the trace has grown by since it was last asked: whole packets.
  mutating func takeBytes() -> [UInt8]
}

/// The trace of a run that goes on, or of one that is replayed.
public final class TraceStream<Trace: EventTrace>: InputTap, InputRecorder {
  private var trace = Trace()
  /// What can't be made a trace of; nil where there is nothing.
  public private(set) var fault: String?

  public init() {}

  public func record(_ bytes: RawSpan, cpu: Int) { trace.record(bytes, cpu: cpu) }
  public func scanned(_ bytes: RawSpan) { trace.scanned(bytes) }
  public func observed(_ observation: Trace.Observation) { trace.observed(observation) }

  public func take(_ entries: [UInt8], beginsSegment: Bool, until wall: UInt64) {
    do {
      try KeptInput<Trace.Observation>(bytes: entries).replay(into: &trace)
    } catch {
      fault = fault ?? "\(error)"
    }
  }

  public func add(_ report: Trace.Report) { trace.add(report) }
  public func takeBytes() -> [UInt8] { trace.takeBytes() }
}
