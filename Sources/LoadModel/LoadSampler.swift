import Reports
import Tasks

/// Follows the kernel's load samples: when the next one is, who is active then, and what the kernel
/// makes of it.
package struct LoadSampler {
  private var clock = LoadClock()
  /// What is shown; where that is split in another way, what the verdict goes by; and by cgroup, for metrics.
  private var tables: [AttributionTable]
  private let (usualIndex, cgroupIndex): (Int, Int?)
  private(set) var throttling = Throttling()
  private(set) var holders = HolderTable()
  /// Who waited for whom at the last sample.
  private var lastWaits: [UInt32: LockWait] = [:]
  /// The averages by the samples since the run began.
  private(set) var recomputed: KernelLoad
  /// What /proc/loadavg showed after the last sample.
  private(set) var shown: [Double]
  /// What it had then, where that can be read.
  private(set) var exact: KernelLoad?
  private(set) var samples: [Sample] = []
  /// Until the kernel has made its averages of a sample.
  private var pending: Pending?
  /// Active time as of the last sample, and when that was.
  private var last: (time: UInt64, active: UInt64)?
  /// Samples went by that weren't looked at in time.
  private var hasMissed = false
  /// Time of the last sample that was taken, CLOCK_MONOTONIC; and by the run queue clock.
  private var taken: UInt64 = 0
  private var sampledAt: UInt64 = 0

  /// One of the kernel's samples. Times are CLOCK_MONOTONIC, ns.
  package struct Sample {
    package var time: UInt64
    /// CLOCK_REALTIME, ns.
    package var wall: UInt64
    package var active: UInt64?
    package var seen: UInt64
    /// Of those that sleep, how many the kernel counts all the same.
    package var delayed: UInt64?
    package var mean: Double?
    package var load1: Double
  }

  private struct Pending {
    var time: UInt64
    var tasks: [ActiveTask]
    /// Of the tasks that wait for their cgroup's quota, those that are active.
    var throttledTasks: [ActiveTask] = []
    /// Who waits for whom.
    var locks = LockWaits()
    var late: [LateTask] = []
    var doubtful: [ActiveTask] = []
    /// What the kernel made of it, as soon as it has.
    var outcome: (reading: LoadReading, made: MadeSample?, isLate: Bool, wall: UInt64)?
    var seen: UInt64 = 0
    /// Of these.
    var inD: UInt64 = 0
    var delayed: UInt64?
    var mean: Double?
    /// Tasks that waited for their cgroup's quota.
    var throttled: Set<UInt32>
    var tries: UInt64 = 0
  }

  private static let mostTries: UInt64 = 20
  private static let betweenTries: UInt64 = 50_000_000
  static let kept = 720

  init(by: [Grouping], alsoByCgroup: Bool = false, _ reading: LoadReading) {
    shown = reading.shown
    // By two digits until the first sample comes near.
    recomputed = LoadReading(shown: reading.shown, exact: nil).averages
    let usual: [Grouping] = [.process, .site]
    let kinds = (by == usual ? [by] : [by, usual]) + (alsoByCgroup ? [[.cgroup]] : [])
    usualIndex = by == usual ? 0 : 1
    cgroupIndex = alsoByCgroup ? kinds.count - 1 : nil
    tables = kinds.map { [recomputed] by in AttributionTable(by: by, before: recomputed.values) }
  }

  /// Whether there has been no sample yet, but for one of which the kernel is about to make its averages.
  var isEarly: Bool { samples.isEmpty }
  /// Whether there is such a one.
  var isSettling: Bool { pending != nil }

  var shownTable: AttributionTable { tables[0] }
  /// By process and site.
  var usual: AttributionTable { tables[usualIndex] }

  var loadParts: NativeHistograms.LoadParts {
    var parts = NativeHistograms.LoadParts()
    for (key, group) in usual.attribution.groups {
      let load1 = group.averages[0]
      switch key.state {
      case .runnable: parts.runnable += load1
      case .uninterruptible: parts.uninterruptible[key.wait ?? .unknown, default: 0] += load1
      }
    }
    guard let table = cgroupIndex.map({ tables[$0] }) else { return parts }
    for row in table.groups.rows(table.attribution) {
      switch row.state {
      case .runnable: parts.cgroups[row.cgroup, default: .init()].runnable += row.load1
      case .uninterruptible:
        parts.cgroups[row.cgroup, default: .init()].uninterruptible += row.load1
      }
    }
    return parts
  }

  // MARK: - When

  /// Takes a reading of the kernel's ticks. Times are CLOCK_MONOTONIC, ns.
  mutating func learn(monotonic: UInt64, jiffies: UInt64, now: UInt64) {
    let wasKnown = clock.hz != nil
    clock.learn(monotonic: monotonic, jiffies: jiffies)
    if !wasKnown { taken = now }
  }

  /// Whether the averages are wanted that stand before the first sample: not while the kernel is about
  /// to make those of a sample that was before.
  package func wantsAverages(monotonic: UInt64, now: UInt64) -> Bool {
    guard samples.isEmpty, pending == nil, let period = clock.period, let tick = clock.tick,
      let next = clock.sample(after: taken)
    else { return false }
    return next &- period * tick &+ clock.settling < now && monotonic &+ clock.settling < next
      && next &- period * tick &+ clock.settling < monotonic
  }

  mutating func begin(_ reading: LoadReading) {
    shown = reading.shown
    recomputed = reading.averages
    for index in tables.indices { tables[index].begin(before: recomputed.values) }
  }

  /// When to look who is active, CLOCK_MONOTONIC, ns; nil while it isn't known.
  package var next: UInt64? { clock.sample(after: taken) }

  /// From one sample to the next, ns.
  var period: UInt64? { clock.period.flatMap { period in clock.tick.map { period * $0 } } }

  /// When to look what the kernel made of it.
  package var due: UInt64? {
    pending.map { $0.time &+ clock.settling &+ $0.tries &* Self.betweenTries }
  }
  /// The kernel hadn't made anything of it yet.
  package var isRetrying: Bool { pending.map { $0.tries > 0 } ?? false }

  // MARK: - Who

  /// Looks who is active, all ring records up to then having been taken.
  mutating func take(
    _ reading: SampleReading, _ waits: [LockWait], _ tracker: inout LoadTracker,
    _ names: inout SampleNames
  ) {
    taken = reading.time
    sampledAt = reading.time &+ reading.clockOffset
    names.begin()
    var pending = Pending(
      time: reading.time, tasks: [], delayed: reading.delayed, throttled: reading.throttled)
    tracker.beginSample(at: reading.time &+ reading.clockOffset) { task in
      if task.state == .runnable, reading.throttled.contains(task.tid) {
        pending.throttledTasks.append(task)
      } else {
        pending.tasks.append(task)
      }
    }
    if !waits.isEmpty || !lastWaits.isEmpty {
      pending.locks = LockWaits(waits, before: lastWaits, throttled: reading.throttled) { tid in
        tracker.holder(tid, at: reading.time &+ reading.clockOffset)
      }
      for task in pending.tasks where task.state == .uninterruptible {
        if let lock = pending.locks.lock(of: task.tid) { names.know(task, waitsFor: lock) }
      }
    }
    let active = tracker.activeTime(at: reading.time &+ reading.clockOffset).all
    pending.mean = last.flatMap { last in
      // A stay that was counted then may have turned out not to have been one.
      active < last.active
        ? nil : Double(active - last.active) / Double(max(1, reading.time &- last.time))
    }
    last = (reading.time, active)
    self.pending = pending
  }

  /// Throttled tasks of the sample that is being taken.
  var throttledCount: UInt64 { UInt64(pending?.throttledTasks.count ?? 0) }

  /// The names that are wanted for what was taken, or for what turned out late.
  func lookups(_ names: inout SampleNames) -> [Lookup] {
    guard let pending else { return [] }
    guard pending.outcome != nil else {
      return names.missing(
        for: pending.tasks, throttled: pending.throttledTasks + pending.locks.throttled,
        processes: pending.locks.tasks + pending.tasks.filter { pending.locks.isWaiting($0.tid) },
        owners: pending.locks.mmapOwners, asleep: pending.locks.asleep, in: tables, isOver: false)
    }
    let late = pending.late.flatMap { [$0.task, $0.taken].compactMap { $0 } } + pending.doubtful
    return names.missing(
      for: late,
      throttled: pending.late.map(\.task).filter { pending.throttled.contains($0.tid) },
      in: tables, isOver: true)
  }

  /// Names have come, of whoever answers for file systems perhaps: they are part of the chains.
  mutating func addServers(_ names: borrowing SampleNames, _ tracker: borrowing LoadTracker) {
    guard let pending, pending.outcome == nil else { return }
    let found = names.servers(of: pending.tasks)
    guard !found.isEmpty else { return }
    let (time, throttled) = (sampledAt, pending.throttled)
    self.pending?.locks.add(found, throttled: throttled) { tracker.holder($0, at: time) }
  }

  /// The names have come.
  mutating func count(_ names: borrowing SampleNames) {
    guard var pending else { return }
    lastWaits = pending.locks.waits
    for task in pending.throttledTasks { throttling.count(names.quota(of: task)) }
    var numbers: [WaitKey: UInt64?] = [:]
    for task in pending.tasks {
      if task.state == .uninterruptible {
        pending.inD += 1
        count(task, pending.locks, names, &numbers)
      }
      for index in tables.indices { tables[index].count(task, names) }
    }
    pending.seen = UInt64(pending.tasks.count)
    (pending.tasks, pending.throttledTasks, pending.locks) = ([], [], LockWaits())
    self.pending = pending
  }

  /// Tasks of which the same is said: who they are, where they wait, and for whom.
  private struct WaitKey: Hashable {
    let process: UInt32
    let name: Comm?
    let stack: Int32
    let lock: UInt64
    let holder: UInt32?
  }

  /// Who blocks a task in D.
  private mutating func count(
    _ task: ActiveTask, _ locks: LockWaits, _ names: borrowing SampleNames,
    _ numbers: inout [WaitKey: UInt64?]
  ) {
    guard let wait = locks.waits[task.tid] else { return }
    let key = WaitKey(
      process: task.tgid, name: task.tgid == 0 ? task.comm : nil, stack: task.stack,
      lock: wait.address, holder: wait.holder)
    if numbers[key] == nil {
      let chain = locks.chain(of: task)
      let site = names.sites.site(of: task)
      numbers[key] = .some(
        chain.isEmpty
          ? nil
          : holders.number(
            of: BlockedPart(
              process: names.processName(of: task), pid: task.tgid, site: site.name,
              wait: site.kind, chain: chain.map { names.part(of: $0) })))
    }
    if let number = numbers[key] ?? nil { holders.count(number) }
  }

  // MARK: - What the kernel made of it

  /// - Parameters:
  ///   - isLate: whether the next sample has been already: what the kernel made of this one can't be
  ///     read any more.
  ///   - wall: CLOCK_REALTIME at the sample, ns.
  mutating func settle(
    _ reading: LoadReading, isLate: Bool, wall: UInt64, _ tracker: inout LoadTracker
  ) {
    guard let pending else { return }
    let made = tracker.madeSamples.last { isOf(pending.time, $0) }
    // The tick that makes the averages may come late.
    if made == nil, !isLate, !hasMissed, pending.tries < Self.mostTries,
      isOld(reading, seen: pending.seen &+ (pending.delayed ?? 0))
    {
      self.pending?.tries += 1
      return
    }
    self.pending?.outcome = (reading, made, isLate, wall)
    self.pending?.late = tracker.endSample()
    self.pending?.doubtful = tracker.doubtful
  }

  /// The names of late tasks have come: the sample is over.
  mutating func finish(_ names: borrowing SampleNames) {
    guard var pending, let outcome = pending.outcome else { return }
    self.pending = nil
    for late in pending.late {
      let isThrottled = pending.throttled.contains(late.task.tid)
      for index in tables.indices {
        tables[index].correct(late, isThrottled: isThrottled, names)
      }
      if isThrottled { throttling.count(names.quota(of: late.task)) }
      if late.taken != nil {
        pending.seen &-= 1
        pending.inD &-= 1
      }
      if !isThrottled { pending.seen += 1 }
    }
    let active =
      outcome.made.map { take($0) } ?? active(outcome.reading, isLate: outcome.isLate)
    shown = outcome.made?.after.shown ?? outcome.reading.shown
    exact = outcome.made?.after ?? outcome.reading.exact?.averages
    // Of those that nothing bears out, as many weren't active as exceed what the kernel counted.
    for task in pending.doubtful where pending.seen > active ?? .max {
      guard !pending.throttled.contains(task.tid) else { continue }
      for index in tables.indices { _ = tables[index].remove(task, names) }
      pending.seen &-= 1
    }
    if let active, let delayed = pending.delayed {
      pending.delayed = KernelLoad.excludingCountedInD(
        delayed: delayed, seen: pending.seen, inD: pending.inD, active: active)
    }
    for index in tables.indices {
      tables[index].close(delayed: pending.delayed ?? 0, mean: pending.mean)
    }
    throttling.close()
    holders.close(period: period ?? 0)
    samples.append(
      Sample(
        time: pending.time, wall: outcome.wall,
        active: active, seen: pending.seen, delayed: pending.delayed, mean: pending.mean,
        load1: shown[0]))
    if samples.count > Self.kept { samples.removeFirst() }
  }

  /// Whether the kernel made that of the sample of this time.
  private func isOf(_ time: UInt64, _ made: MadeSample) -> Bool {
    guard let period, let sampled = clock.time(ofJiffies: made.jiffies) else { return false }
    return max(sampled, time) - min(sampled, time) < period / 2
  }

  /// What was seen as the kernel made its averages: how many it counted, which the recomputed averages take.
  /// One sample doesn't explain them after a long idle time (`calc_global_nohz()`).
  private mutating func take(_ made: MadeSample) -> UInt64 {
    defer { hasMissed = false }
    guard let active = made.before.active(before: made.after) else {
      recomputed = made.after
      return made.active
    }
    if samples.isEmpty || hasMissed { recomputed = made.before }
    recomputed.sample(active: active)
    return active
  }

  /// How many the kernel counted, which the recomputed averages take; nil where that can't be known.
  private mutating func active(_ reading: LoadReading, isLate: Bool) -> UInt64? {
    var active = reading.exact.map { exact in
      (hasMissed ? nil : recomputed.active(before: exact.averages))
        ?? UInt64(max(0, exact.active))
    }
    if !isLate, !hasMissed {
      active = active ?? KernelLoad.active(before: shown[0], after: reading.shown[0])
    }
    if isLate { active = nil }
    if let active, !hasMissed {
      recomputed.sample(active: active)
    } else if !isLate {
      recomputed = reading.averages
    }
    hasMissed = isLate
    return active
  }

  /// Whether the averages are still those from before the sample, which would have changed them.
  private func isOld(_ reading: LoadReading, seen: UInt64) -> Bool {
    var next = recomputed
    if let exact = reading.exact {
      next.sample(active: UInt64(max(0, exact.active)))
      return exact.averages.isEqual(recomputed) && !next.isEqual(recomputed)
    }
    next.sample(active: seen)
    return reading.shown == shown && KernelLoad.shown(next.averages[0]) != shown[0]
  }
}
