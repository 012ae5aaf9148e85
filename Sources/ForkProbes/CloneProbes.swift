public import BPF
import CLinux
import ForkTrace
import Glibc

import Proc
import Records
public import Snapshots
public import Symbols
import SystemPackage

/// What the kernel side is to tell of.
public struct CloneWishes: Sendable {
  /// Only these processes; empty: all.
  public var processes: [Int32] = []
  /// And those that they make.
  public var follows = false
  /// Also new threads.
  public var threads = false

  public init() {}
}

/// The kernel side of `cloneprof`, running: a record per clone, by the best means of this kernel.
///
/// Attached from `init` until it goes.
public struct CloneProbes: ~Copyable {
  private let programs: [Program]
  private let links: [Held]
  private let clocks: [Clock]
  private let accounts: MappedValues<sonde_cpu>
  private let wanted: Map
  private let stacks: Map
  private let ringSize: Int
  /// The rings, for draining into a closure.
  public var rings: RingBuffers
  /// What is seen by which means.
  public let ladder: [ProbePart]
  /// What the phases are told by.
  public let means: Means

  /// By which means a part is seen.
  public struct Means: Sendable, Equatable {
    /// Address-space copies: by dup_mmap() or the bracket around it.
    public var measuresCopies = false
    /// Page tables, per mapping.
    public var measuresMappings = false
    /// Samples of the kernel's stack, where the parts are not measured.
    public var samples = false
  }

  /// How often a CPU is sampled, where the parts can't be measured: a prime, lest it keep step with
  /// something periodic. A sample takes 1 to 5 us, and no clone is to take 1 % longer for them.
  public static let sampleFrequency = 1999
  /// Mappings that take less have no record of their own, ns.
  static let mappingThreshold: UInt32 = 5_000

  /// A link that lives in an array.
  private final class Held {
    private let link: Link
    init(_ link: consuming Link) { self.link = link }
  }

  /// What the calls and their parts are seen by, the best first.
  private enum Way: CaseIterable {
    case functionEntries, kprobes, systemCalls

    /// How the names of its programs end, at a function's beginning and its end.
    var endings: (begin: String, end: String) {
      self == .functionEntries ? ("entry", "exit") : ("probe", "return")
    }

    /// As the ladder names it: "fentry/dup_mmap".
    func probe(_ function: String) -> String {
      "\(self == .functionEntries ? "fentry" : "kprobe")/\(function)"
    }
  }

  private final class Clock {
    let clock: CPUClock
    init(_ clock: consuming CPUClock) { self.clock = clock }
  }

  /// Programs that run as a call begins.
  private static let beginnings: Set<String> = [
    "fork_begins", "vfork_begins", "clone_begins", "clone3_begins", "kernel_clone_entry",
    "kernel_clone_probe",
  ]
  private static let systemCalls = ["fork", "vfork", "clone", "clone3"]
  private static let children = ["child_complete", "child_runnable"]

  /// Loads and attaches what this kernel can attach.
  ///
  /// - Parameters:
  ///   - possibleCPUs: how many CPUs the kernel can have.
  ///   - cpus: those to give a ring now.
  ///   - symbols: the kernel's, as far as they may be seen.
  /// - Throws: where the kernel refuses what there is no substitute for.
  public init(
    possibleCPUs: Int, cpus: [Int], wishes: CloneWishes, symbols: KernelSymbols?
  ) throws(BPFError) {
    let kernel = KernelFeatures()
    let size = Self.ringSize(cpus: cpus.count)
    var reasons: [String] = []
    var way = Way.systemCalls
    var loaded: Loaded?
    for candidate in Way.allCases {
      if let reason = Self.reasonAgainst(candidate, kernel, symbols) {
        reasons.append(reason)
        continue
      }
      do throws(BPFError) {
        if candidate == .systemCalls { try Self.ensureTracefs() }
        loaded = Loaded(
          object: try Self.load(
            candidate, kernel, wishes, possibleCPUs: possibleCPUs, ringSize: size,
            samples: symbols != nil))
        way = candidate
        break
      } catch {
        if candidate == .systemCalls { throw error }
        let cause = error.errno.map { "\($0)" } ?? "\(error)"
        reasons.append(
          "\(candidate == .functionEntries ? "fentry is" : "kprobes are") refused: \(cause)")
      }
    }
    guard let loaded else {
      throw BPFError(.unsupported, "see clones", cause: reasons.joined(separator: "; "))
    }
    let reason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")

    var rings = RingBuffers(try loaded.object.map("rings"))
    try rings.add(cpus: cpus, size: size)
    let wanted = try loaded.object.map("wanted")
    for pid in wishes.processes { try wanted.set(UInt32(pid), to: UInt8(1)) }
    let accounts = try MappedValues(try loaded.object.map("cpus"), as: sonde_cpu.self)
    let stacks = try loaded.object.map("stacks")

    var attached = Attached()
    for name in Self.children { try attached.attach(loaded.object.program(name)) }
    var means = Means()
    var ladder: [ProbePart] = []
    let whole: String
    // The ends before the beginnings, the parts before the whole: all that is begun is seen to its end.
    if way == .systemCalls {
      ladder += Self.attachSamples(loaded.object, cpus, symbols, reason, &attached, &means)
      for call in Self.systemCalls {
        try attached.attach(loaded.object.program("\(call)_ends"))
        try attached.attach(loaded.object.program("\(call)_begins"))
      }
      whole = "tracepoints of the system calls"
    } else {
      ladder += Self.attachCopies(loaded.object, way, kernel, symbols, &attached, &means)
      try attached.attach(loaded.object.program("kernel_clone_\(way.endings.end)"))
      try attached.attach(loaded.object.program("kernel_clone_\(way.endings.begin)"))
      whole = way.probe("kernel_clone")
    }
    ladder.insert(
      ProbePart(want: "a clone as a whole", using: whole, state: .yes, reason: reason), at: 0)
    ladder.append(
      ProbePart(
        want: "the child, its memory and its waking",
        using: "tp_btf/sched_process_fork, sched_wakeup_new", state: .yes))

    self.programs = attached.programs
    self.links = attached.links
    clocks = attached.clocks
    self.accounts = accounts
    self.wanted = wanted
    self.stacks = stacks
    ringSize = size
    self.rings = rings
    self.ladder = ladder
    self.means = means
  }

  /// An object that is there, or isn't.
  private final class Loaded {
    let object: Object
    init(object: consuming Object) { self.object = object }
  }

  /// Why a way isn't even tried.
  private static func reasonAgainst(
    _ way: Way, _ kernel: borrowing KernelFeatures, _ symbols: KernelSymbols?
  ) -> String? {
    let availability: Availability =
      switch way {
      case .functionEntries: kernel.function("kernel_clone")
      case .kprobes: kernel.kprobes
      case .systemCalls: .yes
      }
    if case .no(let reason) = availability { return reason }
    return nil
  }

  /// Loads the programs of a way, those of functions that aren't there left out.
  private static func load(
    _ way: Way, _ kernel: borrowing KernelFeatures, _ wishes: CloneWishes, possibleCPUs: Int,
    ringSize: Int, samples: Bool
  ) throws(BPFError) -> Object {
    let file = try OpenObject(BPFObjects.fork)
    try file.setMaxEntries("rings", possibleCPUs)
    try file.setMaxEntries("cpus", possibleCPUs)
    let records = ringSize / 4 / (MemoryLayout<sonde_clone>.size + 8)
    try file.set(".rodata.config", to: sonde_config(wakeup_records: UInt32(records), pad: 0))
    try file.set(
      ".rodata.fork",
      to: sonde_fork_config(
        only_wanted: wishes.processes.isEmpty ? 0 : 1, follows: wishes.follows ? 1 : 0,
        mapping_threshold: mappingThreshold, threads: wishes.threads ? 1 : 0))
    for call in systemCalls {
      try file.setLoads("\(call)_begins", way == .systemCalls)
      try file.setLoads("\(call)_ends", way == .systemCalls)
    }
    try file.setLoads("sample", way == .systemCalls && samples)
    // An fentry program loads only where its function stands in BTF; a kprobe attaches only there.
    let functions = [
      ("kernel_clone", ["kernel_clone_entry", "kernel_clone_exit"]),
      ("dup_mmap", ["dup_mmap_entry", "dup_mmap_exit"]),
      ("uprobe_start_dup_mmap", ["bracket_begin_entry"]),
      ("uprobe_end_dup_mmap", ["bracket_end_entry"]),
      ("copy_page_range", ["mapping_entry", "mapping_exit"]),
    ]
    for (function, programs) in functions {
      let isThere = way == .functionEntries && kernel.function(function).isYes
      for program in programs { try file.setLoads(program, isThere) }
    }
    for program in ["kernel_clone", "dup_mmap", "mapping"] {
      try file.setLoads("\(program)_probe", way == .kprobes)
      try file.setLoads("\(program)_return", way == .kprobes)
    }
    for program in ["bracket_begin", "bracket_end"] {
      try file.setLoads("\(program)_probe", way == .kprobes)
    }
    return try file.load()
  }

  private struct Attached {
    var programs: [Program] = []
    var links: [Held] = []
    var clocks: [Clock] = []

    mutating func attach(_ program: Program) throws(BPFError) {
      links.append(Held(try program.attach()))
      programs.append(program)
    }
  }

  /// libbpf looks up tracepoints in tracefs, which not every machine has mounted.
  private static func ensureTracefs() throws(BPFError) {
    for root in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
    where unsafe access("\(root)/events", F_OK) == 0 {
      return
    }
    guard sonde_mount_tracefs() == 0 else {
      throw BPFError(
        errno == EPERM ? .notPermitted : .unsupported, "see system calls",
        errno: Errno(rawValue: errno), cause: "tracefs is not mounted",
        remedy: "mount -t tracefs nodev /sys/kernel/tracing")
    }
  }

  /// The copy of the address space and of each mapping's page tables. A kernel that has inlined one of
  /// them, or refuses it, is told of and goes without.
  private static func attachCopies(
    _ object: borrowing Object, _ way: Way, _ kernel: borrowing KernelFeatures,
    _ symbols: KernelSymbols?, _ attached: inout Attached, _ means: inout Means
  ) -> [ProbePart] {
    let (begin, end) = way.endings
    let copy = "the copy of the address space"
    var ladder: [ProbePart] = []
    var failure = reasonAgainst("dup_mmap", symbols)
    if failure == nil {
      failure = reason {
        () throws(BPFError) in
        try attached.attach(object.program("dup_mmap_\(end)"))
        try attached.attach(object.program("dup_mmap_\(begin)"))
      }
    }
    if failure == nil {
      ladder.append(ProbePart(want: copy, using: way.probe("dup_mmap"), state: .yes))
      means.measuresCopies = true
    } else {
      let missing = reason {
        () throws(BPFError) in
        try attached.attach(object.program("bracket_end_\(begin)"))
        try attached.attach(object.program("bracket_begin_\(begin)"))
      }
      means.measuresCopies = missing == nil
      ladder.append(
        ProbePart(
          want: copy, using: way.probe("uprobe_start_dup_mmap, uprobe_end_dup_mmap"),
          state: missing == nil ? .yes : .no, reason: missing ?? failure))
    }
    let missing = reason {
      () throws(BPFError) in
      // c78f463649d6 ("mm: remove src/dst mm parameter in copy_page_range()"), 5.10.
      guard kernel.parameterCount(of: "copy_page_range") ?? 2 == 2 else {
        throw BPFError(
          .unsupported, "tell the mapping that is copied",
          cause: "copy_page_range has other arguments in this kernel")
      }
      try attached.attach(object.program("mapping_\(end)"))
      try attached.attach(object.program("mapping_\(begin)"))
    }
    means.measuresMappings = missing == nil
    ladder.append(
      ProbePart(
        want: "page tables, mapping by mapping", using: way.probe("copy_page_range"),
        state: missing == nil ? .yes : .no, reason: missing))
    return ladder
  }

  /// Why it didn't work; nil where it did.
  private static func reason(_ body: () throws(BPFError) -> Void) -> String? {
    do throws(BPFError) {
      try body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// Why a function can't be probed: inlined, or there more than once; nil where it stands once.
  private static func reasonAgainst(_ function: String, _ symbols: KernelSymbols?) -> String? {
    guard let symbols else { return nil }
    let found = symbols.addresses(named: function).filter { $0.name == function }
    switch found.count {
    case 0: return "\(function) is inlined in this kernel"
    case 1: return nil
    default: return "\(function) is there \(found.count) times in this kernel"
    }
  }

  private static func attachSamples(
    _ object: borrowing Object, _ cpus: [Int], _ symbols: KernelSymbols?, _ reason: String?,
    _ attached: inout Attached, _ means: inout Means
  ) -> [ProbePart] {
    let want = "the parts of a clone"
    let using = "samples of the kernel's stack, \(sampleFrequency) a second"
    guard symbols != nil else {
      return [
        ProbePart(
          want: want, using: using, state: .no,
          reason: "addresses in /proc/kallsyms are hidden; run as root, or grant CAP_SYSLOG")
      ]
    }
    do throws(BPFError) {
      let program = try object.program("sample")
      for cpu in cpus {
        attached.clocks.append(
          Clock(try CPUClock(of: cpu, frequency: sampleFrequency, running: program)))
      }
      attached.programs.append(program)
      means.samples = true
      return [ProbePart(want: want, using: using, state: .yes, reason: reason)]
    } catch {
      return [ProbePart(want: want, using: using, state: .no, reason: "\(error)")]
    }
  }

  /// 1 MiB holds 3,000 clones of a CPU within a twentieth of a second; many CPUs share 128 MiB.
  static func ringSize(cpus: Int) -> Int {
    var size = 1 << 20
    while size > 128 << 10, size * cpus > 128 << 20 { size /= 2 }
    return size
  }

  /// Kernel memory of the rings, bytes.
  public var ringBytes: Int { rings.cpus.count * ringSize }

  /// Gives a CPU that has come a ring.
  public mutating func addRing(cpu: Int) throws(BPFError) {
    try rings.add(cpus: [cpu], size: ringSize)
  }

  /// Whether samples are taken, where they are at all.
  public func setSampling(_ samples: Bool) {
    for clock in clocks { clock.clock.setTicking(samples) }
  }

  /// The return addresses of a stack, innermost first; empty where it isn't known.
  public func addresses(ofStack id: Int32) -> [UInt64] {
    guard id >= 0,
      let frames = try? stacks.value(UInt32(id), as: [32 of UInt64].self) ?? nil
    else { return [] }
    var all: [UInt64] = []
    for index in frames.indices {
      if frames[index] == 0 { break }
      all.append(frames[index])
    }
    return all
  }

  // MARK: - Accounts

  /// What the kernel side counted since it was attached.
  public struct Account: Sendable, Equatable {
    public var seen: UInt64 = 0
    public var ringFull: UInt64 = 0
    /// No ring for the CPU, or no room for another clone in progress.
    public var noRoom: UInt64 = 0
    /// Runs left out since a program was running already on that CPU.
    public var recursion: UInt64 = 0
    /// All programs' own time while it was measured, ns, and how many calls began meanwhile.
    public var runTime: UInt64 = 0
    public var begun: UInt64 = 0
  }

  public func account() throws(BPFError) -> Account {
    var account = Account()
    for index in 0..<accounts.count {
      let cpu = accounts[index]
      account.seen += cpu.seen
      account.ringFull += cpu.ring_full
      account.noRoom += cpu.no_ring
    }
    for program in programs {
      let statistics = try program.statistics()
      account.recursion += statistics.recursionMisses
      account.runTime += statistics.runTime
      if Self.beginnings.contains(program.name) {
        account.begun += statistics.runs
      }
    }
    return account
  }
}

/// What `cloneprof` wants to see, and what this kernel has for it: by attaching for a moment.
///
/// - Throws: `BPFError` where nothing can be seen at all, `ProcError` where /proc can't be read.
public func cloneProbes() throws -> [ProbePart] {
  let host = try Proc.Host.current()
  let probes = try CloneProbes(
    possibleCPUs: (host.possibleCPUs.last ?? 0) + 1, cpus: host.presentCPUs,
    wishes: CloneWishes(), symbols: try? KernelSymbols.current())
  return probes.ladder
}
