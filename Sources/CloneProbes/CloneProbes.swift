public import BPF
import CLinux
public import CloneModel
import Glibc
public import Proc
import Records
public import Reports
public import Symbols
public import SystemPackage

/// What the kernel side is to report.
public struct CloneProbeOptions: Sendable {
  /// Only these processes; empty: all.
  public var processes: [Int32] = []
  /// And their descendants.
  public var follows = false
  /// Also new threads.
  public var threads = false
  /// Also the steps of copying an address space: two probes more for each mapping.
  public var steps = false
  /// Also the write faults after a fork: a program at each page fault and at each allocation of pages.
  public var faults = false
  /// Whether stacks are copied, for the reader to unwind.
  package var copiesStacks = false
  /// Not the best means that there is, but what takes its place elsewhere: to compare the two.
  package var substitute: Substitute?
  /// How many children are followed at a time; nil for as many as there usually are.
  package var mostChildren: Int?

  package enum Substitute: Sendable {
    /// System calls and samples.
    case samples
    /// The bracket around dup_mmap().
    case bracket
  }

  public init() {}
}

/// The kernel side of `cloneprof`, running: a record per clone, by the best means of this kernel.
///
/// Attached from `init` until it goes.
public struct CloneProbes: ~Copyable {
  private let programs: [Program]
  /// Those whose cost isn't that of clones.
  private let faultPrograms: [Program]
  private var links: [Held]
  /// Of the phases of a clone, where they can't be measured; and of what forks cost afterwards.
  private var phases: Sampler?
  private var afterFork: Sampler?
  private let accounts: MappedValues<sonde_cpu>
  private let status: MappedValues<sonde_clone_status>
  private let control: Map
  /// The calls in progress, by thread: those that have a slot, and those that another keeps from theirs.
  private let callSlots: Map
  private let calls: Map
  /// Likewise those that clones have made, or that have made one.
  private let processSlots: Map
  private let processes: Map
  /// Calls that were in progress as the probes were detached.
  private var unended: UInt64 = 0
  private let ringSize: Int
  /// The rings, for draining into a closure.
  public var rings: RingBuffers
  /// What is seen by which means.
  public let ladder: [ProbePart]
  /// Which parts of a clone are seen.
  public let coverage: CloneCoverage

  /// How often a CPU is sampled, where the parts can't be measured: a prime, lest it keep step with
  /// something periodic. A sample takes 5 us where the kernel unwinds by ORC tables: half a percent.
  public static let sampleFrequency = 997
  /// And what forks cost after the call: ten seconds of a busy CPU are 2,000 samples.
  static let afterForkFrequency = 199
  /// The CPU time that such a sample stands for, ns: such a clock has a fixed period
  /// (perf_swevent_init_hrtimer()). Nil where there are none.
  public var afterForkPeriod: UInt64? {
    afterFork == nil ? nil : 1_000_000_000 / UInt64(Self.afterForkFrequency)
  }
  /// Mappings that take less have no record of their own, ns.
  static let mappingThreshold: UInt32 = 5_000

  /// A link that lives in an array.
  final class Held {
    private let link: Link
    init(_ link: consuming Link) { self.link = link }
  }

  /// Programs that run as a call begins.
  private static let beginnings: Set<String> = [
    "fork_begins", "vfork_begins", "clone_begins", "clone3_begins", "kernel_clone_entry",
    "kernel_clone_probe", "kernel_clone_begin",
  ]
  static let systemCalls = ["fork", "vfork", "clone", "clone3"]
  /// The last of a child before the first.
  static let children = ["process_ends", "process_execs", "child_complete", "child_runnable"]

  /// Loads and attaches what this kernel can attach.
  ///
  /// - Parameters:
  ///   - host: its CPUs: those that are there get a ring, those that run a clock.
  ///   - symbols: the kernel's, as far as they may be seen.
  /// - Throws: where the kernel refuses what there is no substitute for.
  public init(
    _ host: Proc.Host, probeOptions: CloneProbeOptions, symbols: KernelSymbols?
  ) throws(BPFError) {
    let kernel = KernelFeatures()
    let cpus = host.presentCPUs
    let possibleCPUs = (host.possibleCPUs.last ?? 0) + 1
    let size = Self.ringSize(cpus: cpus.count)
    var reasons: [String] = []
    var strategy = ProbeStrategy.syscalls
    var loaded: Loaded?
    for candidate in probeOptions.substitute == .samples ? [.syscalls] : ProbeStrategy.allCases {
      if let reason = Self.reasonAgainst(candidate, kernel, symbols) {
        reasons.append(reason)
        continue
      }
      do throws(BPFError) {
        if candidate == .syscalls { try Self.ensureTracefs() }
        loaded = Loaded(
          object: try Self.load(
            candidate, kernel, probeOptions, possibleCPUs: possibleCPUs, ringSize: size,
            symbols: symbols))
        strategy = candidate
        break
      } catch {
        if candidate == .syscalls { throw error }
        let cause = error.errno.map { "\($0)" } ?? "\(error)"
        reasons.append("\(candidate.rawValue) programs failed to load: \(cause)")
      }
    }
    guard let loaded else {
      throw BPFError(.unsupported, "trace clones", cause: reasons.joined(separator: "; "))
    }
    let reason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")

    if probeOptions.steps, strategy == .syscalls {
      throw BPFError(
        .unsupported, "measure the steps of the copy", cause: reason,
        remedy: "drop --steps: on this kernel the phases of a clone can only be sampled")
    }

    if probeOptions.faults, let reason = Self.reasonAgainstFaults(kernel) {
      throw BPFError(
        .unsupported, "count copy-on-write faults", cause: reason,
        remedy: "drop --faults: the bill of forks says how long they take")
    }

    var rings = RingBuffers(try loaded.object.map("rings"))
    try rings.add(cpus: cpus, size: size)
    let wanted = try loaded.object.map("wanted")
    for pid in probeOptions.processes { try wanted.set(UInt32(pid), to: UInt64(0)) }
    let accounts = try MappedValues(try loaded.object.map("cpus"), as: sonde_cpu.self)
    let status = try MappedValues(
      try loaded.object.map(".data.status"), as: sonde_clone_status.self)

    var attached = Attached()
    for name in Self.children { try attached.attach(loaded.object.program(name)) }
    var coverage = CloneCoverage()
    coverage.children = true
    var ladder: [ProbePart] = []
    let whole: String
    // The ends before the beginnings, the parts before the whole: every call whose beginning is seen is
    // seen to its end. Detached in the reverse order, for the same.
    if strategy == .syscalls {
      ladder += Self.attachSamples(
        loaded.object, host.onlineCPUs, symbols, reason, &attached, &coverage)
      for call in Self.systemCalls {
        try attached.attach(loaded.object.program("\(call)_ends"))
        try attached.attach(loaded.object.program("\(call)_begins"))
      }
      whole = "syscall tracepoints"
    } else {
      ladder += Self.attachCopies(
        loaded.object, strategy, kernel, symbols, probeOptions.substitute, &attached, &coverage)
      if probeOptions.steps {
        ladder += Self.attachSteps(loaded.object, strategy, kernel, symbols, &attached, &coverage)
      }
      whole = try Self.attachWhole(loaded.object, strategy, kernel, symbols, &attached)
    }
    ladder.insert(
      ProbePart(feature: "whole clone", probe: whole, available: .yes, reason: reason), at: 0)
    ladder.append(
      ProbePart(
        feature: "child: PID, RSS, wakeup",
        probe: "tp_btf/sched_process_fork, sched_wakeup_new", available: .yes))
    ladder.append(
      ProbePart(
        feature: "child: exec, exit", probe: "tp_btf/sched_process_exec, sched_process_exit",
        available: .yes))
    ladder.append(try Self.attachFaults(loaded.object, kernel, probeOptions, &attached))
    coverage.countsFaults = probeOptions.faults
    ladder.append(Self.stacks(areCopied: probeOptions.copiesStacks))
    ladder.append(
      Self.attachAfterFork(loaded.object, host.onlineCPUs, symbols, &attached))

    if probeOptions.follows { try Self.follow(probeOptions.processes, wanted) }
    let control = try loaded.object.map(".data.control")
    try control.set(UInt32(0), to: sonde_clone_control(attached: 1, stopped: 0))
    let calls = try loaded.object.map("calls")
    let callSlots = try loaded.object.map("call_slots")
    let others = try loaded.object.map("processes")
    let slots = try loaded.object.map("process_slots")

    self.control = control
    self.callSlots = callSlots
    self.calls = calls
    processSlots = slots
    processes = others
    self.programs = attached.programs
    faultPrograms = attached.faultPrograms
    self.links = attached.links
    phases = attached.phases
    afterFork = attached.afterFork
    self.accounts = accounts
    self.status = status
    ringSize = size
    self.rings = rings
    self.ladder = ladder
    self.coverage = coverage
  }

  /// Wants those that are there already; what these make from here on is seen to be made.
  private static func follow(_ processes: [Int32], _ wanted: borrowing Map) throws(BPFError) {
    var added: Set<Int32> = []
    // One that is found by the next look was made before its parent was wanted.
    for _ in 0..<4 {
      let all = Set(processes.flatMap(ProcessTree.descendants(of:)))
      // The id of one that has ended is free for another process.
      for gone in added.subtracting(all) { try wanted.remove(UInt32(gone)) }
      added.formIntersection(all)
      let new = all.subtracting(added)
      guard !new.isEmpty else { return }
      for child in new where try wanted.value(UInt32(child)) as UInt64? == nil {
        do throws(BPFError) {
          try wanted.set(UInt32(child), to: UInt64(0))
        } catch {
          guard error.errno?.rawValue == E2BIG else { throw error }
          throw BPFError(
            .failed, "follow all descendants",
            cause: "\(all.count) are alive; at most \(wanted.maxEntries) can be followed",
            remedy: "use --cgroup")
        }
      }
      added.formUnion(new)
    }
  }

  /// An object that is there, or isn't.
  private final class Loaded {
    let object: Object
    init(object: consuming Object) { self.object = object }
  }

  struct Attached {
    var programs: [Program] = []
    var faultPrograms: [Program] = []
    var links: [Held] = []
    var phases: Sampler?
    var afterFork: Sampler?

    mutating func attach(_ program: Program) throws(BPFError) {
      links.append(Held(try program.attach()))
      programs.append(program)
    }

    mutating func attach(
      _ program: Program, kprobe function: String, atReturn: Bool
    ) throws(BPFError) {
      links.append(Held(try program.attach(kprobe: function, atReturn: atReturn)))
      programs.append(program)
    }
  }

  /// 1 MiB holds 2,600 clones of a CPU, and wakes the consumer at a quarter of that; many CPUs share 128 MiB.
  static func ringSize(cpus: Int) -> Int {
    var size = 1 << 20
    while size > 128 << 10, size * cpus > 128 << 20 { size /= 2 }
    return size
  }

  /// Kernel memory of the rings, bytes.
  public var ringBytes: Int { rings.cpus.count * ringSize }

  /// Gives a ring to those of the CPUs that have come; the new rings' descriptors.
  public mutating func addRings(missingOf cpus: [Int]) -> [FileDescriptor] {
    rings.add(missingOf: cpus, size: ringSize)
  }

  /// Detaches: no call that begins from here on counts; what is in the rings stays.
  ///
  /// The last that was attached goes first, and the clocks at last, so that calls in progress are seen
  /// to their ends. Were an end detached before its beginning, calls that go on to begin would never be
  /// seen to end.
  public mutating func stop() throws(BPFError) {
    try control.set(UInt32(0), to: sonde_clone_control(attached: 1, stopped: 1))
    while links.popLast() != nil {}
    phases?.stop()
    afterFork?.stop()
    unended = 0
    try calls.forEachKey(as: UInt32.self) { _ in unended += 1 }
    try callSlots.forEachKey(as: UInt32.self) { (index) throws(BPFError) in
      guard let slot = try (callSlots.value(index) as sonde_clone_state?)?.slot else { return }
      if slot.id != 0, slot.id != slot.ended { unended += 1 }
    }
  }

  /// Whether samples of the phases are taken, where they are at all.
  public mutating func setSampling(_ samples: Bool) { phases?.setTicking(samples) }

  /// Gives CPUs that have come a clock, where samples are taken.
  public mutating func followClocks(onlineCPUs cpus: [Int]) {
    phases?.follow(onlineCPUs: cpus)
    afterFork?.follow(onlineCPUs: cpus)
  }

  // MARK: - Write faults

  /// Of those that live: what the kernel side reports of the others as they end. Records as it emits them.
  func writeFaults(at time: UInt64) throws(BPFError) -> [sonde_write_faults] {
    var records: [sonde_write_faults] = []
    func add(_ process: sonde_process, _ id: UInt32) {
      let isChild =
        process.begin != 0 && process.has_execed == 0 && process.shares_memory == 0
      guard process.faults > 0, isChild || process.has_forked != 0 else { return }
      var record = sonde_write_faults()
      record.header.time = time
      record.header.tid = id
      record.header.kind = UInt8(SONDE_KIND_WRITE_FAULTS.rawValue)
      record.header.flags = isChild ? 0 : UInt8(SONDE_WRITE_FAULTS_PARENT)
      record.begin = isChild ? process.begin : process.forked_at
      record.tgid = process.tgid
      (record.faults, record.copied) = (process.faults, process.copied)
      records.append(record)
    }
    try processSlots.forEachKey(as: UInt32.self) { (index) throws(BPFError) in
      guard let process = try processSlots.value(index) as sonde_process? else { return }
      let slot = process.slot
      if slot.id != 0, slot.id != slot.ended { add(process, slot.id) }
    }
    try processes.forEachKey(as: UInt32.self) { (id) throws(BPFError) in
      if let process = try processes.value(id) as sonde_process? { add(process, id) }
    }
    return records
  }

  // MARK: - Counters

  /// What the kernel side counted since it was attached; what was delivered is the consumer's to add.
  public func counters() throws(BPFError) -> CloneCounters {
    var counters = CloneCounters()
    for index in 0..<accounts.count {
      let cpu = accounts[index]
      counters.records += cpu.records
      counters.ringFull += cpu.ring_full
      counters.noRing += cpu.no_ring
    }
    counters.mapFull = status[0].map_full
    counters.missedEnds = status[0].missed_ends
    counters.straddled = status[0].straddled + unended
    for program in programs {
      let statistics = try program.statistics()
      counters.recursion += statistics.recursionMisses
      counters.runTime += statistics.runTime
      if Self.beginnings.contains(program.name) {
        counters.begun += statistics.runs
      }
    }
    for program in faultPrograms { counters.recursion += try program.statistics().recursionMisses }
    return counters
  }
}

/// What `cloneprof` wants to see, and what this kernel has for it: by attaching for a moment.
///
/// - Throws: `BPFError` where nothing can be seen at all, `ProcError` where /proc can't be read.
public func cloneProbes() throws -> [ProbePart] {
  let host = try Proc.Host.current()
  let symbols = try? KernelSymbols.current()
  func ladder(_ probeOptions: CloneProbeOptions) throws -> [ProbePart] {
    try CloneProbes(host, probeOptions: probeOptions, symbols: symbols).ladder
  }
  var probeOptions = CloneProbeOptions()
  probeOptions.copiesStacks = UnwoundStacks.reasonAgainst == nil
  probeOptions.faults = CloneProbes.reasonAgainstFaults(KernelFeatures()) == nil
  var withSteps = probeOptions
  withSteps.steps = true
  // Where there are no steps to be seen the rest is.
  return try (try? ladder(withSteps)) ?? ladder(probeOptions)
}
