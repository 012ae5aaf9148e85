import CloneModel
import FoundationEssentials
import Glibc
import Histograms
import Proc
import Reports
import Session
import Tasks

/// Makes snapshots of intervals: adds names, and what the kernel side and this process counted.
struct CloneReporter {
  let start: UInt64
  private var host: HostPart
  private let filter: FilterPart
  private let probes: [ProbePart]
  private let coverage: CloneCoverage
  private let ringBytes: UInt64
  private var wallClock: WallClock
  /// Where the first interval began and the last one ended, by the wall clock.
  private let firstTimestamp: String
  private var lastTimestamp: String
  private var whole: CloneInterval
  private var names = CloneNames()
  private var last = Totals()
  private let first: Totals

  /// Ever-growing counters; a snapshot is the difference of two.
  private struct Totals {
    var account = CloneProbes.Account()
    var delivered: UInt64 = 0
    var consumer: UInt64 = 0
  }

  init(
    host: Proc.Host, filter: FilterPart, probes: [ProbePart], coverage: CloneCoverage,
    start: UInt64, ringBytes: UInt64
  ) {
    self.host = HostPart(
      names: [host.hostname], kernels: [host.kernelRelease], cpus: host.onlineCPUCount)
    self.filter = filter
    self.probes = probes
    self.coverage = coverage
    self.start = start
    self.ringBytes = ringBytes
    wallClock = WallClock(at: start, wall: Clocks.wall)
    firstTimestamp = Self.timestamp(wallClock.time(of: start))
    lastTimestamp = firstTimestamp
    whole = CloneInterval(start: start, end: start)
    last.consumer = (try? SelfUsage.cpuTime()) ?? 0
    first = last
  }

  /// Clones in the intervals that were closed.
  var clones: UInt64 { whole.count }

  /// The snapshot of an interval that has just been closed.
  mutating func interval(
    _ interval: CloneInterval, account: CloneProbes.Account, delivered: UInt64
  ) throws -> CloneSnapshot {
    let now = Totals(account: account, delivered: delivered, consumer: try SelfUsage.cpuTime())
    if let now = try? Proc.Host.current() { host.cpus = now.onlineCPUCount }
    names.lookUp(
      stacks: Array(interval.stacks.keys), mappings: Array(interval.mappings.keys), of: interval)
    let end = wallClock.boundary(interval.end, now: Clocks.monotonic, wall: Clocks.wall)
    let times = (start: lastTimestamp, end: Self.timestamp(end))
    let snapshot = try snapshot(interval, times, from: last, to: now, final: false)
    lastTimestamp = times.end
    last = now
    whole.append(interval)
    names.keep(whole, interval)
    return snapshot
  }

  /// Looks up names while those who have them may still be there.
  mutating func lookUp(_ new: CloneTracker.New, of interval: CloneInterval) {
    names.lookUp(stacks: new.stacks, mappings: new.mappings, of: interval)
    names.keep(whole, interval)
  }

  /// The snapshot of all intervals together.
  func final() throws -> CloneSnapshot {
    try snapshot(whole, (firstTimestamp, lastTimestamp), from: first, to: last, final: true)
  }

  private func snapshot(
    _ interval: CloneInterval, _ times: (start: String, end: String), from before: Totals,
    to now: Totals, final: Bool
  ) throws -> CloneSnapshot {
    let pages = UInt64(getpagesize())
    let phases = phaseParts(interval, coverage)
    let tables = pageTablesPart(interval, phases, coverage, pageSize: pages)
    let runTime = now.account.runTime - before.account.runTime
    let measured = now.account.begun - before.account.begun
    let calls = CallsPart(
      fork: interval.calls[Int(Clone.Call.fork.rawValue)],
      vfork: interval.calls[Int(Clone.Call.vfork.rawValue)],
      clone: interval.calls[Int(Clone.Call.clone.rawValue)],
      clone3: interval.calls[Int(Clone.Call.clone3.rawValue)],
      threads: interval.threads,
      failed: Dictionary(
        interval.failures.map { (errorName($0.key), $0.value) }, uniquingKeysWith: +),
      straddled: filter.comms.isEmpty && filter.cgroups.isEmpty
        ? now.account.straddled - before.account.straddled : nil)
    return CloneSnapshot(
      final: final, host: host, start: times.start, end: times.end,
      intervalNs: interval.end - interval.start, filter: filter, probes: probes,
      loss: loss(from: before, to: now),
      cost: CloneCostPart(
        bpfNsPerClone: measured == 0 ? nil : Double(runTime) / Double(measured),
        consumerNs: now.consumer - before.consumer,
        residentBytes: try SelfUsage.residentBytes(), ringBytes: ringBytes),
      calls: calls, phases: phases, steps: stepParts(interval, coverage),
      histograms: CloneHistogramsPart(
        clone: HistogramPart(interval.clone),
        addressSpaceCopy: HistogramPart(interval.addressSpaceCopy),
        pageTableCopy: HistogramPart(interval.pageTableCopy),
        vforkWait: HistogramPart(interval.vforkWait)),
      mappingTypes: mappingTypeParts(interval), mappings: names.mappings(interval),
      pageTables: tables,
      slowest: interval.slowest.sorted { $0.ownNs > $1.ownNs }.map { clone in
        SlowClonePart(
          at: Self.timestamp(wallClock.time(of: clone.begin)), pid: Int(clone.tgid),
          tid: Int(clone.tid), comm: clone.comm.text,
          call: clone.isThread ? "thread" : "\(clone.call)", child: Int(clone.child),
          ns: clone.ownNs, residentBytes: clone.entries * pages)
      },
      stacks: names.stacks(interval),
      advice: advice(interval, calls: calls, phases: phases, tables: tables))
  }

  private func loss(from before: Totals, to now: Totals) -> LossPart {
    let (a, b) = (before.account, now.account)
    let gone = now.delivered + b.ringFull + b.noRing
    return LossPart(
      expected: b.expected - a.expected, delivered: now.delivered - before.delivered,
      pending: b.records > gone ? b.records - gone : 0,
      ringFull: b.ringFull - a.ringFull, noRing: b.noRing - a.noRing,
      mapFull: b.mapFull - a.mapFull, missedEnds: b.missedEnds - a.missedEnds,
      recursion: b.recursion - a.recursion)
  }

  /// - Parameter wall: CLOCK_REALTIME, ns.
  private static func timestamp(_ wall: UInt64) -> String {
    SnapshotJSON.timestamp(Date(timeIntervalSince1970: Double(wall) / 1e9))
  }
}

/// "EAGAIN", as errno(3) has it, for those that clone(2) names; others by number.
private func errorName(_ error: Int32) -> String {
  switch error {
  case EAGAIN: "EAGAIN"
  case ENOMEM: "ENOMEM"
  case EPERM: "EPERM"
  case EINVAL: "EINVAL"
  case ENOSPC: "ENOSPC"
  case EBUSY: "EBUSY"
  case EEXIST: "EEXIST"
  case EUSERS: "EUSERS"
  case EOPNOTSUPP: "EOPNOTSUPP"
  case EINTR: "EINTR"
  // include/linux/errno.h
  case 513: "ERESTARTNOINTR"
  default: "error \(error)"
  }
}
