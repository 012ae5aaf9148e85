import BPF
import LoadModel
import Proc
import Session

/// Follows the kernel's load samples: when the next one is, who is active then, and what the kernel
/// makes of it.
struct LoadSampling {
  private var clock = LoadClock()
  /// What is shown, and, where that is split in another way, what the verdict goes by.
  private var ledgers: [LoadLedger]
  private(set) var throttling = Throttling()
  private(set) var minute: RecentMinute
  /// The averages by the samples since the watch began.
  private(set) var recomputed: KernelLoad
  /// What /proc/loadavg showed after the last sample.
  private(set) var kernel: LoadAverage
  /// What it had then, where that can be read.
  private(set) var exact: KernelLoad?
  private(set) var samples: [Sample] = []
  /// Until the kernel has made its averages of a sample.
  private var pending: Pending?
  /// Who waited for a cgroup's quota at the sample that is taken next.
  private var throttled: (sample: UInt64, tasks: Set<UInt32>)?
  /// Active time as of the last sample, and when that was.
  private var last: (time: UInt64, active: UInt64)?
  /// Samples went by that weren't looked at in time.
  private var hasMissed = false
  /// Time of the last sample that was taken, CLOCK_MONOTONIC.
  private var taken: UInt64

  /// One of the kernel's samples. Times are CLOCK_MONOTONIC, ns.
  struct Sample {
    var time: UInt64
    /// CLOCK_REALTIME, ns.
    var wall: UInt64
    var active: UInt64?
    var seen: UInt64
    /// Of those that sleep, how many the kernel counts all the same.
    var delayed: UInt64?
    var mean: Double?
    var load1: Double
  }

  private struct Pending {
    var time: UInt64
    var seen: UInt64
    /// Of these.
    var inD: UInt64
    var delayed: UInt64?
    var mean: Double?
    /// Tasks that waited for their cgroup's quota.
    var throttled: Set<UInt32>
    var tries: UInt64 = 0
  }

  private static let mostTries: UInt64 = 20
  private static let betweenTries: UInt64 = 50_000_000
  /// Counters that are read later than that after a sample say nothing of that time.
  private static let mostDelay: UInt64 = 1_000_000_000
  static let kept = 720

  init(by: [Grouping], now: UInt64) throws(ProcError) {
    kernel = try LoadAverage.current()
    recomputed = KernelLoad(shown: [kernel.load1, kernel.load5, kernel.load15])
    let usual: [Grouping] = [.process, .site]
    ledgers = (by == usual ? [by] : [by, usual]).map { [recomputed] by in
      LoadLedger(by: by, before: recomputed.values)
    }
    taken = now
    minute = RecentMinute(from: RecentMinute.Point(time: now))
  }

  var shown: LoadLedger { ledgers[0] }
  /// By process and site.
  var usual: LoadLedger { ledgers[ledgers.count - 1] }

  /// Takes a reading of the kernel's ticks; and until the first sample, what there is before it.
  ///
  /// - Parameters:
  ///   - now: CLOCK_MONOTONIC, ns.
  ///   - exact: as for ``settle(exact:_:_:_:)``.
  mutating func learn(
    ticks: (monotonic: UInt64, jiffies: UInt64), now: UInt64,
    exact: (active: Int64, averages: KernelLoad)?
  ) throws(ProcError) {
    let wasKnown = clock.hz != nil
    clock.learn(monotonic: ticks.monotonic, jiffies: ticks.jiffies)
    guard samples.isEmpty, pending == nil, let period = clock.period, let tick = clock.tick else {
      return
    }
    if !wasKnown { taken = now }
    // Not while the kernel is about to make its averages of a sample that was before.
    guard let next = clock.sample(after: taken), next &- period * tick &+ clock.settling < now,
      ticks.monotonic &+ clock.settling < next,
      next &- period * tick &+ clock.settling < ticks.monotonic
    else { return }
    kernel = try LoadAverage.current()
    recomputed =
      exact?.averages ?? KernelLoad(shown: [kernel.load1, kernel.load5, kernel.load15])
    for index in ledgers.indices { ledgers[index].begin(before: recomputed.values) }
  }

  /// When to look who is active, CLOCK_MONOTONIC, ns; nil while it isn't known.
  var next: UInt64? { clock.sample(after: taken) }

  /// When to look what the kernel made of it.
  var due: UInt64? {
    pending.map { $0.time + clock.settling + $0.tries * Self.betweenTries }
  }
  /// The kernel hadn't made anything of it yet.
  var isRetrying: Bool { pending.map { $0.tries > 0 } ?? false }

  /// Right after a sample: looks who waits for a cgroup's quota, which may be over a moment later.
  mutating func lookForThrottled(_ probes: borrowing SchedProbes) throws(BPFError) {
    guard let next else { return }
    // Its time may be told a little better in between.
    if let known = throttled?.sample, max(known, next) - min(known, next) < 1_000_000_000 { return }
    var tasks: Set<UInt32> = []
    try probes.forEachWaiter(inD: false) { tid, isThrottled, _ in
      if isThrottled { tasks.insert(tid) }
    }
    throttled = (next, tasks)
  }

  /// Looks who is active at `time`, up to which all records were consumed.
  mutating func take(
    at time: UInt64, clockOffset: UInt64, _ tracker: inout LoadTracker,
    _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) throws {
    let instant = time &+ clockOffset
    // Late, if there was no time before.
    try lookForThrottled(probes)
    let throttled = self.throttled?.tasks ?? []
    self.throttled = nil
    taken = time
    if tracker.hasUnknownWait(at: instant) {
      try probes.forEachWaiter(inD: true) { tid, isThrottled, frames in
        if !isThrottled { tracker.found(waiter: tid) { sites.number(frames) } }
      }
    }
    if probes.seesAllTasks { tracker.nameFromProc(at: instant) }
    var seen: UInt64 = 0
    var (throttledCount, inD) = (0 as UInt64, 0 as UInt64)
    sites.beginSample()
    tracker.beginSample(at: instant) { task in
      if task.state == .runnable, throttled.contains(task.tid) {
        throttledCount += 1
        throttling.count(task, hasTheirIDs: probes.seesAllTasks)
      } else {
        seen += 1
        if task.state == .uninterruptible { inD += 1 }
        count(task, &sites, probes)
      }
    }
    let activeTime = tracker.activeTime(at: instant)
    if Clocks.monotonic &- time < Self.mostDelay {
      let records = try probes.account()
      minute.add(
        RecentMinute.Point(
          time: time, runnable: activeTime.runnable, shortLives: tracker.shortLives,
          throttled: throttledCount, records: records.due, lost: records.lost))
    }
    let active = activeTime.all
    let mean = last.flatMap { last in
      // A stay that was counted then may have turned out not to have been one.
      active < last.active ? nil : Double(active - last.active) / Double(max(1, time - last.time))
    }
    last = (time, active)
    pending = Pending(
      time: time, seen: seen, inD: inD, delayed: probes.delayed(at: time), mean: mean,
      throttled: throttled)
  }

  private mutating func count(
    _ task: ActiveTask, _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) {
    for index in ledgers.indices { ledgers[index].count(task, &sites, probes) }
  }

  /// Takes what the kernel made of the sample into the account, and who was active as it has shown
  /// since.
  ///
  /// - Parameters:
  ///   - isLate: whether the next sample has been already: what the kernel made of this one can't be told
  ///     any more.
  ///   - exact: calc_load_tasks and avenrun, where they can be read.
  mutating func settle(
    isLate: Bool, exact: (active: Int64, averages: KernelLoad)?, _ tracker: inout LoadTracker,
    _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) throws(ProcError) {
    guard var pending else { return }
    let shown = try LoadAverage.current()
    // The tick that makes the averages may come late.
    if !isLate, !hasMissed, pending.tries < Self.mostTries,
      isOld(shown, exact, seen: pending.seen + (pending.delayed ?? 0))
    {
      self.pending?.tries += 1
      return
    }
    sites.endLookups()
    for late in tracker.endSample() {
      let isThrottled = pending.throttled.contains(late.task.tid)
      for index in ledgers.indices {
        ledgers[index].correct(late, isThrottled: isThrottled, &sites, probes)
      }
      if isThrottled { throttling.count(late.task, hasTheirIDs: probes.seesAllTasks) }
      if late.taken != nil {
        pending.seen -= 1
        pending.inD -= 1
      }
      if !isThrottled { pending.seen += 1 }
    }
    self.pending = nil
    self.exact = exact?.averages
    var active = exact.map { exact in
      (hasMissed ? nil : recomputed.active(before: exact.averages)) ?? UInt64(max(0, exact.active))
    }
    if !isLate, !hasMissed {
      active = active ?? KernelLoad.active(before: kernel.load1, after: shown.load1)
    }
    if isLate {
      active = nil
    } else if let active, !hasMissed {
      recomputed.sample(active: active)
    } else {
      recomputed =
        exact?.averages ?? KernelLoad(shown: [shown.load1, shown.load5, shown.load15])
    }
    hasMissed = isLate
    kernel = shown
    if let active { removeDoubtful(tracker, from: &pending, active: active, &sites, probes) }
    if let active, let delayed = pending.delayed {
      pending.delayed = KernelLoad.besides(
        delayed: delayed, seen: pending.seen, inD: pending.inD, active: active)
    }
    for index in ledgers.indices {
      ledgers[index].close(delayed: pending.delayed ?? 0, mean: pending.mean)
    }
    throttling.close()
    samples.append(
      Sample(
        time: pending.time, wall: Clocks.wall &- (Clocks.monotonic &- pending.time), active: active,
        seen: pending.seen, delayed: pending.delayed,
        mean: pending.mean, load1: shown.load1))
    if samples.count > Self.kept { samples.removeFirst() }
  }

  /// Of those that nothing bears out, as many weren't active as exceed what the kernel counted.
  private mutating func removeDoubtful(
    _ tracker: borrowing LoadTracker, from pending: inout Pending, active: UInt64,
    _ sites: inout WaitSites, _ probes: borrowing SchedProbes
  ) {
    for task in tracker.doubtful where pending.seen > active {
      guard !pending.throttled.contains(task.tid) else { continue }
      for index in ledgers.indices { _ = ledgers[index].remove(task, &sites, probes) }
      pending.seen -= 1
    }
  }

  /// Whether the averages are still those from before the sample, which would have changed them.
  private func isOld(
    _ shown: LoadAverage, _ exact: (active: Int64, averages: KernelLoad)?, seen: UInt64
  ) -> Bool {
    var next = recomputed
    if let exact {
      next.sample(active: UInt64(max(0, exact.active)))
      return exact.averages.isEqual(recomputed) && !next.isEqual(recomputed)
    }
    next.sample(active: seen)
    return shown.load1 == kernel.load1 && shown.load5 == kernel.load5
      && shown.load15 == kernel.load15 && KernelLoad.shown(next.averages[0]) != kernel.load1
  }
}

extension LoadTracker {
  /// Names those that only /proc names.
  fileprivate mutating func nameFromProc(at time: UInt64) {
    for tid in unnamed(at: time) {
      guard let status = try? ProcessStatus.of(pid: Int32(bitPattern: tid)) else { continue }
      name(tid, tgid: UInt32(bitPattern: status.tgid), comm: Comm(status.name))
    }
  }
}
