import CExperiment
import CLinux
import FoundationEssentials
import Glibc
import Proc
public import Reports

/// Makes huge pages of a running process's memory, from outside: process_madvise(2) with MADV_COLLAPSE
/// (Linux 6.1), a few huge pages at a time.
public struct Collapser {
  public struct Options: Sendable {
    public var pid: Int32
    /// Also the process's descendants.
    public var follows = false
    /// No step may hold the process up for longer, ns.
    public var pace: UInt64

    public init(pid: Int32, pace: UInt64) { (self.pid, self.pace) = (pid, pace) }
  }

  private let options: Options
  /// From the first look on: to read what is mapped takes the lock too.
  private let holds: LockHolds?
  private var plans: [(pid: Int32, plan: CollapsePlan)] = []
  private var copied: [(before: Calibration.Copied, after: Calibration.Copied)] = []
  public private(set) var report: CollapseReport

  /// Looks at the processes, and at what stands against it.
  ///
  /// - Parameter calibration: of this machine, to predict by, for processes with so much memory; asked for
  ///   once it is known that something can be done.
  /// - Throws: ``CollapseError`` where nothing can be done, `ProcError`.
  public init(
    _ options: Options, dryRun: Bool, calibration: (UInt64) throws -> Calibration?
  ) throws {
    self.options = options
    holds = dryRun ? nil : try? LockHolds()
    let host = try Proc.Host.current()
    report = CollapseReport(
      host: HostPart(
        names: [host.hostname], kernels: [host.kernelRelease], cpus: host.onlineCPUCount),
      start: SnapshotJSON.timestamp(Date()), dryRun: dryRun)
    let processes =
      [options.pid] + (options.follows ? ProcessTree.descendants(of: options.pid) : [])
    for pid in processes {
      do {
        try look(at: pid)
      } catch let error as ProcError where pid != options.pid {
        // One of many that has ended.
        guard error.errno == ENOENT || error.errno == ESRCH else { throw error }
      } catch let error as CollapseError where pid != options.pid {
        if error.kind != .gone { report.notes.append("Left out: \(error).") }
      }
    }
    report.usedBefore = Memory.used(by: plans.map(\.pid))
    note()
    if !dryRun { try checkMemory() }
    try Self.checkKernel()
    let resident = report.processes.compactMap { $0.before?.residentBytes }.max() ?? 0
    guard let calibration = try calibration(resident) else { return }
    for (index, copied) in copied.enumerated() {
      report.processes[index].predictedBefore = UInt64(calibration.fork(of: copied.before))
      report.processes[index].predictedAfter = UInt64(calibration.fork(of: copied.after))
    }
  }

  private mutating func look(at pid: Int32) throws {
    let status = try ProcessStatus.of(pid: pid)
    guard status.vmRSS != nil else {
      throw CollapseError(
        "process \(pid) (\(status.name)) has no memory of its own: it is a kernel thread or has ended",
        kind: .gone)
    }
    let use = try MemoryUse.of(pid: pid)
    guard use.mayHaveHugePages else {
      throw CollapseError(
        "process \(pid) (\(status.name)) has switched huge pages off for itself: "
          + "prctl(PR_SET_THP_DISABLE), as Redis does by \"disable-thp yes\"; start it without that"
      )
    }
    let mappings = try MemoryMapping.all(of: pid)
    var residency = try Residency(of: pid)
    let plan = try CollapsePlan(mappings) { start, count throws(ProcError) in
      try residency.pages(from: start, each: CollapsePlan.size, parts: count)
    }
    var process = CollapsedProcess(
      pid: Int(pid), comm: status.name,
      mappings: plan.targets.map { target in
        CollapsedMapping(
          range: String(target.mapping.start, radix: 16) + "-"
            + String(target.mapping.end, radix: 16),
          name: target.mapping.name, residentBytes: target.mapping.resident,
          hugeBytes: target.mapping.anonymousHuge, hugePages: UInt64(target.places.count),
          reason: target.reason)
      }, growth: plan.growth)
    process.before = Self.state(use)
    if mappings.contains(where: { $0.merged > 0 }) {
      report.notes.append(
        "KSM has merged pages of process \(pid): a collapse gives each its own copy again.")
    }
    report.processes.append(process)
    plans.append((pid, plan))
    copied.append((CollapsePlan.copied(mappings), plan.copiedAfter(mappings)))
  }

  private static func state(_ use: MemoryUse) -> CollapsedProcess.State {
    .init(
      residentBytes: use.resident, hugeBytes: use.anonymousHuge ?? 0,
      pageTableBytes: use.pageTables)
  }

  private mutating func note() {
    report.notes += [
      "What undoes it: a restart; after a fork the first write to each huge page, which splits its "
        + "mapping into 512 entries; madvise(MADV_DONTNEED) or munmap of a part, as allocators do to "
        + "return memory; swapping."
    ]
    if plans.count > 1 {
      report.notes.append(
        "Afterwards each child has its own copy of what it shared with the parent. Often better: "
          + "collapse the parent alone, and let it replace its children one by one (not by a restart, "
          + "which builds the parent's memory anew).")
    }
  }

  /// Of the machine, and of the process's cgroup, which is charged.
  private func checkMemory() throws {
    let growth = report.processes.reduce(0) { $0 + $1.growth }
    let left = Memory.leftOfCgroup(ofProcess: options.pid) ?? .max
    let available = try Memory.available()
    guard growth + CollapsePlan.size <= left else {
      throw CollapseError(
        "it would take up to \(growth >> 20) MiB more, but the process's cgroup has "
          + "\(left >> 20) MiB left: raise memory.max")
    }
    guard growth + (64 << 20) <= available else {
      throw CollapseError(
        "it would take up to \(growth >> 20) MiB more, but only \(available >> 20) MiB are available"
      )
    }
  }

  // MARK: - Doing it

  /// Does it, step by step.
  ///
  /// - Parameter progress: called before each step with how many are done of how many; returns whether
  ///   to go on.
  /// - Throws: ``CollapseError`` where the kernel can't do it, or doesn't permit it.
  public mutating func run(_ progress: (UInt64, UInt64) -> Bool) throws {
    let all = plans.reduce(0) { $0 + $1.plan.hugePages }
    var done: UInt64 = 0
    for index in plans.indices where report.stopped == nil {
      try run(index, done: &done, of: all, progress)
    }
    for index in plans.indices {
      report.processes[index].after = (try? MemoryUse.of(pid: plans[index].pid)).map(Self.state)
    }
    report.usedAfter = Memory.used(by: plans.map(\.pid))
    if let longest = holds?.longest {
      (report.longestPauseNs, report.longestFaultPauseNs) = (longest.any, longest.ofFaults)
    }
  }

  private mutating func run(
    _ index: Int, done: inout UInt64, of all: UInt64, _ progress: (UInt64, UInt64) -> Bool
  ) throws {
    let pidfd = sonde_pidfd_open(plans[index].pid)
    guard pidfd >= 0 else {
      // It ended since it was looked at; a child's end is no reason to stop.
      guard plans[index].pid == options.pid else { return }
      report.stopped = "process \(plans[index].pid) has ended"
      return
    }
    defer { close(pidfd) }
    var steps = CollapsedProcess.Steps()
    defer { report.processes[index].steps = steps }
    var failures = 0
    for (number, target) in plans[index].plan.targets.enumerated() {
      for run in Self.runs(of: target.places) {
        guard progress(done, all) else {
          report.stopped = "interrupted"
          return
        }
        done += run.count
        let begin = steps.ns
        var error = steps.take(pidfd, run.place, run.count)
        if error == 0 { report.processes[index].mappings[number].collapsed += run.count }
        // Which of them, and why: those that are huge already take no time.
        for place in error == 0 ? 0..<0 : 0..<run.count {
          error = steps.take(pidfd, run.place + place * CollapsePlan.size, 1)
          if error == 0 {
            report.processes[index].mappings[number].collapsed += 1
            failures = 0
            continue
          }
          report.processes[index].mappings[number].refused[name(of: error), default: 0] += 1
          failures += 1
          if let reason = try reason(error, failures, plans[index].pid) {
            let hasGone = error == ESRCH || !hasMapping(plans[index].pid)
            if !hasGone || plans[index].pid == options.pid { report.stopped = reason }
            return
          }
        }
        let pause = holds?.longest?.any ?? steps.longestNs
        if pause > options.pace {
          report.stopped =
            "a step held the process up for \(pause / 1_000_000) ms, longer than --pace allows"
          return
        }
        // The process has as long for itself as it was held up.
        usleep(UInt32(min((steps.ns - begin) / 1000, 200_000)))
      }
    }
  }

  /// How many huge pages one call makes at most: between them the kernel lets go of the lock. Each call
  /// first has all CPUs empty their lists of new pages (lru_add_drain_all()), which takes longer than a
  /// huge page.
  private static let mostAtOnce: UInt64 = 8

  /// Places next to each other, a few at a time.
  private static func runs(of places: [UInt64]) -> [(place: UInt64, count: UInt64)] {
    var runs: [(place: UInt64, count: UInt64)] = []
    for place in places {
      if let last = runs.last, last.count < mostAtOnce,
        place == last.place + last.count * CollapsePlan.size
      {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((place, 1))
      }
    }
    return runs
  }

  private func name(of error: Int32) -> String {
    switch error {
    case EAGAIN: "EAGAIN"
    case EBUSY: "EBUSY"
    case EINVAL: "EINVAL"
    case ENOMEM: "ENOMEM"
    case ESRCH: "ESRCH"
    default: "\(error)"
    }
  }

  /// Why to go no further, by madvise_collapse_errno() in mm/khugepaged.c.
  private func reason(_ error: Int32, _ inARow: Int, _ pid: Int32) throws -> String? {
    switch error {
    case EPERM, EACCES:
      throw CollapseError(
        "not permitted for process \(pid): CAP_SYS_NICE and permission to trace it are needed",
        kind: .notPermitted)
    case ESRCH: "process \(pid) has ended"
    case EBUSY:
      "the process's cgroup may not take another huge page: raise memory.max"
    case ENOMEM where inARow >= 8 || !hasMapping(pid):
      hasMapping(pid)
        ? "no free huge page is left, memory is fragmented: "
          + "echo 1 > /proc/sys/vm/compact_memory may help"
        : "process \(pid) has executed another program, or ended"
    default: nil
    }
  }

  /// ENOMEM also stands for a range that isn't mapped any more.
  private func hasMapping(_ pid: Int32) -> Bool {
    guard let mappings = try? MemoryMapping.all(of: pid), !mappings.isEmpty else { return false }
    let starts = Set(mappings.map(\.start))
    let planned = plans.first { $0.pid == pid }?.plan.targets.filter { !$0.places.isEmpty } ?? []
    return planned.contains { starts.contains($0.mapping.start) }
  }

  private static func checkKernel() throws {
    guard !isSupported else { return }
    throw CollapseError(
      HugePages.current().enabled == nil
        ? "this kernel has no transparent huge pages"
        : "this kernel can't collapse the memory of another process: that needs Linux 6.1 or later",
      kind: .unsupported)
  }

  /// Whether this kernel can do it at all: by trying it on memory of this process.
  public static var isSupported: Bool {
    let size = Int(2 * CollapsePlan.size)
    let memory = unsafe mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return true }
    defer { unsafe munmap(memory, size) }
    let address = UInt64(UInt(bitPattern: memory))
    let place = (address + CollapsePlan.size - 1) / CollapsePlan.size * CollapsePlan.size
    unsafe memset(memory, 1, size)
    let itself = sonde_pidfd_open(getpid())
    guard itself >= 0 else { return true }
    defer { close(itself) }
    return sonde_collapse(itself, place, CollapsePlan.size) != EINVAL
  }
}

/// Why nothing is collapsed.
public struct CollapseError: Error, CustomStringConvertible {
  public enum Kind: Sendable { case failed, gone, unsupported, notPermitted }

  public let description: String
  public let kind: Kind

  init(_ description: String, kind: Kind = .failed) {
    (self.description, self.kind) = (description, kind)
  }
}

extension CollapsedProcess.Steps {
  /// One call, timed. The error number, or 0.
  fileprivate mutating func take(_ pidfd: Int32, _ place: UInt64, _ count: UInt64) -> Int32 {
    let begin = now()
    var error = sonde_collapse(pidfd, place, count * CollapsePlan.size)
    // A page was locked or about to be used by the kernel: the next time it may not be.
    if error == EAGAIN { error = sonde_collapse(pidfd, place, count * CollapsePlan.size) }
    let ns = now() - begin
    self.count += 1
    self.ns += ns
    longestNs = max(longestNs, ns)
    return error
  }
}

private func now() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
