import LoadModel
import Records

/// A tracker that is fed from a simulation, as `loadwatch` feeds its own.
struct Watch: ~Copyable {
  var tracker: LoadTracker
  /// `switches_delivered` of each CPU: `sonde.h`.
  private var delivered: [UInt64]

  init(_ simulator: Simulator, filter: TaskFilter = TaskFilter(), interval: UInt64 = 100_000_000) {
    tracker = LoadTracker(cpus: simulator.cpus.count, filter: filter, interval: interval)
    delivered = Array(repeating: 0, count: simulator.cpus.count)
  }

  /// Takes a record, and with it the flag that the kernel side sets where some before are missing.
  mutating func take(_ told: Told) {
    switch told.event {
    case .switched(var record, let count):
      // The same again, which no ring does, isn't one after a gap.
      let follows = count == delivered[told.cpu] + 1 || count == delivered[told.cpu]
      if !follows { record.header.flags |= UInt8(SONDE_SWITCH_GAP.rawValue) }
      delivered[told.cpu] = count
      unsafe tracker.consume(CollectionOfOne(record).span.bytes, cpu: told.cpu)
    case .changed(let record):
      unsafe tracker.consume(CollectionOfOne(record).span.bytes, cpu: told.cpu)
    case .moved(let record):
      unsafe tracker.consume(CollectionOfOne(record).span.bytes, cpu: told.cpu)
    }
  }

  mutating func take(_ all: [Told]) {
    for told in all { take(told) }
  }

  mutating func survey(_ records: [sonde_task], boundary: UInt64, cgroups: Set<UInt64>? = nil) {
    if let cgroups { tracker.match(cgroups: cgroups) }
    tracker.beginScan()
    for record in records {
      unsafe tracker.found(
        CollectionOfOne(record).span.bytes, clockOffset: Simulator.clockOffset,
        boundary: boundary)
    }
    tracker.endScan()
  }
}

/// A watch of a simulation from some time after it began, with every task known.
struct Watched: ~Copyable {
  var simulator: Simulator
  var watch: Watch

  /// - Parameter processes: how many processes the figures are about; nil for all.
  init(seed: UInt64, _ options: Simulator.Options = .init(), processes: Int? = nil) {
    simulator = Simulator(seed: seed, options)
    if !options.tellsFromStart {
      simulator.run(steps: 1000)
      simulator.attach()
    }
    var filter = TaskFilter()
    if let processes {
      let leaders = simulator.tasks.filter { $0.isAlive && $0.tid == $0.tgid }
      filter.processes = Set(leaders.prefix(processes).map(\.tid))
      simulator.count(only: filter.processes)
    }
    watch = Watch(simulator, filter: filter)
    if !options.tellsFromStart {
      // Events before, between and after the surveyed tasks wait in the rings.
      let records = simulator.survey(steps: 3)
      watch.survey(records, boundary: 0)
      simulator.baseline(records)
    }
    simulator.run(steps: 20)
    begin()
  }

  /// One that knows of no task.
  init(_ simulator: Simulator) {
    self.simulator = simulator
    watch = Watch(simulator)
    begin()
  }

  mutating func begin() {
    // The last action was before.
    simulator.pass(to: simulator.now + 1)
    simulator.truth.begin(at: simulator.now)
    watch.tracker.begin(at: simulator.now)
  }

  /// What the tracker tells of an interval, and the truth.
  struct Both {
    var told: LoadInterval
    var truth: LoadInterval
    /// The true counts at the instants that are looked at.
    var sampled: (runnable: Int, uninterruptible: Int)
    /// Tasks that were on their way, woken and not yet running, as it ended; by their index.
    var woken: [Int: SimulatedTask]
    /// What ran while a process waited: ``Truth/culprits``.
    var culprits: [UInt32: [UInt32: UInt64]]

    var pair: (told: LoadInterval, truth: LoadInterval) { (told, truth) }
  }

  /// The next `length` ns.
  /// - Parameters:
  ///   - late: how many steps after the end the survey comes; nil for none.
  ///   - change: what becomes of the records on their way.
  mutating func interval(
    _ length: UInt64, surveyed late: Int? = 0, _ change: ([Told]) -> [Told] = { $0 }
  ) -> Both {
    let end = simulator.now + length
    simulator.run(until: end)
    let culprits = simulator.truth.culprits
    let truth = simulator.truth.close(at: end)
    var woken: [Int: SimulatedTask] = [:]
    for task in simulator.present where simulator.tasks[task].wokenAt != nil {
      woken[task] = simulator.tasks[task]
    }
    if let late { simulator.run(steps: late) }
    watch.take(change(simulator.take(upTo: end)))
    if late != nil { watch.survey(simulator.survey(), boundary: end) }
    return Both(
      told: watch.tracker.close(at: end), truth: truth.interval, sampled: truth.sampled,
      woken: woken, culprits: culprits)
  }
}
