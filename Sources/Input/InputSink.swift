/// Everything that enters a model: the one door through which a run's input goes.
///
/// A model reads no file and no clock itself. Whatever it is to know comes as a ring record, as a
/// record of a task scan, or as an observation, in one order; so the same input, kept and fed to a
/// fresh model, makes the same reports.
public protocol InputSink: ~Copyable {
  /// What comes besides records: times, counters, names, and the ends of intervals.
  associatedtype Observation: Codable & Sendable

  /// A record of a CPU's ring, lent for the call. On the hot path: specialise it.
  mutating func record(_ bytes: RawSpan, cpu: Int)
  /// A record of the task scan that is in progress.
  mutating func scanned(_ bytes: RawSpan)
  mutating func observed(_ observation: Observation)
}

/// A pure state machine from input to reports.
public protocol Model: InputSink, ~Copyable {
  associatedtype Report

  /// The report that the last observation completed, given once.
  mutating func takeReport() -> Report?
}
