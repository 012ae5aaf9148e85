import BPF
public import CloneModel
import Glibc
public import Input
public import Proc
import Records
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
  public var probeOptions = CloneProbeOptions()
  /// The filter as reports show it.
  public var filterPart = FilterPart()
  /// Looked up again with every interval: cgroups come and go.
  public var cgroups: [Cgroup] = []
  /// Whether the thread that drains is given the best priority there is, for good.
  public var raisesPriority = true
  /// The schema of the native histograms that reports are to have; nil: none.
  public var nativeSchema: Int?
  /// Whether the functions that call are named: that takes the symbols of their programs, a hundred megabytes
  /// and more.
  public var namesCallers = true

  public init() {}
}

/// The kernel side of `cloneprof` with its model: what a session of it runs.
public struct CloneTracer: ~Copyable, Tracer {
  private let options: CloneOptions
  private let host: Proc.Host
  private let ladder: [ProbePart]
  private let kernelPhases: KernelRanges<KernelPhases.Phase>
  private let afterFork: KernelRanges<AfterFork.Place>
  private var probes: CloneProbes
  /// The model, and what entered it.
  public private(set) var door: Door<CloneAnalysis>
  private var names: UserNames
  private var stacks = UnwoundStacks()
  private var wallClock = WallClock(at: 0, wall: 0)
  private var delivered: UInt64 = 0
  private var isSampling = true
  private var turns = 0
  /// The clones as of when their rate was last judged, and when that was.
  private var judged: (count: UInt64, at: UInt64) = (0, 0)
  /// Whether clones come fast enough to sample only part of the time.
  private var isBusy = false

  /// What a recording can begin with anew.
  private var segments: CloneSegments?

  /// Attaches.
  ///
  /// - Parameter recorder: gets all input, with what is needed to begin anew with any part of it.
  /// - Throws: `BPFError` where the kernel refuses, `ProcError` where /proc can't be read.
  public init(_ options: CloneOptions, recorder: (any InputRecorder)? = nil) throws {
    let host = try Proc.Host.current()
    guard PIDNamespace.isInitial || options.probeOptions.processes.isEmpty else {
      throw BPFError(
        .unsupported, "filter by PID",
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
    let kernelPhases = Self.ranges(KernelPhases.functions.map { ($0.phase, $0.names) }, symbols)
    let afterFork = Self.ranges(AfterFork.functions.map { ($0.place, $0.names) }, symbols)
    var probeOptions = options.probeOptions
    probeOptions.copiesStacks = options.namesCallers && UnwoundStacks.reasonAgainst == nil
    let probes = try CloneProbes(host, probeOptions: probeOptions, symbols: symbols)
    if (try? RunTimeStatistics()) == nil {
      ladder.append(
        ProbePart(
          feature: "BPF overhead", probe: "BPF_ENABLE_STATS", available: .no,
          reason: "grant CAP_SYS_ADMIN"))
    }
    self.options = options
    self.host = host
    self.ladder = probes.ladder + ladder
    self.kernelPhases = kernelPhases
    self.afterFork = afterFork
    door = Door(CloneAnalysis(), recorder: recorder)
    self.probes = probes
    names = UserNames(namesCallers: options.namesCallers)
  }

  /// Where the functions stand that tell parts apart.
  private static func ranges<Part>(
    _ functions: [(part: Part, names: [String])], _ symbols: KernelSymbols?
  ) -> KernelRanges<Part> {
    guard let symbols else { return KernelRanges([]) }
    let found = symbols.addresses(named: Set(functions.flatMap(\.names)))
    return KernelRanges(
      functions.flatMap { part, names in
        names.flatMap { found[$0] ?? [] }.map {
          ($0.range.lowerBound, $0.range.upperBound, part)
        }
      })
  }

  public var rings: [FileDescriptor] { probes.rings.descriptors }
  /// Records of clones are on CLOCK_MONOTONIC.
  public var clockOffset: UInt64 { 0 }
  public var nextDue: UInt64? { nil }
  /// Short if callers are to be named, as they may exit soon, or while samples are taken only part of the time.
  /// Exporters don't name callers; names of what short-lived processes map can be missing there.
  public var drainPeriod: UInt64 {
    options.namesCallers || isBusy ? SessionTiming.promptDrainPeriod : SessionTiming.drainPeriod
  }
  public var hasMeasuredCost: Bool { door.model.openCount > 0 }
  public var isDone: Bool { options.clones.map { door.model.count >= $0 } ?? false }

  public mutating func begin() throws -> UInt64 {
    var setup = CloneSetup(
      filter: options.filter, kernelPhases: kernelPhases, afterFork: afterFork,
      afterForkPeriod: probes.afterForkPeriod,
      coverage: probes.coverage,
      pageSize: UInt64(getpagesize()), pidsAreGlobal: PIDNamespace.isInitial,
      host: HostPart(
        names: [host.hostname], kernels: [host.kernelRelease], cpus: host.onlineCPUCount),
      filterPart: options.filterPart, probes: ladder, ringBytes: UInt64(probes.ringBytes),
      interval: options.session.interval)
    setup.nativeSchema = options.nativeSchema
    try door.observe(.setUp(setup))
    let ids = try Cgroup.ids(of: options.cgroups)
    if let ids { try door.observe(.cgroups(ids)) }
    if door.isRecording {
      segments = CloneSegments(setup)
      try door.observe(.cgroupPaths(Cgroup.all()))
    }
    let start = Clocks.monotonic
    wallClock = WallClock(at: start, wall: Clocks.wall)
    var reading = try reading(at: start)
    // Of what is in the rings already, some will be delivered.
    reading.counters = CloneCounters()
    try door.observe(.begins(reading))
    return start
  }

  private mutating func reading(at time: UInt64) throws -> CloneReading {
    var counters = try probes.counters()
    counters.delivered = delivered
    return CloneReading(
      at: time, wall: wallClock.boundary(time, now: Clocks.monotonic, wall: Clocks.wall),
      counters: counters,
      own: OwnUsage(
        cpuNs: try SelfUsage.cpuTime(), residentBytes: try SelfUsage.residentBytes(),
        namesLeftOut: Lookups.shared.leftOut),
      onlineCPUs: (try? Proc.Host.current().onlineCPUCount) ?? host.onlineCPUCount)
  }

  public mutating func attend() throws {}

  public mutating func advance(to horizon: UInt64) throws {
    stacks.beginDrain()
    delivered += UInt64(Self.drain(&probes.rings, into: &door, &stacks, upTo: horizon))
    door.passOn(at: Clocks.wall)
  }

  private static func drain(
    _ rings: inout RingBuffers, into door: inout Door<CloneAnalysis>,
    _ stacks: inout UnwoundStacks, upTo horizon: UInt64
  ) -> Int {
    let isKept = door.kept != nil
    func put(_ stack: sonde_stack?, _ cpu: Int) {
      guard let stack else { return }
      let bytes = unsafe withUnsafeBytes(of: stack) { unsafe Array($0) }
      unsafe door.record(bytes.span.bytes, cpu: cpu)
    }
    return rings.drain(upTo: horizon) { record, cpu in
      switch UnwoundStacks.kind(of: record) {
      case SONDE_KIND_STACK_COPY.rawValue: return stacks.keep(record)
      case SONDE_KIND_CLONE.rawValue: put(stacks.stack(ofEnded: record), cpu)
      case SONDE_KIND_PAGE_COPY.rawValue: put(stacks.stack(ofPageCopy: record), cpu)
      default: break
      }
      if isKept { door.record(record, cpu: cpu) } else { door.model.record(record, cpu: cpu) }
    }
  }

  public mutating func caughtUp(to horizon: UInt64) throws {
    try resolve()
    chooseSampling()
  }

  /// Looks up names while those who have them may still be there.
  private mutating func resolve() throws {
    let lookups = door.model.takeLookups()
    guard !lookups.isEmpty else { return }
    let answers = names.answers(to: lookups)
    segments?.note(answers)
    try door.observe(.names(answers))
  }

  /// Of many clones a tenth of the time gives samples enough, at a tenth of the cost.
  private mutating func chooseSampling() {
    let now = Clocks.monotonic
    let (count, time) = (door.model.count &- judged.count, now &- judged.at)
    guard count >= 100 || time >= SessionTiming.promptDrainPeriod else { return }
    // At least 100 per prompt drain period.
    isBusy = count &* SessionTiming.promptDrainPeriod >= 100 &* time
    judged = (door.model.count, now)
    turns += 1
    let samples = !isBusy || turns % 10 == 0
    if samples != isSampling { probes.setSampling(samples) }
    isSampling = samples
  }

  /// What those have so far that live.
  private mutating func readFaults(at time: UInt64) throws {
    guard options.probeOptions.faults else { return }
    for record in try probes.writeFaults(at: time) {
      let bytes = unsafe withUnsafeBytes(of: record) { unsafe Array($0) }
      unsafe door.record(bytes.span.bytes, cpu: 0)
    }
  }

  public mutating func close(at end: UInt64) throws -> CloneSnapshot {
    try readFaults(at: end)
    try resolve()
    let reading = try reading(at: end)
    let report = try report(.closes(reading))
    let ids = options.cgroups.isEmpty ? nil : (try? Cgroup.ids(of: options.cgroups)) ?? []
    if let ids { try door.observe(.cgroups(ids)) }
    if segments?.isDue(at: end) ?? false,
      let prologue = try segments?.begin(reading, matching: ids, Cgroup.all())
    {
      door.beginSegment(prologue, at: Clocks.wall)
      // Its readers count from here on.
      try readFaults(at: end)
    }
    return report
  }

  public mutating func follow(_ host: Proc.Host) throws -> [FileDescriptor] {
    defer { probes.followClocks(onlineCPUs: host.onlineCPUs) }
    return probes.addRings(missingOf: host.presentCPUs)
  }

  public mutating func stop() throws { try probes.stop() }

  public mutating func finish(at end: UInt64) throws -> [CloneSnapshot] {
    try resolve()
    try readFaults(at: end)
    try door.observe(.ends(at: end))
    try advance(to: .max)
    let interval = try report(.closes(try reading(at: end)))
    let total = try report(.totals)
    door.passOnAll(at: Clocks.wall)
    return [interval, total]
  }

  private mutating func report(_ observation: CloneObservation) throws -> CloneSnapshot {
    guard let report = try door.observe(observation) else {
      throw BPFError(.failed, "report", cause: "the run hasn't started")
    }
    return report
  }
}
