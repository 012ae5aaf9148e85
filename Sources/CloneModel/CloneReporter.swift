import FoundationEssentials
import Glibc
import Histograms
import Input
import Reports
import Tasks

/// Makes reports of intervals: adds names, and what the kernel side and this process counted.
struct CloneReporter {
  private let setup: CloneSetup
  private var host: HostPart
  /// Where the first interval began and the last one ended, by the wall clock.
  private let firstTimestamp: String
  private var lastTimestamp: String
  private var total: CloneInterval
  private let first: CloneReading
  private var last: CloneReading

  init(_ setup: CloneSetup, _ reading: CloneReading) {
    self.setup = setup
    host = setup.host
    firstTimestamp = Self.timestamp(reading.wall)
    lastTimestamp = firstTimestamp
    total = CloneInterval(start: reading.at, end: reading.at)
    first = reading
    last = reading
  }

  /// Clones in the intervals that were closed.
  var clones: UInt64 { total.count }

  /// The report of an interval that has just been closed.
  mutating func report(
    _ interval: CloneInterval, _ reading: CloneReading, _ names: inout CloneNames
  ) -> CloneSnapshot {
    let times = (start: lastTimestamp, end: Self.timestamp(reading.wall))
    host.cpus = reading.onlineCPUs
    let report = report(interval, times, from: last, to: reading, names, final: false)
    lastTimestamp = times.end
    last = reading
    total.append(interval)
    names.keep(total, interval)
    return report
  }

  /// Forgets names that nothing has any more.
  func keep(_ names: inout CloneNames, _ interval: CloneInterval) { names.keep(total, interval) }

  /// The report of all intervals together.
  func total(_ names: CloneNames) -> CloneSnapshot {
    report(total, (firstTimestamp, lastTimestamp), from: first, to: last, names, final: true)
  }

  private func report(
    _ interval: CloneInterval, _ times: (start: String, end: String), from before: CloneReading,
    to now: CloneReading, _ names: CloneNames, final: Bool
  ) -> CloneSnapshot {
    let pages = setup.pageSize
    let phases = phaseParts(interval, setup.coverage)
    let tables = pageTablesPart(interval, phases, setup.coverage, pageSize: pages)
    let runTime = now.counters.runTime - before.counters.runTime
    let measured = now.counters.begun - before.counters.begun
    let calls = CallsPart(
      fork: interval.calls[Int(Clone.Call.fork.rawValue)],
      vfork: interval.calls[Int(Clone.Call.vfork.rawValue)],
      clone: interval.calls[Int(Clone.Call.clone.rawValue)],
      clone3: interval.calls[Int(Clone.Call.clone3.rawValue)],
      threads: interval.threads,
      failed: Dictionary(
        interval.failures.map { (errorName($0.key), $0.value) }, uniquingKeysWith: +),
      straddled: setup.filterPart.comms.isEmpty && setup.filterPart.cgroups.isEmpty
        ? now.counters.straddled - before.counters.straddled : nil)
    let followsChildren = setup.coverage.children ?? false
    let stacks = names.stacks(interval, setup.coverage)
    return CloneSnapshot(
      final: final, host: host, start: times.start, end: times.end,
      intervalNs: interval.end - interval.start, filter: setup.filterPart, probes: setup.probes,
      loss: loss(from: before, to: now),
      cost: CloneCostPart(
        bpfNsPerClone: measured == 0 ? nil : Double(runTime) / Double(measured),
        consumerNs: now.own.cpuNs - before.own.cpuNs,
        residentBytes: now.own.residentBytes, ringBytes: setup.ringBytes),
      calls: calls, phases: phases, steps: stepParts(interval, setup.coverage),
      histograms: CloneHistogramsPart(
        clone: HistogramPart(interval.clone),
        addressSpaceCopy: HistogramPart(interval.addressSpaceCopy),
        pageTableCopy: HistogramPart(interval.pageTableCopy),
        vforkWait: HistogramPart(interval.vforkWait)),
      mappingTypes: mappingTypeParts(interval), mappings: names.mappings(interval),
      pageTables: tables,
      slowest: interval.slowest.sorted { ($0.ownNs, $1.begin) > ($1.ownNs, $0.begin) }.map {
        clone in
        SlowClonePart(
          at: Self.timestamp(clone.begin &+ (now.wall &- now.at)), pid: Int(clone.tgid),
          tid: Int(clone.tid), comm: clone.comm.text,
          call: clone.isThread ? "thread" : "\(clone.call)", child: Int(clone.child),
          ns: clone.ownNs, residentBytes: clone.entries * pages)
      },
      stacks: stacks,
      childFates: followsChildren ? interval.children.fates : nil,
      children: followsChildren
        ? childrenParts(
          interval, setup.coverage, period: setup.afterForkPeriod, pageSize: pages,
          memory: { names.memory(of: $0) })
        : nil,
      bill: setup.afterForkPeriod.map { billParts(interval.children, period: $0) },
      pageCopies: pageCopiesPart(interval.pageCopies, pageSize: pages, names: names),
      advice: advice(interval, calls: calls, phases: phases, tables: tables, stacks: stacks) {
        names.memory(of: $0)
      })
  }

  private func loss(from before: CloneReading, to now: CloneReading) -> LossPart {
    let (a, b) = (before.counters, now.counters)
    return LossPart(
      expected: b.expected - a.expected, delivered: b.delivered - a.delivered,
      pending: b.pending, ringFull: b.ringFull - a.ringFull, noRing: b.noRing - a.noRing,
      mapFull: b.mapFull - a.mapFull, missedEnds: b.missedEnds - a.missedEnds,
      recursion: b.recursion - a.recursion,
      namesLeftOut: now.own.namesLeftOut - before.own.namesLeftOut)
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
