import CLinux
import CloneModel
import CloneProbes
import Collapse
import CommandLine
import Glibc
import Proc
import Reports
import Session
import SystemPackage
import Tasks

/// One run of the user's program, under one change.
struct Trial {
  let command: [String]
  let duration: UInt64
  /// Only clones by tasks of these names; all where it is empty.
  var comms: [String] = []

  /// What of the program decides which changes can have an effect.
  struct Facts {
    var usesGlibc = false
    var usesJemalloc = false
    var mayHaveHugePages = true
    /// Whether the program, or its allocator, has asked for huge pages anywhere.
    var wantsHugePages = false
    /// Of what a fork copies, by the heap: what glibc takes from brk.
    var heapShare = 0.0
  }

  struct Result {
    var row: TryRow
    /// Nil where it could not be profiled to the end.
    var profile: CloneSnapshot?
    var facts: Facts
    var signal: Int32?
  }

  func run(_ change: TryRow.Change) throws -> Result {
    // Daemons that it leaves behind are still found, and ended.
    sonde_adopt_orphans()
    var result = Result(row: TryRow(change), facts: Facts())
    let held = try HeldCommand(
      command, environment: change.environment, output: .standardError)
    defer { end(held, &result.row) }
    var isReleased = false
    func release() throws {
      if !isReleased { try held.release() }
      isReleased = true
    }
    if change == .collapse {
      // As long as it is profiled afterwards, it has to make itself at home.
      try release()
      if let signal = try wait(held) {
        result.signal = signal
        return result
      }
      try collapse(held.pid, &result.row)
    }
    var options = CloneOptions()
    options.session.duration = duration
    options.session.interval = duration
    options.session.processes = [held.pid]
    options.probeOptions.processes = [held.pid]
    options.probeOptions.follows = true
    options.filter.comms = Set(comms.map { Comm($0) })
    options.filterPart = FilterPart(pids: [Int(held.pid)], comms: comms)
    var final: CloneSnapshot?
    do {
      var session = try Session(options.session, CloneTracer(options))
      try release()
      let end = try session.run { report in
        if report.final { final = report }
        return true
      }
      if case .signal(let signal, _) = end { result.signal = signal }
    }
    result.profile = final
    if let final { result.row.take(final) }
    look(&result)
    return result
  }

  /// - Returns: the signal that ended the wait.
  private func wait(_ held: HeldCommand) throws -> Int32? {
    var loop = try EventLoop(signals: [SIGINT, SIGTERM, SIGHUP], rings: [], output: nil)
    try loop.watch(process: held.pid)
    let end = Clocks.monotonic + duration
    while Clocks.monotonic < end {
      let wakeup = try loop.wait(until: end)
      if let signal = wakeup.signal { return signal }
      if wakeup.allProcessesEnded { break }
    }
    return nil
  }

  private func collapse(_ pid: Int32, _ row: inout TryRow) throws {
    var options = Collapser.Options(pid: pid, pace: .max)
    options.follows = true
    do {
      var collapser = try Collapser(options, dryRun: false) { _ in nil }
      try collapser.run { _, _ in true }
      row.reason = collapser.report.stopped
    } catch let error as CollapseError {
      row.reason = error.description
    } catch let error as ProcError {
      row.reason = error.description
    }
  }

  // MARK: - What it looks like, and its end

  /// The largest of the program's processes.
  private func look(_ result: inout Result) {
    let processes = ProcessTree.descendants(of: getpid())
    let uses = processes.compactMap { pid in
      (try? MemoryUse.of(pid: pid)).map { (pid: pid, use: $0) }
    }
    result.row.faults = processes.reduce(0) { $0 + (ProcessTree.minorFaults(of: $1) ?? 0) }
    guard let largest = uses.max(by: { $0.use.memory < $1.use.memory }) else { return }
    result.row.residentBytes = largest.use.resident
    result.row.hugeBytes = largest.use.anonymousHuge ?? 0
    result.row.hugetlbBytes = largest.use.hugetlb
    result.facts.mayHaveHugePages = largest.use.mayHaveHugePages
    guard let mappings = try? MemoryMapping.all(of: largest.pid) else { return }
    func isMapped(_ library: String) -> Bool { mappings.contains { $0.name.contains(library) } }
    result.facts.usesGlibc = isMapped("/libc.so.6") || isMapped("/libc-2.")
    result.facts.usesJemalloc = isMapped("/libjemalloc")
    result.facts.wantsHugePages = mappings.contains { $0.flags.contains("hg") }
    let copied = mappings.filter(\.isCopied)
    let all = copied.reduce(0) { $0 + $1.anonymous }
    let heap = copied.filter { $0.name == "[heap]" }.reduce(0) { $0 + $1.anonymous }
    result.facts.heapShare = all == 0 ? 0 : Double(heap) / Double(all)
  }

  /// It and all that it started: asked to end, and ended.
  private func end(_ held: HeldCommand, _ row: inout TryRow) {
    let processes = ProcessTree.descendants(of: getpid())
    row.exitStatus = held.exitStatus.map { Int($0) }
    for pid in processes { kill(pid, SIGTERM) }
    let end = Clocks.monotonic + 5_000_000_000
    while processes.contains(where: { kill($0, 0) == 0 && !ProcessTree.isZombie($0) }),
      Clocks.monotonic < end
    {
      usleep(20_000)
    }
    for pid in processes where !ProcessTree.isZombie(pid) { kill(pid, SIGKILL) }
    held.reap()
  }
}

extension MemoryUse {
  fileprivate var memory: UInt64 { resident + hugetlb }
}

extension TryRow.Change {
  /// What it sets for the program.
  var environment: [String: String] {
    switch self {
    case .glibcMadvise: ["GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"]
    case .glibcPool: ["GLIBC_TUNABLES": "glibc.malloc.hugetlb=2"]
    case .jemalloc: ["MALLOC_CONF": "thp:always"]
    default: [:]
    }
  }
}

extension TryRow {
  mutating func take(_ snapshot: CloneSnapshot) {
    let clones = snapshot.histograms.clone
    clone = DurationsPart(clones)
    let tables = snapshot.phases.first { $0.phase == .pageTables }
    pageTablesNs = clones.count == 0 ? nil : tables.map { $0.ns / clones.count }
  }
}
