import BPF
import FoundationEssentials
import Glibc
public import LoadModel
public import Proc
public import Reports
public import SystemPackage
import Session

/// What to watch, and for how long. Times in ns.
public struct WatchOptions: Sendable {
  public var interval: UInt64 = 1_000_000_000
  /// Until stopped, where nil.
  public var duration: UInt64?
  public var filter = TaskFilter()
  /// The filter as the snapshots tell it.
  public var filterPart = FilterPart()
  /// Processes, or single threads: the watch ends with the last of them.
  public var processes: [Int32] = []
  /// Where the snapshots are written to: the watch ends once nobody reads there.
  public var output: FileDescriptor?
  /// Those that match are looked up again and again: cgroups come and go.
  public var cgroups: [Cgroup] = []
  /// What the load account tells tasks apart by, at most two.
  public var by: [Grouping] = [.process, .site]
  /// Whether each sleep in D is told with its stack, and not only those at the load samples.
  public var stacks = false
  /// Bytes per ring; nil for one that suits the number of CPUs.
  public var ringSize: Int?
  /// Whether the thread that watches is given the best priority there is, for good.
  public var raisesPriority = true

  public init() {}
}

/// A running watch: attaches, drains, and tells of each interval as it ends.
public struct LoadWatch: ~Copyable {
  /// What ended it.
  public enum End: Sendable, Equatable {
    case over
    case signal(Int32)
    case processesEnded
    /// `emit` wanted no more.
    case stopped
  }

  private let options: WatchOptions
  private let host: Proc.Host
  private var probes: SchedProbes
  private var tracker: LoadTracker
  private var losses: LossLedger
  private var loop: EventLoop
  private var reporter: Reporter
  private var delivered: UInt64 = 0
  private var runTimes: RunTimeStatistics?
  private var measuredUntil: UInt64 = 0
  /// The load sample that the kernel side knows of, CLOCK_MONOTONIC.
  private var announced: UInt64 = 0
  private var lastSurvey = SurveyCost()
  private var sites: WaitSites
  /// Nil where not all tasks are watched: the load is that of all.
  private var sampling: LoadSampling?

  /// How often the rings are drained at least.
  private static let drainPeriod: UInt64 = 50_000_000
  /// From reading the clock to the record's being there a program takes far less than a microsecond,
  /// unless the hypervisor takes the CPU away in between. A record that comes even later is taken
  /// out of order.
  private static let commitSlack: UInt64 = 10_000_000

  /// In it the tick has counted this CPU's tasks: to be woken earlier would be to be counted.
  private static let tickSlack: UInt64 = 5_000

  private struct SurveyCost {
    var at: UInt64 = 0
    var cost: UInt64 = 0
    var total: UInt64 = 0

    /// At most a fiftieth of the time goes into surveys.
    func isAffordable(at time: UInt64) -> Bool { time - at >= 50 * cost }
  }

  /// Attaches and gets to know every task. Counting begins as this returns.
  ///
  /// Signals that end a watch no longer end the process from here on, as long as this is held.
  ///
  /// - Throws: `BPFError` where the kernel refuses or a process to wait for isn't there, `ProcError`
  ///   where /proc can't be read.
  public init(_ options: WatchOptions) throws {
    let host = try Proc.Host.current()
    var ladder = loadProbes()
    if let missing = ladder.first(where: { $0.state == .no && Self.isRequired($0) }) {
      throw BPFError(
        .unsupported, "see \(missing.want)", cause: missing.reason,
        remedy: "`loadwatch probes` tells what this kernel has")
    }
    // First: under full load to attach takes seconds without.
    if options.raisesPriority { ladder.append(raisePriority()) }
    var probes = try SchedProbes(
      possibleCPUs: (host.possibleCPUs.last ?? 0) + 1, cpus: host.presentCPUs,
      ringSize: options.ringSize)
    var loop = try EventLoop(
      signals: [SIGINT, SIGTERM, SIGHUP], rings: probes.rings.descriptors, output: options.output)
    for pid in options.processes {
      try Self.watch(pid, in: &loop)
    }
    try probes.synchronizeClocks()
    if !probes.seesAllTasks, !(options.filter.processes.isEmpty && options.filter.threads.isEmpty) {
      throw BPFError(
        .unsupported, "tell single processes apart",
        cause: "in a PID namespace of one's own ids are not the kernel's",
        remedy: "run in the machine's own, or filter by name or cgroup")
    }
    var tracker = LoadTracker(
      cpus: (host.possibleCPUs.last ?? 0) + 1, filter: options.filter, interval: options.interval)
    try probes.survey(&tracker, boundary: 0, cgroups: try Cgroup.ids(of: options.cgroups))
    let start = Clocks.monotonic &+ (probes.clockOffset ?? 0)
    var sites = WaitSites()
    if options.stacks {
      tracker.waitStacks = WaitStacks()
      try probes.tellWaits(from: 0, to: .max, sample: 0)
      try probes.forEachWaiter(inD: true) { tid, isThrottled, frames in
        if !isThrottled { tracker.found(waiter: tid) { sites.number(frames) } }
      }
    }
    tracker.begin(at: start)
    let exact = probes.kernelLoad
    sampling =
      options.filter.isEmpty && options.cgroups.isEmpty
      ? try LoadSampling(
        by: options.by, now: Clocks.monotonic) : nil
    ladder.append(
      ProbePart(
        want: "the kernel's load samples",
        using: exact == nil ? "jiffies, /proc/loadavg" : "jiffies, calc_load_tasks, avenrun",
        state: .yes,
        reason: exact == nil ? "the kernel has no symbols for data, or they may not be seen" : nil))
    self.reporter = Reporter(
      host: host, filter: options.filterPart, probes: ladder, start: start,
      ringBytes: UInt64(probes.ringBytes), watched: options.cgroups)
    self.options = options
    self.host = host
    self.probes = probes
    self.tracker = tracker
    losses = LossLedger(cpus: (host.possibleCPUs.last ?? 0) + 1)
    self.loop = loop
    self.sites = sites
    measure()
  }

  private mutating func measure() {
    runTimes = try? RunTimeStatistics()
    measuredUntil = Clocks.monotonic + Self.drainPeriod
  }

  /// Runs to the end. `emit` gets a snapshot per interval and at last the one of the whole watch.
  ///
  /// - Parameter emit: returns whether to go on.
  public mutating func run(_ emit: (LoadSnapshot) throws -> Bool) throws -> End {
    let last = options.duration.map { reporter.start + $0 }
    var boundary = reporter.start
    var end: End?
    advance(&boundary, last: last)
    while end == nil {
      let offset = probes.clockOffset ?? 0
      var next = min(
        Clocks.monotonic + Self.drainPeriod, boundary &- offset &+ Self.commitSlack)
      if let sample = sampling?.next {
        // Once right after it, for what the kernel side notes then; once to take it.
        let after = sample + Self.tickSlack
        next = min(next, after > Clocks.monotonic ? after : sample + Self.commitSlack)
      }
      if let due = sampling?.due { next = min(next, due + Self.commitSlack) }
      let wakeup = try loop.wait(until: next)
      // Its own cost is measured for one drain's time per interval.
      if Clocks.monotonic >= measuredUntil { runTimes = nil }

      let horizon = Clocks.monotonic &+ (probes.clockOffset ?? offset) &- Self.commitSlack
      if let ticks = probes.ticks {
        try sampling?.learn(ticks: ticks, now: Clocks.monotonic, exact: probes.kernelLoad)
      }
      if let sample = sampling?.next, Clocks.monotonic >= sample {
        try sampling?.lookForThrottled(probes)
      }
      try announce(offset: probes.clockOffset ?? offset)
      while end == nil, boundary <= horizon {
        try sample(upTo: boundary, offset: probes.clockOffset ?? offset)
        if boundary == last {
          end = .over
          break
        }
        drain(upTo: boundary)
        if let online = try? Proc.Host.current().onlineCPUs {
          tracker.keepRunning(onlyOn: online, at: boundary)
        }
        try survey(boundary: boundary)
        let interval = close(at: boundary)
        let snapshot = try reporter.interval(interval, account: account(), self.cost, sampling)
        if try !emit(snapshot) { end = .stopped }
        addRingsForNewCPUs()
        measure()
        advance(&boundary, last: last)
      }
      if end == nil {
        try sample(upTo: horizon, offset: probes.clockOffset ?? offset)
        drain(upTo: horizon)
        try settle(upTo: horizon)
      }
      if let signal = wakeup.signal { end = end ?? .signal(signal) }
      if wakeup.allProcessesEnded, end == nil {
        // The kernel tells of an end (exit_notify()) before the task's last switch.
        usleep(UInt32(Self.commitSlack / 1000))
        end = .processesEnded
      }
      if wakeup.outputClosed { end = end ?? .stopped }
    }
    try finish(at: end == .over ? last : nil, emit)
    return end ?? .over
  }

  private func advance(_ boundary: inout UInt64, last: UInt64?) {
    boundary += options.interval
    if let last, boundary > last { boundary = last }
  }

  /// Of the sleeps in D that go on at the next load sample, the kernel side tells those that began
  /// shortly before; of the others the iterator tells.
  private mutating func announce(offset: UInt64) throws {
    guard let next = sampling?.next, next != announced else { return }
    announced = next
    let instant = next &+ offset
    try probes.tellWaits(
      from: options.stacks ? 0 : instant &- Self.drainPeriod,
      to: options.stacks ? .max : instant &+ Self.commitSlack, sample: next)
  }

  /// Takes the kernel's load samples before `horizon`, run queue clock.
  private mutating func sample(upTo horizon: UInt64, offset: UInt64) throws {
    while let next = sampling?.next, next &+ offset <= horizon {
      // The one before, where this comes late.
      try settle(upTo: nil)
      drain(upTo: next &+ offset)
      let before = Clocks.monotonic
      try sampling?.take(at: next, clockOffset: offset, &tracker, &sites, probes)
      lastSurvey.total += Clocks.monotonic - before
    }
  }

  /// Looks what the kernel made of its last sample, once it has.
  ///
  /// - Parameter horizon: up to when records were consumed; nil for at once, come what may.
  private mutating func settle(upTo horizon: UInt64?) throws {
    guard let due = sampling?.due else { return }
    guard let horizon else {
      try sampling?.settle(isLate: true, exact: nil, &tracker, &sites, probes)
      return
    }
    guard horizon &- (probes.clockOffset ?? 0) >= due else { return }
    let before = Clocks.monotonic
    if lastSurvey.isAffordable(at: before), sampling?.isRetrying == false {
      try probes.look(&tracker, boundary: horizon)
      lastSurvey.total += Clocks.monotonic - before
    }
    // What the kernel side notes for this thread it notes as it is given a CPU.
    for _ in 0..<100 where probes.ticks?.monotonic ?? due < due { usleep(200) }
    try sampling?.settle(isLate: false, exact: probes.kernelLoad, &tracker, &sites, probes)
  }

  private mutating func drain(upTo horizon: UInt64) {
    probes.note(&losses)
    // The closure takes the tracker out for the time: no exclusivity check per record.
    delivered += UInt64(Self.drain(&probes.rings, into: &tracker, upTo: horizon))
    for cpu in probes.rings.cpus {
      losses.book(cpu: cpu, taken: tracker.taken[cpu], gaps: tracker.gaps[cpu])
    }
  }

  /// The interval up to `end`, up to which all records were consumed.
  private mutating func close(at end: UInt64) -> LoadInterval {
    var interval = tracker.close(at: end)
    if losses.close() { interval.markLossy() }
    return interval
  }

  /// What the kernel side counted, the losses as far as the stream has come to them.
  private func account() throws -> SchedProbes.Account {
    var account = try probes.account()
    account.ringFull = losses.ringFull
    return account
  }

  private static func drain(
    _ rings: inout RingBuffers, into tracker: inout LoadTracker, upTo horizon: UInt64
  ) -> Int {
    rings.drain(upTo: horizon) { record, cpu in
      tracker.consume(record, cpu: cpu)
    }
  }

  private mutating func survey(boundary: UInt64) throws {
    let before = Clocks.monotonic
    // A task that two surveys in a row don't find is forgotten: between them all must have been
    // consumed that was in the rings as the first one looked, the task's own end too. Not so where
    // this comes late and has several boundaries to catch up with.
    guard lastSurvey.isAffordable(at: before), boundary &- (probes.clockOffset ?? 0) > lastSurvey.at
    else { return }
    try probes.survey(&tracker, boundary: boundary, cgroups: try? Cgroup.ids(of: options.cgroups))
    let now = Clocks.monotonic
    lastSurvey.at = now
    lastSurvey.cost = now - before
    lastSurvey.total += now - before
  }

  /// Tells of the interval that was cut off, then of the whole.
  private mutating func finish(at planned: UInt64?, _ emit: (LoadSnapshot) throws -> Bool) throws {
    let end = planned ?? Clocks.monotonic &+ (probes.clockOffset ?? 0)
    try probes.stop()
    // A program that was just running may still submit.
    usleep(UInt32(Self.commitSlack / 1000))
    drain(upTo: end)
    try survey(boundary: end)
    let interval = close(at: end)
    tracker.endWaits(at: end)
    let waits = tracker.waitStacks
    tracker.waitStacks = nil
    drain(upTo: .max)
    if interval.end > interval.start {
      let snapshot = try reporter.interval(interval, account: account(), cost, sampling)
      _ = try emit(snapshot)
    }
    var final = try reporter.final(sampling)
    if let waits { final.stacks = sites.parts(waits, probes) }
    _ = try emit(final)
  }

  private var cost: Reporter.Cost {
    Reporter.Cost(
      delivered: delivered, survey: lastSurvey.total, clockOffset: probes.clockOffset ?? 0,
      runnable: tracker.activeBefore.runnable, shortLives: tracker.shortLives)
  }

  private mutating func addRingsForNewCPUs() {
    guard let present = try? Proc.Host.current().presentCPUs else { return }
    for cpu in present where !probes.rings.cpus.contains(cpu) {
      // Without a ring the CPU's records are counted as lost, and shown.
      guard (try? probes.addRing(cpu: cpu)) != nil else { continue }
      if let ring = probes.rings.descriptors.last { try? loop.watch(ring: ring) }
    }
  }

  private static func watch(_ pid: Int32, in loop: inout EventLoop) throws {
    do {
      try loop.watch(process: pid)
    } catch .invalidArgument {
      // The end of a single thread can't be waited for: Linux before 6.9.
      try loop.watch(process: ProcessStatus.of(pid: pid).tgid)
    } catch {
      throw BPFError(.failed, "watch process \(pid)", errno: error)
    }
  }

  private static func isRequired(_ probe: ProbePart) -> Bool {
    probe.using.hasPrefix("tp_btf/") || probe.using.hasPrefix("iter/")
  }
}
