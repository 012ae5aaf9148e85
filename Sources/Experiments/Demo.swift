import CExperiment
import FoundationEssentials
import Glibc
import Proc
public import Reports
import Session

/// How long a fork takes by kind of memory, measured on processes of its own.
public struct Demo {
  public struct Options: Sendable {
    /// How much memory each process is to have, bytes; a multiple of 2 MiB.
    public var bytes: UInt64
    /// How many children of each kind.
    public var forks = 11
    /// How many first writes after a fork, of the parent and of the child.
    public var writes = 512
    /// What kinds of memory.
    public var kinds = Set(DemoRow.Memory.allCases)

    public init(bytes: UInt64) { self.bytes = bytes }
  }

  public let options: Options
  private let huge: HugePages
  private let host: Proc.Host

  /// - Throws: ``TooLittleMemory`` before anything is touched, `ProcError`.
  public init(_ options: Options) throws {
    self.options = options
    huge = HugePages.current()
    host = try Proc.Host.current()
    try Self.check(options.bytes)
  }

  /// What else the processes and the machine need: children's copies, page tables, and room.
  private static let reserve: UInt64 = 256 << 20

  private static func check(_ bytes: UInt64) throws {
    let available = try Memory.available()
    // Page tables take a 512th.
    let needed = bytes + bytes / 128 + reserve
    guard needed <= available else {
      let fits = available > reserve ? (((available - reserve) / 129 * 128) >> 21) << 21 : 0
      throw TooLittleMemory(wanted: bytes, available: available, fits: fits)
    }
  }

  /// Measures one after another.
  ///
  /// - Parameter begun: called with what is measured next, and how many of how many that is.
  /// - Returns: the rows measured until then where a signal came, and that.
  public func run(
    _ begun: (DemoRow, Int, Int) -> Void
  ) throws -> (report: DemoReport, signal: Int32?, notPutBack: [String]) {
    var loop = try EventLoop(signals: [SIGINT, SIGTERM, SIGHUP], rings: [], output: nil)
    let start = SnapshotJSON.timestamp(Date())
    var report = DemoReport(
      host: HostPart(
        names: [host.hostname], kernels: [host.kernelRelease], cpus: host.onlineCPUCount),
      cpuModel: CPUModel.current(), start: start, bytes: options.bytes, rows: [])
    var signal: Int32?
    var notPutBack: [String] = []
    let planned = plan()
    for (index, row) in planned.enumerated() {
      begun(row, index + 1, planned.count)
      do {
        report.rows.append(try measure(row, &loop, &notPutBack))
      } catch Experiment.Failure.interrupted(let number) {
        signal = number
        break
      }
    }
    report.complete()
    return (report, signal, notPutBack)
  }

  private func plan() -> [DemoRow] {
    let page: UInt64 = 4096
    var rows = [
      DemoRow(memory: .empty, pageBytes: page), DemoRow(memory: .libraries, pageBytes: page),
      DemoRow(memory: .small, pageBytes: page),
    ]
    rows += huge.folios.filter { $0.size > 4096 }.map {
      DemoRow(memory: .folios, pageBytes: $0.size)
    }
    rows += [
      DemoRow(memory: .transparent, pageBytes: huge.size),
      DemoRow(memory: .collapsed, pageBytes: huge.size),
    ]
    rows += huge.pools.filter { $0.size >= 2 << 20 }.map {
      DemoRow(memory: .hugetlb, pageBytes: $0.size)
    }
    rows += huge.pools.filter { $0.size == 2 << 20 }.map {
      DemoRow(memory: .exhaustedPool, pageBytes: $0.size)
    }
    // So many that their own cost shows, and no more than vm.max_map_count.
    let each = max(page, options.bytes / 16_384 / page * page)
    rows += [
      DemoRow(memory: .mappings, pageBytes: each), DemoRow(memory: .shared, pageBytes: page),
      DemoRow(memory: .dontFork, pageBytes: page),
    ]
    rows = rows.filter { options.kinds.contains($0.memory) }
    if options.kinds.contains(.shared) {
      rows += [.vfork, .spawn, .sharedMemory].map {
        DemoRow(memory: .small, child: $0, pageBytes: page)
      }
    }
    return rows
  }

  private func measure(
    _ planned: DemoRow, _ loop: inout EventLoop, _ notPutBack: inout [String]
  ) throws -> DemoRow {
    var row = planned
    let settings = SettingsGuard()
    defer { notPutBack += settings.putBack() }
    if let skip = prepare(row, settings) {
      row.skipped = skip
      return row
    }
    var arrangement = sonde_arrangement()
    arrangement.layout = row.memory.layout.rawValue
    arrangement.child = row.child.how.rawValue
    arrangement.bytes = options.bytes
    arrangement.page = row.pageBytes
    arrangement.forks = UInt32(options.forks)
    arrangement.writes = row.isWrittenTo ? UInt32(writes(to: row)) : 0
    do {
      try measure(arrangement, &row, &loop)
    } catch Experiment.Failure.failed(let call, let error) {
      row.skipped = .init("\(call): \(unsafe String(cString: strerror(error)))")
    } catch Experiment.Failure.killed(let signal) {
      row.skipped = .init(
        "the process was killed by signal \(signal)"
          + (signal == SIGBUS ? ": the pool had no page left" : ""))
    }
    return row
  }

  private func measure(
    _ arrangement: sonde_arrangement, _ row: inout DemoRow, _ loop: inout EventLoop
  ) throws {
    let experiment = try Experiment.start(arrangement, &loop)
    try experiment.reach(&loop)
    let use = try MemoryUse.of(pid: experiment.pid)
    row.describe(
      use, mappings: try MemoryMapping.count(of: experiment.pid), of: options.bytes)
    experiment.goOn()
    if arrangement.writes > 0 {
      try experiment.reach(&loop)
      let family = [experiment.pid, experiment.result.child]
      let before = Memory.used(by: family)
      experiment.goOn()
      try experiment.reach(&loop)
      let after = Memory.used(by: family)
      let writes = UInt64(experiment.result.parent_writes)
      if let before, let after, writes > 0 {
        row.bytesPerWrite = (after - min(before, after)) / writes
      }
      experiment.goOn()
    }
    try experiment.reach(&loop)
    let result = experiment.result
    guard result.intact == 1 else {
      throw DemoError("the memory no longer holds what was written to it: \(row.name)")
    }
    row.take(result)
    experiment.goOn()
  }

  /// No more than there are pages for parent and child each: a second write to a page is no first one.
  private func writes(to row: DemoRow) -> Int {
    let isHuge = [.transparent, .collapsed, .hugetlb, .exhaustedPool].contains(row.memory)
    let pages = Int(options.bytes / (isHuge ? row.pageBytes : 4096))
    return max(1, min(options.writes, pages / 2))
  }

  /// What is to be set up before; nil where the row can be measured.
  private func prepare(_ row: DemoRow, _ settings: SettingsGuard) -> DemoRow.Skip? {
    switch row.memory {
    case .folios:
      // With a larger size permitted that one would be taken.
      let larger = huge.folios.first { $0.size > row.pageBytes && $0.enabled != .never }
      if let larger {
        return .init(
          "folios of \(larger.size >> 10) KiB are enabled and would be taken",
          remedy: "echo never > \(larger.path)")
      }
      guard let folio = huge.folios.first(where: { $0.size == row.pageBytes }),
        folio.enabled == .never
      else { return nil }
      return change(folio.path, to: "madvise", settings)
    case .transparent, .collapsed:
      guard let mode = huge.enabled else {
        return .init("this kernel has no transparent huge pages")
      }
      guard row.memory == .transparent, mode == .never else { return nil }
      return change(
        "/sys/kernel/mm/transparent_hugepage/enabled", to: "madvise", settings)
    case .hugetlb:
      return fill(row.pageBytes, sparing: UInt64(2 * options.writes), settings)
    case .exhaustedPool:
      return fill(row.pageBytes, sparing: 0, settings)
    default: return nil
    }
  }

  private func change(
    _ path: String, to value: String, _ settings: SettingsGuard
  ) -> DemoRow.Skip? {
    do {
      try settings.set(path, to: value)
      return nil
    } catch {
      return .init("\(error)", remedy: "echo \(value) > \(path)")
    }
  }

  /// Pages of the pool for the memory, and `spare` for what both sides write to; with none, no more than
  /// that.
  private func fill(
    _ size: UInt64, sparing spare: UInt64, _ settings: SettingsGuard
  ) -> DemoRow.Skip? {
    guard let pool = HugePages.pool(of: size) else { return .init("there is no such pool") }
    guard options.bytes % size == 0 else {
      return .init("\(options.bytes >> 20) MiB is not a multiple of \(size >> 20) MiB")
    }
    let pages = options.bytes / size
    let needed = pages + min(pages, spare)
    // An exhausted pool is nothing to do to others.
    guard spare > 0 || (pool.pages == pool.available && pool.available <= needed) else {
      return .init("the pool is in use, or has more free pages than needed")
    }
    guard pool.available < needed else { return nil }
    let missing = needed - pool.available
    let command = "echo \(pool.pages + missing) > \(pool.path)"
    let available = (try? Memory.available()) ?? 0
    guard available > missing * size + Self.reserve else {
      return .init(
        "\(missing) more pages of \(size >> 20) MiB are needed, which is more memory than is free",
        remedy: "a smaller --rss")
    }
    do {
      try settings.set(pool.path, to: "\(pool.pages + missing)")
    } catch {
      return .init("\(error)", remedy: command)
    }
    // The kernel makes as many as it finds room for, and reports no error.
    guard let filled = HugePages.pool(of: size), filled.available >= needed else {
      return .init(
        "the kernel found room for only \(HugePages.pool(of: size)?.available ?? 0) of \(needed) pages",
        remedy: size > 2 << 20
          ? "hugepagesz=\(size >> 30)G hugepages=\(needed) on the kernel's command line"
          : "echo 1 > /proc/sys/vm/compact_memory")
    }
    return nil
  }
}

/// There is less memory than was asked for.
public struct TooLittleMemory: Error, CustomStringConvertible {
  public let wanted: UInt64
  public let available: UInt64
  /// The most that would do.
  public let fits: UInt64

  public var description: String {
    "\(wanted >> 20) MiB and room for page tables and copies are needed, but \(available >> 20) MiB "
      + "are available: "
      + (fits > 0 ? "--rss \(fits >> 20)M would fit" : "too little for any experiment")
  }
}

/// The experiment went wrong in a way that makes its figures worthless.
public struct DemoError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

extension Demo {
  /// What a prediction needs, within a few seconds; nil where the machine has no room even for that.
  ///
  /// - Parameter bytes: how much memory the processes have that it is for. The more page tables a fork
  ///   takes, the fewer of them are at hand: an entry takes longer.
  /// - Throws: what ``run(_:)`` throws.
  public static func quickCalibration(for bytes: UInt64) throws -> Calibration? {
    var size = (min(max(bytes, leastCalibrated), mostCalibrated) >> 21) << 21
    while size >= leastCalibrated {
      var options = Options(bytes: size)
      options.kinds = [.empty, .libraries, .small, .transparent, .collapsed]
      if let demo = try? Demo(options) {
        let result = try demo.run { _, _, _ in }
        guard result.notPutBack.isEmpty else {
          throw DemoError("could not put back \(result.notPutBack.joined(separator: ", "))")
        }
        guard result.signal == nil else {
          throw DemoError("interrupted while measuring how long forks take here")
        }
        return Calibration(result.report)
      }
      size = (size >> 22) << 21
    }
    return nil
  }

  private static let leastCalibrated: UInt64 = 128 << 20
  private static let mostCalibrated: UInt64 = 1 << 30
}
