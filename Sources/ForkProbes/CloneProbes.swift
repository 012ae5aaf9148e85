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
  /// something periodic.
  public static let sampleFrequency = 3989
  /// Mappings that take less have no record of their own, ns.
  static let mappingThreshold: UInt32 = 5_000

  /// A link that lives in an array.
  private final class Held {
    private let link: Link
    init(_ link: consuming Link) { self.link = link }
  }

  private static let calls = ["fork", "vfork", "clone", "clone3"]
  private static let byKernelClone = ["kernel_clone_begins", "kernel_clone_ends"]
  private static let children = ["child_complete", "child_runnable"]
  private static let copies = [
    "dup_mmap_begins", "dup_mmap_ends", "bracket_begins", "bracket_ends", "mapping_begins",
    "mapping_ends",
  ]

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
    let probing = kernel.kprobes
    let hasKprobes = probing.isYes
    let size = Self.ringSize(cpus: cpus.count)
    if !hasKprobes { try Self.ensureTracefs() }

    let file = try OpenObject(BPFObjects.fork)
    try file.setMaxEntries("rings", possibleCPUs)
    try file.setMaxEntries("cpus", possibleCPUs)
    let records = size / 4 / (MemoryLayout<sonde_clone>.size + 8)
    try file.set(".rodata.config", to: sonde_config(wakeup_records: UInt32(records), pad: 0))
    let argument = kernel.parameterCount(of: "copy_page_range") ?? 2
    try file.set(
      ".rodata.fork",
      to: sonde_fork_config(
        only_wanted: wishes.processes.isEmpty ? 0 : 1, follows: wishes.follows ? 1 : 0,
        mapping_threshold: Self.mappingThreshold, mapping_argument: UInt32(argument),
        threads: wishes.threads ? 1 : 0, pad: 0))
    let system = Self.calls.flatMap { ["\($0)_begins", "\($0)_ends"] }
    for name in system { try file.setLoads(name, !hasKprobes) }
    for name in Self.byKernelClone + Self.copies { try file.setLoads(name, hasKprobes) }
    try file.setLoads("sample", !hasKprobes && symbols != nil)
    let object = try file.load()

    var rings = RingBuffers(try object.map("rings"))
    try rings.add(cpus: cpus, size: size)
    let wanted = try object.map("wanted")
    for pid in wishes.processes { try wanted.set(UInt32(pid), to: UInt8(1)) }

    let accounts = try MappedValues(try object.map("cpus"), as: sonde_cpu.self)
    let stacks = try object.map("stacks")
    var attached = Attached()
    for name in Self.children { try attached.attach(object.program(name)) }
    var means = Means()
    var ladder: [ProbePart] = []
    if hasKprobes {
      ladder += Self.attachCopies(object, symbols, &attached, &means)
      for name in Self.byKernelClone.reversed() { try attached.attach(object.program(name)) }
      ladder.insert(
        ProbePart(want: "a clone as a whole", using: "kprobe/kernel_clone", state: .yes), at: 0)
    } else {
      let reason: String? = if case .no(let text) = probing { text } else { nil }
      // Before the calls are seen: a sample of one that isn't known says nothing.
      ladder += Self.attachSamples(object, cpus, symbols, reason, &attached, &means)
      for name in system.reversed() { try attached.attach(object.program(name)) }
      ladder.insert(
        ProbePart(
          want: "a clone as a whole",
          using: "tracepoints of the system calls", state: .yes, reason: reason), at: 0)
    }
    ladder.append(
      ProbePart(
        want: "the child, its memory and its waking",
        using: "tp_btf/sched_process_fork, sched_wakeup_new", state: .yes))

    self.programs = attached.programs
    self.links = attached.links
    self.accounts = accounts
    self.wanted = wanted
    self.stacks = stacks
    ringSize = size
    self.rings = rings
    self.ladder = ladder
    self.means = means
  }

  private struct Attached {
    var programs: [Program] = []
    var links: [Held] = []

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
    _ object: borrowing Object, _ symbols: KernelSymbols?, _ attached: inout Attached,
    _ means: inout Means
  ) -> [ProbePart] {
    var ladder: [ProbePart] = []
    let copy = "the copy of the address space"
    let inlined = reasonAgainst("dup_mmap", symbols)
    var failure = inlined
    if inlined == nil {
      do throws(BPFError) {
        try attached.attach(object.program("dup_mmap_ends"))
        try attached.attach(object.program("dup_mmap_begins"))
        ladder.append(ProbePart(want: copy, using: "kprobe/dup_mmap", state: .yes))
        means.measuresCopies = true
      } catch {
        failure = "\(error)"
      }
    }
    if !means.measuresCopies {
      let bracket = "kprobes on uprobe_start_dup_mmap, uprobe_end_dup_mmap"
      do throws(BPFError) {
        try attached.attach(object.program("bracket_ends"))
        try attached.attach(object.program("bracket_begins"))
        ladder.append(ProbePart(want: copy, using: bracket, state: .yes, reason: failure))
        means.measuresCopies = true
      } catch {
        ladder.append(ProbePart(want: copy, using: bracket, state: .no, reason: "\(error)"))
      }
    }
    let tables = "page tables, mapping by mapping"
    do throws(BPFError) {
      try attached.attach(object.program("mapping_ends"))
      try attached.attach(object.program("mapping_begins"))
      ladder.append(ProbePart(want: tables, using: "kprobe/copy_page_range", state: .yes))
      means.measuresMappings = true
    } catch {
      ladder.append(
        ProbePart(want: tables, using: "kprobe/copy_page_range", state: .no, reason: "\(error)"))
    }
    return ladder
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
        attached.links.append(
          Held(try program.attach(toClockOf: cpu, frequency: sampleFrequency)))
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
    /// All programs' own time while it was measured, ns.
    public var runTime: UInt64 = 0
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
