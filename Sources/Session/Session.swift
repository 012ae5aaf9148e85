import BPF
import CLinux
import Glibc
import Proc
import SystemPackage

/// A run of a tracer: waits, drains, ends intervals and hands out their reports, until something ends
/// it. Both tools run on it.
public struct Session<T: Tracer & ~Copyable>: ~Copyable {
  private let options: SessionOptions
  public var tracer: T
  private var loop: EventLoop
  /// When counting began, on the records' clock.
  private let start: UInt64
  /// Held for a part of each interval: measuring has its own cost.
  private var runTimes: RunTimeStatistics?
  private var measuredUntil: UInt64 = 0
  private var trimmedAt: UInt64 = 0

  private static var trimPeriod: UInt64 { 60_000_000_000 }
  /// How long the programs' cost is measured in each interval, at least.
  private static var measuredTime: UInt64 { 50_000_000 }
  /// From reading the clock to the record's being there a program takes far less than a microsecond,
  /// unless the hypervisor takes the CPU away in between. A record that comes even later is taken
  /// out of order.
  private static var commitSlack: UInt64 { SessionTiming.commitSlack }

  /// Begins to count as it returns.
  ///
  /// Signals that end a run no longer end the process from here on, as long as this is held.
  ///
  /// - Throws: `BPFError` where a process to wait for isn't there, and what the tracer throws.
  public init(_ options: SessionOptions, _ tracer: consuming T) throws {
    var loop = try EventLoop(
      signals: options.endsOnSignals ? [SIGINT, SIGTERM, SIGHUP] + options.requests : nil,
      rings: tracer.rings,
      output: options.output, input: options.input)
    for pid in options.processes { try Self.watch(pid, in: &loop) }
    // Attaching took the kernel's BTF and symbols, several times what the run itself takes, and has freed
    // them again: to the system as well.
    sonde_trim_heap()
    trimmedAt = Clocks.monotonic
    start = try tracer.begin()
    self.tracer = tracer
    self.loop = loop
    self.options = options
    measure()
  }

  private static func watch(_ pid: Int32, in loop: inout EventLoop) throws {
    do {
      try loop.watch(process: pid)
    } catch .invalidArgument {
      // The end of a single thread can't be waited for: Linux before 6.9.
      try loop.watch(process: ProcessStatus.of(pid: pid).tgid)
    } catch {
      throw BPFError(.failed, "wait for process \(pid)", errno: error)
    }
  }

  private mutating func measure() {
    runTimes = try? RunTimeStatistics()
    measuredUntil = Clocks.monotonic + Self.measuredTime
  }

  /// Runs to the end. `emit` gets a report per interval and at last the one of the whole run.
  ///
  /// - Parameters:
  ///   - requested: called as one of ``SessionOptions/requests`` comes, or input; returns whether to go on.
  ///   - emit: returns whether to go on.
  public mutating func run(
    requested: () throws -> Bool = { true }, _ emit: (T.Report) throws -> Bool
  ) throws -> SessionEnd {
    let last = options.duration.map { start &+ $0 }
    var boundary = start
    var end: SessionEnd?
    /// Where the run was to end, and has.
    var planned: UInt64?
    advance(&boundary, last: last)
    while end == nil {
      let now = Clocks.monotonic
      var next = min(
        now + tracer.drainPeriod, boundary &- tracer.clockOffset &+ Self.commitSlack)
      if let due = tracer.nextDue { next = min(next, due) }
      if runTimes != nil, measuredUntil > now { next = min(next, measuredUntil) }
      let wakeup = try loop.wait(until: next)
      try tracer.attend()

      let horizon = Clocks.monotonic &+ tracer.clockOffset &- Self.commitSlack
      while end == nil, boundary <= horizon {
        try tracer.advance(to: boundary)
        if boundary == last {
          (end, planned) = (.over, boundary)
          break
        }
        if try !emit(tracer.close(at: boundary)) { end = .stopped }
        try followHost()
        trimHeap()
        measure()
        advance(&boundary, last: last)
      }
      if end == nil {
        try tracer.advance(to: horizon)
        try tracer.caughtUp(to: horizon)
        if Clocks.monotonic >= measuredUntil, tracer.hasMeasuredCost { runTimes = nil }
        if tracer.isDone { end = .over }
      }
      let isRequest = wakeup.signal.map(options.requests.contains) ?? false
      if isRequest || wakeup.hasInput, try !requested() { end = end ?? .stopped }
      if let signal = wakeup.signal, !isRequest {
        end = end ?? .signal(signal, fromTerminal: wakeup.isFromTerminal)
      }
      if wakeup.allProcessesEnded { end = end ?? .processesEnded }
      if wakeup.outputClosed { end = end ?? .stopped }
    }
    if end == .processesEnded {
      // The kernel reports an end (exit_notify()) before the task's last switch.
      usleep(UInt32(Self.commitSlack / 1000))
    }
    try finish(at: planned, emit)
    return end ?? .over
  }

  /// Names of functions take their files' symbols, and pages all that they tell of: several times what is kept
  /// of it, in the heap of whichever thread that was.
  private mutating func trimHeap() {
    let now = Clocks.monotonic
    guard now &- trimmedAt >= Self.trimPeriod else { return }
    trimmedAt = now
    sonde_trim_heap()
  }

  private func advance(_ boundary: inout UInt64, last: UInt64?) {
    boundary &+= options.interval
    if let last, boundary > last { boundary = last }
  }

  private mutating func followHost() throws {
    guard let host = try? Proc.Host.current() else { return }
    for ring in try tracer.follow(host) { try? loop.watch(ring: ring) }
  }

  /// Reports the interval that was cut off, then the whole.
  private mutating func finish(at planned: UInt64?, _ emit: (T.Report) throws -> Bool) throws {
    let end = planned ?? Clocks.monotonic &+ tracer.clockOffset
    try tracer.stop()
    // A program that was just running may still submit.
    usleep(UInt32(Self.commitSlack / 1000))
    try tracer.advance(to: end)
    for report in try tracer.finish(at: end) { _ = try emit(report) }
  }
}

/// Times that a session and its tracers share, ns.
public enum SessionTiming {
  /// How long after its time a record is taken to be in its ring.
  public static let commitSlack: UInt64 = 10_000_000
  /// Drain period while records are needed promptly.
  public static let promptDrainPeriod: UInt64 = 50_000_000
  /// Drain period otherwise: on an idle host, a wakeup costs as much as hundreds of records.
  public static let drainPeriod: UInt64 = 200_000_000
}
