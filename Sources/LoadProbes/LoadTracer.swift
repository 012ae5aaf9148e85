import BPF
import Glibc
public import Input
public import LoadModel
public import Proc
public import Reports
public import Session
public import SystemPackage
import Tasks

/// What to trace, and how to report it. Times in ns.
public struct LoadOptions: Sendable {
  public var session = SessionOptions()
  public var filter = TaskFilter()
  /// The filter as reports show it.
  public var filterPart = FilterPart()
  /// Those that match are looked up again and again: cgroups come and go.
  public var cgroups: [Cgroup] = []
  /// What the load attribution tells tasks apart by, at most two.
  public var by: [Grouping] = [.process, .site]
  /// Whether each sleep in D is reported with its stack, and not only those at the load samples.
  public var stacks = false
  /// Whether reports list all victims and culprits that were kept, not only the largest.
  public var culprits = false
  /// The schema of the native histograms that reports are to have; nil: none.
  public var nativeSchema: Int?
  /// Bytes per ring; nil for one that suits the number of CPUs.
  public var ringSize: Int?
  /// Whether the thread that drains is given the best priority there is, for good.
  public var raisesPriority = true
  /// Whether all input is kept: see ``LoadTracer/door``.
  public var keepsInput = false

  public init() {}
}

/// The kernel side of `loadwatch` with its model: what a session of it runs.
public struct LoadTracer: ~Copyable, Tracer {
  let options: LoadOptions
  let host: Proc.Host
  private let ladder: [ProbePart]
  var probes: SchedProbes
  /// The model, and what entered it.
  public internal(set) var door: Door<LoadAnalysis>
  var resolver = LookupResolver()
  private(set) var delivered: UInt64 = 0
  /// The records as of when their rate was last judged, and when that was, run queue clock.
  private var judged: (delivered: UInt64, at: UInt64) = (0, 0)
  /// Whether the event rate is high.
  private var isBusy = false
  private(set) var scans = ScanCost()
  /// The load sample that the kernel side knows of, CLOCK_MONOTONIC.
  private var announced: UInt64 = 0
  /// Who was held up at the sample that is taken next, and by whom.
  private var heldUp: (sample: UInt64, throttled: Set<UInt32>, waits: [LockWait])?
  var wallClock = WallClock(at: 0, wall: 0)
  /// When the CPUs' frequency limits were read, and what they were.
  var frequency: (at: UInt64, limit: CPUsPart.CappedPart?)?
  /// Time of the sample that is to be settled, run queue clock.
  private var sampledAt: UInt64 = 0
  /// What a recording can begin with anew.
  var segments: LoadSegments?

  private static let commitSlack = SessionTiming.commitSlack
  /// A sleep in D that begins this long before a load sample, or later, is reported with its stack by the kernel
  /// side; older ones are found by the iterator.
  private static let reportedBefore: UInt64 = 50_000_000
  /// Per prompt drain period: processing this many records costs more than a wakeup.
  private static let manyRecords: UInt64 = 2_000
  /// In it the tick has counted this CPU's tasks: to be woken earlier would be to be counted.
  private static let tickSlack: UInt64 = 5_000
  /// Counters that are read later than that after a sample say nothing of that time.
  private static let mostDelay: UInt64 = 1_000_000_000

  struct ScanCost {
    var at: UInt64 = 0
    var cost: UInt64 = 0
    var total: UInt64 = 0

    /// At most a fiftieth of the time goes into task scans.
    func isAffordable(at time: UInt64) -> Bool { time - at >= 50 * cost }
  }

  /// Attaches.
  ///
  /// - Parameter recorder: gets all input, with what is needed to begin anew with any part of it.
  /// - Throws: `BPFError` where the kernel refuses, `ProcError` where /proc can't be read.
  public init(_ options: LoadOptions, recorder: (any InputRecorder)? = nil) throws {
    let host = try Proc.Host.current()
    let cpus = host.presentCPUs.count
    // 64 MiB hold the kernel's BTF, its symbols and a machine of tasks; each ring is mapped twice.
    let rings = cpus * (options.ringSize ?? SchedProbes.ringSize(cpus: cpus))
    try Limit.ensure(addressSpace: 64 << 20 + 2 * rings, to: "trace")
    // First: under full load to attach takes seconds without.
    let priority = options.raisesPriority ? [raisePriority()] : []
    var probes = try Self.attach(
      possibleCPUs: (host.possibleCPUs.last ?? 0) + 1, cpus: host.presentCPUs,
      ringSize: options.ringSize)
    var ladder = probesOfAttached() + priority
    try probes.synchronizeClocks()
    if !probes.seesAllTasks, !(options.filter.processes.isEmpty && options.filter.threads.isEmpty) {
      throw BPFError(
        .unsupported, "filter by PID",
        cause: "inside a PID namespace, PIDs differ from the kernel's",
        remedy: "run in the initial namespace, or filter by name or cgroup")
    }
    ladder.append(probes.loadSampleSource)
    ladder.append(
      ProbePart(
        feature: "who holds a kernel lock", probe: probes.lockSource ?? "iter/task",
        available: .yes,
        reason: probes.lockSource == nil
          ? "only mmap_locks: the kernel has no raw_tp/contention_begin (Linux 5.19)" : nil))
    self.options = options
    self.host = host
    self.ladder = ladder
    self.probes = probes
    door = Door(LoadAnalysis(), keepsInput: options.keepsInput, recorder: recorder)
  }

  /// What the kernel lacks is looked for where it has refused: to read its BTF for that takes time.
  private static func attach(
    possibleCPUs: Int, cpus: [Int], ringSize: Int?
  ) throws(BPFError) -> SchedProbes {
    do {
      return try SchedProbes(possibleCPUs: possibleCPUs, cpus: cpus, ringSize: ringSize)
    } catch  where error.kind != .notPermitted {
      throw missingProbe() ?? error
    }
  }

  public var rings: [FileDescriptor] { probes.rings.descriptors }
  public var clockOffset: UInt64 { probes.clockOffset ?? 0 }
  public var isDone: Bool { false }
  public var hasMeasuredCost: Bool { true }

  /// Short until the first load sample, because each wakeup refines the estimate of when it occurs, and at
  /// high event rates, because a long drain would delay everything else.
  public var drainPeriod: UInt64 {
    door.model.wantsLook || isBusy ? SessionTiming.promptDrainPeriod : SessionTiming.drainPeriod
  }

  public var nextDue: UInt64? {
    var times: [UInt64] = []
    if let sample = door.model.nextSample {
      // Once right after it, for what the kernel side notes then; once to take it.
      let after = sample + Self.tickSlack
      times.append(after > Clocks.monotonic ? after : sample + Self.commitSlack)
    }
    if let due = door.model.settlesAt { times.append(due + Self.commitSlack) }
    return times.min()
  }

  // MARK: - The run

  public mutating func begin() throws -> UInt64 {
    let takesSamples = options.filter.isEmpty && options.cgroups.isEmpty
    var setup = LoadSetup(
      cpus: (host.possibleCPUs.last ?? 0) + 1, interval: options.session.interval,
      filter: options.filter, by: options.by, followsStacks: options.stacks,
      takesSamples: takesSamples, pidsAreGlobal: probes.seesAllTasks,
      host: HostPart(
        names: [host.hostname], kernels: [host.kernelRelease], cpus: host.onlineCPUCount),
      filterPart: options.filterPart, probes: ladder, ringBytes: UInt64(probes.ringBytes),
      isRecorded: door.isRecording ? true : nil, wantsCulprits: options.culprits)
    setup.nativeSchema = options.nativeSchema
    try door.observe(.setUp(setup))
    if door.isRecording {
      segments = LoadSegments(setup)
      try door.observe(.cgroupPaths(Cgroup.all()))
    }
    try scan(boundary: 0, cgroups: try Cgroup.ids(of: options.cgroups))
    if options.stacks {
      try probes.reportWaits(from: 0, to: .max, sample: 0)
      try findWaiters()
    }
    let start = Clocks.monotonic &+ clockOffset
    wallClock = WallClock(at: start, wall: Clocks.wall)
    var reading = try reading(at: start)
    // Of what is in the rings already, some will be delivered.
    reading.counters = LoadCounters()
    try door.observe(.begins(reading, load: LoadReading(shown: reading.load, exact: nil)))
    try resolve(forReport: true)
    return start
  }

  public mutating func attend() throws {
    let now = Clocks.monotonic
    if let ticks = probes.ticks {
      try door.observe(.ticks(monotonic: ticks.monotonic, jiffies: ticks.jiffies, now: now))
      if door.model.wantsAverages(monotonic: ticks.monotonic, now: now) {
        try door.observe(.averages(LoadReading(shown: shownLoad(), exact: probes.exactLoad)))
      }
    }
    if let sample = door.model.nextSample, Clocks.monotonic >= sample {
      try findHeldUp(at: sample)
    }
    try announce()
  }

  /// Of the sleeps in D that go on at the next load sample, the kernel side reports those that began
  /// shortly before; of the others the iterator does.
  private mutating func announce() throws {
    guard let next = door.model.nextSample, next != announced else { return }
    announced = next
    let instant = next &+ clockOffset
    try probes.reportWaits(
      from: options.stacks ? 0 : instant &- Self.reportedBefore,
      to: options.stacks ? .max : instant &+ Self.commitSlack, sample: next)
  }

  public mutating func advance(to horizon: UInt64) throws {
    while let next = door.model.nextSample, next &+ clockOffset <= horizon {
      try drain(upTo: next &+ clockOffset)
      // The one before, where this comes late.
      try settle(isLate: true)
      let before = Clocks.monotonic
      try take(sample: next)
      scans.total += Clocks.monotonic - before
    }
    try drain(upTo: horizon)
    door.passOn(at: Clocks.wall)
  }

  private mutating func drain(upTo horizon: UInt64) throws {
    try door.observe(.rings(probes.ringReadings()))
    // The closure takes the model out for the time: no exclusivity check per record.
    delivered += UInt64(Self.drain(&probes.rings, into: &door, upTo: horizon))
  }

  private static func drain(
    _ rings: inout RingBuffers, into door: inout Door<LoadAnalysis>, upTo horizon: UInt64
  ) -> Int {
    guard door.kept == nil else {
      return rings.drain(upTo: horizon) { record, cpu in door.record(record, cpu: cpu) }
    }
    return rings.drain(upTo: horizon) { record, cpu in door.model.record(record, cpu: cpu) }
  }

  /// Takes a load sample, up to which all records were taken.
  private mutating func take(sample time: UInt64) throws {
    // Late, if there was no time before.
    try findHeldUp(at: time)
    let throttled = heldUp?.throttled ?? []
    let waits = heldUp?.waits ?? []
    heldUp = nil
    sampledAt = time &+ clockOffset
    if door.model.hasUnknownWait(at: sampledAt) { try findWaiters() }
    try nameTasks(at: sampledAt)
    let isInTime = Clocks.monotonic &- time < Self.mostDelay
    if isInTime, !waits.isEmpty { try door.observe(.holders(waits)) }
    try door.observe(
      .sample(
        SampleReading(
          time: time, clockOffset: clockOffset, throttled: throttled,
          delayed: probes.delayed(at: time), counters: isInTime ? try counters() : nil,
          system: isInTime ? SystemCounters.current() : nil)))
    try resolve()
    try door.observe(.sampleEnds)
  }

  public mutating func caughtUp(to horizon: UInt64) throws {
    let time = horizon &- judged.at
    if time >= SessionTiming.promptDrainPeriod / 2 {
      isBusy =
        (delivered &- judged.delivered) &* SessionTiming.promptDrainPeriod
        >= Self.manyRecords &* time
      judged = (delivered, horizon)
    }
    guard let due = door.model.settlesAt, horizon &- clockOffset >= due else { return }
    let before = Clocks.monotonic
    if scans.isAffordable(at: before), !door.model.isRetrying {
      try scan(boundary: horizon, isComplete: false)
      scans.total += Clocks.monotonic - before
    }
    // What the kernel side notes for this thread it notes as it is given a CPU.
    for _ in 0..<100 where probes.ticks?.monotonic ?? due < due { usleep(200) }
    try settle(isLate: false)
  }

  /// Looks what the kernel made of its last sample.
  ///
  /// - Parameter isLate: at once, come what may: the next one has been already.
  private mutating func settle(isLate: Bool) throws {
    guard door.model.settlesAt != nil else { return }
    let reading = LoadReading(shown: try shownLoad(), exact: isLate ? nil : probes.exactLoad)
    try door.observe(
      .settles(reading, isLate: isLate, wall: wallClock.time(of: sampledAt)))
    try resolve()
    try door.observe(.settleEnds)
  }

  public mutating func close(at end: UInt64) throws -> LoadSnapshot {
    if let online = try? Proc.Host.current().onlineCPUs {
      try door.observe(.online(online, at: end))
    }
    let before = door.keptCount
    let hasScanned = try scanIfAffordable(boundary: end)
    let scan = hasScanned ? door.entries(from: before) : []
    if hasScanned, door.model.wantsLook { try look(at: end) }
    let reading = try reading(at: end)
    try resolve(forReport: true)
    let report = try report(.closes(reading))
    if hasScanned, segments?.isDue(at: end) ?? false { try beginSegment(reading, scan: scan) }
    return report
  }

  /// Before the first load sample: who is active now.
  private mutating func look(at end: UInt64) throws {
    if door.model.hasUnknownWait(at: end) { try findWaiters() }
    try nameTasks(at: end)
    try door.observe(.looks(at: end, throttled: probes.heldUp().throttled))
    try resolve()
    try door.observe(.lookEnds)
  }

  /// A replay can begin here.
  private mutating func beginSegment(_ reading: IntervalReading, scan: [UInt8]) throws {
    let waiters = try probes.uninterruptibleTasks()
    let cgroups = Cgroup.all()
    guard let prologue = try segments?.begin(reading, scan: scan, waiters, cgroups) else { return }
    door.beginSegment(prologue, at: Clocks.wall)
  }

  public mutating func follow(_ host: Proc.Host) throws -> [FileDescriptor] {
    probes.addRings(missingOf: host.presentCPUs)
  }

  public mutating func stop() throws { try probes.stop() }

  public mutating func finish(at end: UInt64) throws -> [LoadSnapshot] {
    if try scanIfAffordable(boundary: end), door.model.wantsLook { try look(at: end) }
    let reading = try reading(at: end)
    try resolve(forReport: true)
    try door.observe(.ends(at: end))
    try drain(upTo: .max)
    var last = reading
    last.counters = try counters()
    try resolve(forReport: true)
    let interval = try report(.closes(last))
    try resolve()
    let total = try report(.totals)
    door.passOnAll(at: Clocks.wall)
    return interval.intervalNs > 0 ? [interval, total] : [total]
  }

  private mutating func report(_ observation: LoadObservation) throws -> LoadSnapshot {
    guard let report = try door.observe(observation) else {
      throw BPFError(.failed, "report", cause: "the run hasn't started")
    }
    return report
  }
}

// MARK: - Tasks

extension LoadTracer {
  /// - Returns: whether it was.
  @discardableResult
  private mutating func scanIfAffordable(boundary: UInt64) throws -> Bool {
    let before = Clocks.monotonic
    // A task that two scans in a row don't find is forgotten: between them all must have been
    // taken that was in the rings as the first one looked, the task's own end too. Not so where
    // this comes late and has several boundaries to catch up with.
    guard scans.isAffordable(at: before), boundary &- clockOffset > scans.at else { return false }
    try scan(boundary: boundary, cgroups: try? Cgroup.ids(of: options.cgroups))
    let now = Clocks.monotonic
    scans.at = now
    scans.cost = now - before
    scans.total += now - before
    return true
  }

  private mutating func scan(
    boundary: UInt64, cgroups: Set<UInt64>? = nil, isComplete: Bool = true
  ) throws {
    let isComplete = isComplete && probes.seesAllTasks
    try door.observe(
      .scanBegins(
        TaskScan(
          clockOffset: clockOffset, boundary: boundary, isComplete: isComplete, cgroups: cgroups)))
    try Self.scan(probes, into: &door)
    try door.observe(.scanEnds)
  }

  private static func scan(
    _ probes: borrowing SchedProbes, into door: inout Door<LoadAnalysis>
  ) throws(BPFError) {
    try probes.forEachTask { record in door.scanned(record) }
  }

  /// Right after a sample: looks who is held up, which may be over a moment later.
  private mutating func findHeldUp(at sample: UInt64) throws(BPFError) {
    // Its time may be known a little better in between.
    if let known = heldUp?.sample, max(known, sample) - min(known, sample) < 1_000_000_000 {
      return
    }
    let (throttled, waits) = try probes.heldUp()
    heldUp = (sample, throttled, waits)
  }

  private mutating func findWaiters() throws {
    for (tid, frames) in try probes.uninterruptibleTasks() {
      try door.observe(.waiter(tid: tid, frames: frames))
    }
  }
}
