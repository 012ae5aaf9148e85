import BPF
public import CloneModel
import Glibc
public import Proc
public import Reports
public import Session
import Symbols
public import SystemPackage

/// What to trace, and how to report it. Times in ns.
public struct CloneOptions: Sendable {
  public var session = SessionOptions()
  /// Until so many clones were seen, where not nil.
  public var clones: UInt64?
  public var filter = CloneFilter()
  public var wishes = CloneWishes()
  /// The filter as reports show it.
  public var filterPart = FilterPart()
  /// Looked up again with every interval: cgroups come and go.
  public var cgroups: [Cgroup] = []
  /// Whether the thread that drains is given the best priority there is, for good.
  public var raisesPriority = true

  public init() {}
}

/// The kernel side of `cloneprof` with its model: what a session of it runs.
public struct CloneTracer: ~Copyable, Tracer {
  private let options: CloneOptions
  private let host: Proc.Host
  private let ladder: [ProbePart]
  private let kernelPhases: KernelPhases
  private var probes: CloneProbes
  private var tracker: CloneTracker
  private var reporter: CloneReporter?
  private var delivered: UInt64 = 0
  private var isSampling = true
  private var drains = 0
  /// Time and number of the clones of the open interval as of the last drain.
  private var recent: (time: UInt64, count: UInt64) = (0, 0)

  /// Attaches.
  ///
  /// - Throws: `BPFError` where the kernel refuses, `ProcError` where /proc can't be read.
  public init(_ options: CloneOptions) throws {
    let host = try Proc.Host.current()
    guard PIDNamespace.isMachines || options.wishes.processes.isEmpty else {
      throw BPFError(
        .unsupported, "tell single processes apart",
        cause: "inside a PID namespace, PIDs differ from the kernel's",
        remedy: "run in the initial namespace, or filter by name or cgroup")
    }
    let cpus = host.presentCPUs.count
    // 64 MiB hold the kernel's BTF and its symbols; each ring is mapped twice.
    try Limit.ensure(
      addressSpace: 64 << 20 + 2 * cpus * CloneProbes.ringSize(cpus: cpus), to: "trace")
    var ladder: [ProbePart] = []
    if options.raisesPriority { ladder.append(raisePriority()) }
    let symbols = try? KernelSymbols.current()
    let probes = try CloneProbes(host, wishes: options.wishes, symbols: symbols)
    if (try? RunTimeStatistics()) == nil {
      ladder.append(
        ProbePart(
          want: "own cost in the kernel", using: "BPF_ENABLE_STATS", state: .no,
          reason: "grant CAP_SYS_ADMIN to see it"))
    }
    self.options = options
    self.host = host
    self.ladder = probes.ladder + ladder
    kernelPhases = Self.phases(symbols)
    tracker = CloneTracker(filter: options.filter, phases: kernelPhases, start: 0)
    self.probes = probes
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

  public var rings: [FileDescriptor] { probes.rings.descriptors }
  /// Records of clones are on CLOCK_MONOTONIC.
  public var clockOffset: UInt64 { 0 }
  public var nextDue: UInt64? { nil }
  public var hasMeasuredCost: Bool { tracker.count > 0 }
  public var isDone: Bool {
    options.clones.map { (reporter?.clones ?? 0) + tracker.count >= $0 } ?? false
  }

  public mutating func begin() throws -> UInt64 {
    var filter = options.filter
    filter.cgroups = try Cgroup.ids(of: options.cgroups)
    let start = Clocks.monotonic
    tracker = CloneTracker(filter: filter, phases: kernelPhases, start: start)
    reporter = CloneReporter(
      host: host, filter: options.filterPart, probes: ladder, coverage: probes.coverage,
      start: start, ringBytes: UInt64(probes.ringBytes))
    return start
  }

  public mutating func attend() throws {}

  public mutating func advance(to horizon: UInt64) throws {
    delivered += UInt64(Self.drain(&probes.rings, into: &tracker, upTo: horizon))
  }

  private static func drain(
    _ rings: inout RingBuffers, into tracker: inout CloneTracker, upTo horizon: UInt64
  ) -> Int {
    rings.drain(upTo: horizon) { record, _ in tracker.consume(record) }
  }

  public mutating func caughtUp(to horizon: UInt64) throws {
    reporter?.lookUp(tracker.takeNew(), of: tracker.open)
    chooseSampling()
  }

  /// Of many short clones a tenth of the time gives samples enough, at a tenth of the cost.
  private mutating func chooseSampling() {
    let (time, count) = (tracker.total &- recent.time, tracker.count &- recent.count)
    recent = (tracker.total, tracker.count)
    drains += 1
    let areManyAndShort = count >= 100 && time / count < 200_000
    let samples = !areManyAndShort || drains % 10 == 0
    if samples != isSampling { probes.setSampling(samples) }
    isSampling = samples
  }

  public mutating func close(at end: UInt64) throws -> CloneSnapshot {
    recent = (0, 0)
    let account = try probes.account()
    guard
      let report = try reporter?.interval(
        tracker.close(at: end), account: account, delivered: delivered)
    else { throw BPFError(.failed, "report", cause: "the run hasn't begun") }
    if !options.cgroups.isEmpty {
      tracker.filter.cgroups = (try? Cgroup.ids(of: options.cgroups)) ?? []
    }
    return report
  }

  public mutating func follow(_ host: Proc.Host) throws -> [FileDescriptor] {
    var new: [FileDescriptor] = []
    for cpu in host.presentCPUs where !probes.rings.cpus.contains(cpu) {
      // Without a ring the CPU's records are counted as lost, and shown.
      guard (try? probes.addRing(cpu: cpu)) != nil else { continue }
      if let ring = probes.rings.descriptors.last { new.append(ring) }
    }
    probes.followClocks(onlineCPUs: host.onlineCPUs)
    return new
  }

  public mutating func stop() throws { try probes.stop() }

  public mutating func finish(at end: UInt64) throws -> [CloneSnapshot] {
    let last = try close(at: end)
    guard let total = try reporter?.final() else { return [last] }
    return [last, total]
  }
}
