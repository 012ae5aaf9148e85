public import Proc
public import SystemPackage

/// What a tool gives a ``Session`` to run: its probes, and the model that their records go to.
///
/// Times are those of the records' clock, ns, unless CLOCK_MONOTONIC is named.
public protocol Tracer: ~Copyable {
  associatedtype Report

  /// The rings, readable once a program asks for a wakeup.
  var rings: [FileDescriptor] { get }
  /// What to add to CLOCK_MONOTONIC for the clock of the records.
  var clockOffset: UInt64 { get }
  /// When something is due besides drains and boundaries, CLOCK_MONOTONIC.
  var nextDue: UInt64? { get }
  /// Longest time between two drains, ns. A ring that fills wakes the consumer earlier.
  var drainPeriod: UInt64 { get }
  /// Whether as much was seen as was asked for.
  var isDone: Bool { get }
  /// Whether enough has been measured of what the programs take, in this interval.
  var hasMeasuredCost: Bool { get }

  /// Begins to count.
  /// - Returns: when that was.
  mutating func begin() throws -> UInt64
  /// Does what can't wait until all records are there. At each wakeup.
  mutating func attend() throws
  /// Takes the records up to `horizon`, in order, with all else that belongs before it.
  mutating func advance(to horizon: UInt64) throws
  /// There are no records left before `horizon`.
  mutating func caughtUp(to horizon: UInt64) throws
  /// Ends an interval, up to which records were taken.
  mutating func close(at end: UInt64) throws -> Report
  /// An interval has been reported: gives CPUs that have come a ring, and looks what else has changed.
  /// - Returns: the new rings.
  mutating func follow(_ host: Proc.Host) throws -> [FileDescriptor]
  /// No record is written from here on; what is in the rings stays.
  mutating func stop() throws
  /// Ends the last interval, and takes what is left in the rings.
  /// - Returns: the reports of that interval, unless it is empty, and of the whole run.
  mutating func finish(at end: UInt64) throws -> [Report]
}

/// The options that both tools' runs have. Times in ns.
public struct SessionOptions: Sendable {
  public var interval: UInt64 = 1_000_000_000
  /// Until stopped, where nil.
  public var duration: UInt64?
  /// Processes, or single threads: the run ends with the last of them.
  public var processes: [Int32] = []
  /// Whether signals end the run. Of several at a time in a process, one sees to them.
  public var endsOnSignals = true
  /// Signals that ask for something and don't end the run.
  public var requests: [Int32] = []
  /// Where reports are written to: the run ends once nobody reads there.
  public var output: FileDescriptor?
  /// What is typed asks for something, too.
  public var input: FileDescriptor?

  public init() {}
}

/// What ended a run.
public enum SessionEnd: Sendable, Equatable {
  /// Its time, or what was asked for.
  case over
  /// Its number; and whether a key of the terminal sent it, to others as well.
  case signal(Int32, fromTerminal: Bool)
  case processesEnded
  /// The reader wanted no more.
  case stopped
}
