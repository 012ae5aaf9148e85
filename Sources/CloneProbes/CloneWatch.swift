import BPF
import CLinux
public import CloneModel
import FoundationEssentials
import Glibc
public import Proc
public import Reports
import Symbols
public import SystemPackage
import Session

/// What to watch, and for how long. Times in ns.
public struct CloneWatchOptions: Sendable {
  public var interval: UInt64 = 1_000_000_000
  /// Until stopped, where nil.
  public var duration: UInt64?
  /// Until so many clones were seen, where not nil.
  public var clones: UInt64?
  public var filter = CloneFilter()
  public var wishes = CloneWishes()
  /// The filter as the snapshots tell it.
  public var filterPart = FilterPart()
  /// Looked up again with every interval: cgroups come and go.
  public var cgroups: [Cgroup] = []
  /// Where the snapshots are written to: the watch ends once nobody reads there.
  public var output: FileDescriptor?
  /// Processes, or single threads: the watch ends with the last of them.
  public var processes: [Int32] = []
  /// Whether the thread that watches is given the best priority there is, for good.
  public var raisesPriority = true

  public init() {}
}

/// A running watch of clones: attaches, drains, and tells of each interval as it ends.
public struct CloneWatch: ~Copyable {
  /// What ended it.
  public enum End: Sendable, Equatable {
    case over
    /// Its number; and whether a key of the terminal sent it, to others as well.
    case signal(Int32, fromTerminal: Bool)
    case processesEnded
    /// `emit` wanted no more.
    case stopped
  }

  private let options: CloneWatchOptions
  private var probes: CloneProbes
  private var tracker: CloneTracker
  private var loop: EventLoop
  private var reporter: CloneReporter
  private var delivered: UInt64 = 0
  /// Held for a part of each interval: measuring has its own cost.
  private var runTimes: RunTimeStatistics?
  private var isSampling = true
  private var drains = 0
  /// Time and number of the clones of the open interval as of the last drain.
  private var recent: (time: UInt64, count: UInt64) = (0, 0)

  /// How often the rings are drained at least.
  private static let drainPeriod: UInt64 = 50_000_000

  /// Attaches. Counting begins as this returns.
  ///
  /// Signals that end a watch no longer end the process from here on, as long as this is held.
  ///
  /// - Throws: `BPFError` where the kernel refuses, `ProcError` where /proc can't be read.
  public init(_ options: CloneWatchOptions) throws {
    let host = try Proc.Host.current()
    guard PIDNamespace.isMachines || options.wishes.processes.isEmpty else {
      throw BPFError(
        .unsupported, "tell single processes apart",
        cause: "in a PID namespace of one's own ids are not the kernel's",
        remedy: "run in the machine's own, or filter by name or cgroup")
    }
    var ladder: [ProbePart] = []
    if options.raisesPriority { ladder.append(raisePriority()) }
    let symbols = try? KernelSymbols.current()
    let probes = try CloneProbes(host, wishes: options.wishes, symbols: symbols)
    var loop = try EventLoop(
      signals: [SIGINT, SIGTERM, SIGHUP], rings: probes.rings.descriptors, output: options.output)
    for pid in options.processes { try loop.watch(process: pid) }
    var filter = options.filter
    filter.cgroups = try Cgroup.ids(of: options.cgroups)
    let start = Clocks.monotonic
    tracker = CloneTracker(filter: filter, phases: Self.phases(symbols), start: start)
    let statistics = try? RunTimeStatistics()
    if statistics == nil {
      ladder.append(
        ProbePart(
          want: "own cost in the kernel", using: "BPF_ENABLE_STATS", state: .no,
          reason: "grant CAP_SYS_ADMIN to see it"))
    }
    reporter = CloneReporter(
      host: host, filter: options.filterPart, probes: probes.ladder + ladder,
      coverage: probes.coverage,
      start: start, ringBytes: UInt64(probes.ringBytes))
    runTimes = statistics
    self.options = options
    self.probes = probes
    self.loop = loop
  }

  /// Where the functions stand that tell the parts of a clone apart.
  private static func phases(_ symbols: KernelSymbols?) -> KernelPhases {
    guard let symbols else { return KernelPhases([]) }
    return KernelPhases(
      KernelPhases.functions.flatMap { phase, names in
        names.flatMap { name in
          symbols.addresses(named: name).map {
            ($0.range.lowerBound, $0.range.upperBound, phase)
          }
        }
      })
  }

  /// Runs to the end. `emit` gets a snapshot per interval and at last the one of the whole watch.
  ///
  /// - Parameter emit: returns whether to go on.
  public mutating func run(_ emit: (CloneSnapshot) throws -> Bool) throws -> End {
    let last = options.duration.map { reporter.start + $0 }
    var boundary = reporter.start + options.interval
    var end: End?
    while end == nil {
      if let last { boundary = min(boundary, last) }
      let wakeup = try loop.wait(until: min(Clocks.monotonic + Self.drainPeriod, boundary))
      drain(upTo: Clocks.monotonic)
      if tracker.count > 0 { runTimes = nil }
      reporter.lookUp(tracker.takeNew(), of: tracker.open)
      chooseSampling()
      if let clones = options.clones, reporter.clones + tracker.count >= clones { end = .over }
      if let signal = wakeup.signal {
        end = end ?? .signal(signal, fromTerminal: wakeup.isFromTerminal)
      }
      if wakeup.allProcessesEnded { end = end ?? .processesEnded }
      if wakeup.outputClosed { end = end ?? .stopped }
      let now = Clocks.monotonic
      guard end == nil, now >= boundary else { continue }
      if boundary == last {
        end = .over
        break
      }
      if try !emit(close(at: now)) { end = .stopped }
      while boundary <= now { boundary += options.interval }
      runTimes = try? RunTimeStatistics()
      followCPUs()
      if !options.cgroups.isEmpty {
        tracker.filter.cgroups = (try? Cgroup.ids(of: options.cgroups)) ?? []
      }
    }
    try probes.stop()
    let now = Clocks.monotonic
    _ = try emit(close(at: now))
    _ = try emit(reporter.final())
    return end ?? .over
  }

  /// Of many short clones a tenth of the time gives samples enough, at a tenth of the cost.
  private mutating func chooseSampling() {
    let (time, count) = (tracker.total - recent.time, tracker.count - recent.count)
    recent = (tracker.total, tracker.count)
    drains += 1
    let areManyAndShort = count >= 100 && time / count < 200_000
    let samples = !areManyAndShort || drains % 10 == 0
    if samples != isSampling { probes.setSampling(samples) }
    isSampling = samples
  }

  private mutating func drain(upTo time: UInt64) {
    delivered += UInt64(Self.drain(&probes.rings, into: &tracker, upTo: time))
  }

  private static func drain(
    _ rings: inout RingBuffers, into tracker: inout CloneTracker, upTo time: UInt64
  ) -> Int {
    rings.drain(upTo: time) { record, _ in tracker.consume(record) }
  }

  private mutating func close(at time: UInt64) throws -> CloneSnapshot {
    drain(upTo: time)
    recent = (0, 0)
    let account = try probes.account()
    return try reporter.interval(
      tracker.close(at: time), account: account, delivered: delivered)
  }

  private mutating func followCPUs() {
    guard let host = try? Proc.Host.current() else { return }
    for cpu in host.presentCPUs where !probes.rings.cpus.contains(cpu) {
      // Without a ring the CPU's records are counted as lost, and shown.
      guard (try? probes.addRing(cpu: cpu)) != nil else { continue }
      if let ring = probes.rings.descriptors.last { try? loop.watch(ring: ring) }
    }
    probes.followClocks(onlineCPUs: host.onlineCPUs)
  }
}
