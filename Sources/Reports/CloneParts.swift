/// What the run itself costs.
public struct CloneCostPart: Codable, Sendable, Equatable {
  /// The programs' own time per clone, measured by the kernel; nil where it may not be asked.
  public var bpfNsPerClone: Double?
  /// CPU time of this process.
  public var consumerNs: UInt64
  /// Resident memory of this process at the end; the largest of all after a merge.
  public var residentBytes: UInt64
  /// Kernel memory of the rings.
  public var ringBytes: UInt64

  public init(
    bpfNsPerClone: Double?, consumerNs: UInt64, residentBytes: UInt64, ringBytes: UInt64
  ) {
    self.bpfNsPerClone = bpfNsPerClone
    self.consumerNs = consumerNs
    self.residentBytes = residentBytes
    self.ringBytes = ringBytes
  }

  enum CodingKeys: String, CodingKey {
    case bpfNsPerClone = "bpf_ns_per_clone"
    case consumerNs = "consumer_ns"
    case residentBytes = "resident_bytes"
    case ringBytes = "ring_bytes"
  }
}

/// How many calls there were, by system call; new threads apart, by whichever call.
public struct CallsPart: Codable, Sendable, Equatable {
  public var fork: UInt64
  public var vfork: UInt64
  public var clone: UInt64
  public var clone3: UInt64
  public var threads: UInt64
  /// By the name of the error: "EAGAIN".
  public var failed: [String: UInt64]
  /// Calls in progress as the run began or ended: not among those above, and not lost. Nil where
  /// clones are chosen by name or cgroup, which of a call is known at its end.
  public var straddled: UInt64?

  public init(
    fork: UInt64 = 0, vfork: UInt64 = 0, clone: UInt64 = 0, clone3: UInt64 = 0,
    threads: UInt64 = 0, failed: [String: UInt64] = [:], straddled: UInt64? = 0
  ) {
    self.fork = fork
    self.vfork = vfork
    self.clone = clone
    self.clone3 = clone3
    self.threads = threads
    self.failed = failed
    self.straddled = straddled
  }
}

/// A named part of a clone.
public enum ClonePhase: String, Codable, Sendable, CaseIterable {
  /// The task structure, credentials, namespaces, the id.
  case taskSetup = "task_setup"
  case openFiles = "open_files"
  /// The whole copy of the address space, where its page tables are not measured apart.
  case addressSpace = "address_space"
  /// The copy of the address space but for its page tables.
  case mappings
  case pageTables = "page_tables"
  case wakeChild = "wake_child"
  /// Elsewhere in the call, by samples.
  case other
  /// Waiting for a CPU, or asleep.
  case offCPU = "off_cpu"
  /// What no other phase accounts for.
  case unattributed
  /// Of a vfork parent, until its child calls execve or exits. Not part of the clone's time.
  case vforkWait = "vfork_wait"
}

/// One phase of the clones, all of them together.
public struct PhasePart: Codable, Sendable, Equatable {
  /// Where the time comes from: from probes at both ends, from samples of the kernel's stack, or from
  /// what the others leave of the whole.
  public enum How: String, Codable, Sendable {
    case measured, sampled, derived
  }

  public var phase: ClonePhase
  public var ns: UInt64
  /// Of all clones' time; the wait of vfork parents is not part of that and has none.
  public var share: Double?
  /// How often it was entered, or how many samples fell into it.
  public var count: UInt64
  public var how: How
  /// For a sampled one: half the width of the interval that holds the truth with 95 %.
  public var uncertaintyNs: UInt64?

  public init(
    phase: ClonePhase, ns: UInt64, share: Double?, count: UInt64, how: How,
    uncertaintyNs: UInt64? = nil
  ) {
    self.phase = phase
    self.ns = ns
    self.share = share
    self.count = count
    self.how = how
    self.uncertaintyNs = uncertaintyNs
  }

  enum CodingKeys: String, CodingKey {
    case phase, ns, share, count, how
    case uncertaintyNs = "uncertainty_ns"
  }
}

/// A kernel function within the phases, over all clones.
public struct StepPart: Codable, Sendable, Equatable {
  /// "vm_area_dup"
  public var function: String
  public var ns: UInt64
  /// Of all clones' time.
  public var share: Double
  /// How often it was called.
  public var count: UInt64

  public init(function: String, ns: UInt64, share: Double, count: UInt64) {
    self.function = function
    self.ns = ns
    self.share = share
    self.count = count
  }
}

public struct CloneHistogramsPart: Codable, Sendable, Equatable {
  /// A clone as a whole, without the wait of a vfork parent; failed ones not included.
  public var clone: HistogramPart
  /// Empty where the phase isn't measured per clone.
  public var addressSpaceCopy: HistogramPart
  public var pageTableCopy: HistogramPart
  /// How long vfork parents waited for their children.
  public var vforkWait: HistogramPart

  public init(
    clone: HistogramPart, addressSpaceCopy: HistogramPart, pageTableCopy: HistogramPart,
    vforkWait: HistogramPart
  ) {
    self.clone = clone
    self.addressSpaceCopy = addressSpaceCopy
    self.pageTableCopy = pageTableCopy
    self.vforkWait = vforkWait
  }

  enum CodingKeys: String, CodingKey {
    case clone
    case addressSpaceCopy = "address_space_copy"
    case pageTableCopy = "page_table_copy"
    case vforkWait = "vfork_wait"
  }
}

/// What a mapping is of.
public enum MappingType: String, Codable, Sendable, CaseIterable {
  case heap, stack, anonymous, hugetlb, shared
  case filePrivate = "file_private"
}

/// All mappings of a type whose page tables were gone through, of all clones.
public struct MappingTypePart: Codable, Sendable, Equatable {
  public var type: MappingType
  public var count: UInt64
  /// Address space, not memory.
  public var bytes: UInt64
  public var ns: UInt64

  public init(type: MappingType, count: UInt64, bytes: UInt64, ns: UInt64) {
    self.type = type
    self.count = count
    self.bytes = bytes
    self.ns = ns
  }
}

/// One mapping of one process, over all of its clones.
public struct MappingPart: Codable, Sendable, Equatable {
  public var pid: Int
  public var comm: String
  public var type: MappingType
  /// Hexadecimal, as in /proc/PID/maps: "7f0000000000-7f0040000000".
  public var range: String
  /// What /proc/PID/maps calls it, where that could still be read.
  public var name: String?
  public var bytes: UInt64
  /// How often it was copied, and how long that took in all.
  public var count: UInt64
  public var ns: UInt64

  public init(
    pid: Int, comm: String, type: MappingType, range: String, name: String?, bytes: UInt64,
    count: UInt64, ns: UInt64
  ) {
    self.pid = pid
    self.comm = comm
    self.type = type
    self.range = range
    self.name = name
    self.bytes = bytes
    self.count = count
    self.ns = ns
  }
}

/// What was copied: the page tables of new address spaces, and how fast.
public struct PageTablesPart: Codable, Sendable, Equatable {
  /// Page tables of the children as they began (VmPTE), all clones together.
  public var bytes: UInt64
  /// Resident and swapped pages of the copied mappings; of a huge page 512.
  public var entries: UInt64
  /// Memory behind them.
  public var residentBytes: UInt64
  /// Huge pages of hugetlbfs, which resident sizes don't count.
  public var hugetlbBytes: UInt64
  /// Time of the page-table copy by entries, of large clones; nil where it isn't known.
  public var nsPerEntry: Double?
  /// Of the whole clone, by resident memory; nil below 16 MiB a clone, where they mean nothing.
  public var msPerGiB: Double?
  public var gbPerS: Double?
  /// Redis' word for that rate: terrible below 10 GB/s, poor below 25, good below 100, excellent.
  public var grade: String?

  public init(
    bytes: UInt64, entries: UInt64, residentBytes: UInt64, hugetlbBytes: UInt64,
    nsPerEntry: Double?, msPerGiB: Double?, gbPerS: Double?, grade: String?
  ) {
    self.bytes = bytes
    self.entries = entries
    self.residentBytes = residentBytes
    self.hugetlbBytes = hugetlbBytes
    self.nsPerEntry = nsPerEntry
    self.msPerGiB = msPerGiB
    self.gbPerS = gbPerS
    self.grade = grade
  }

  enum CodingKeys: String, CodingKey {
    case bytes, entries, grade
    case residentBytes = "resident_bytes"
    case hugetlbBytes = "hugetlb_bytes"
    case nsPerEntry = "ns_per_entry"
    case msPerGiB = "ms_per_gib"
    case gbPerS = "gb_per_s"
  }
}

public struct SlowClonePart: Codable, Sendable, Equatable {
  /// Wall clock of its beginning, ISO 8601, UTC.
  public var at: String
  public var pid: Int
  public var tid: Int
  public var comm: String
  /// fork, vfork, clone, clone3, or thread
  public var call: String
  public var child: Int
  public var ns: UInt64
  /// What the child has of it as it begins: 0 where it shares the address space.
  public var residentBytes: UInt64

  public init(
    at: String, pid: Int, tid: Int, comm: String, call: String, child: Int, ns: UInt64,
    residentBytes: UInt64
  ) {
    self.at = at
    self.pid = pid
    self.tid = tid
    self.comm = comm
    self.call = call
    self.child = child
    self.ns = ns
    self.residentBytes = residentBytes
  }

  enum CodingKeys: String, CodingKey {
    case at, pid, tid, comm, call, child, ns
    case residentBytes = "resident_bytes"
  }
}

/// A call stack of the code that clones.
public struct StackPart: Codable, Sendable, Equatable {
  public var comm: String
  /// Innermost first: "__libc_fork", "apr_proc_create"; an address where no symbol is known.
  public var frames: [String]
  public var count: UInt64
  public var ns: UInt64
  /// What the children are for; nil where that isn't seen.
  public var use: ChildUse?
  /// Those of the clones that copied for a child that called exec at once; nil where there are none.
  public var discardedCopies: DiscardedCopiesPart?

  public init(
    comm: String, frames: [String], count: UInt64, ns: UInt64, use: ChildUse? = nil,
    discardedCopies: DiscardedCopiesPart? = nil
  ) {
    self.comm = comm
    self.frames = frames
    self.count = count
    self.ns = ns
    self.use = use
    self.discardedCopies = discardedCopies
  }

  enum CodingKeys: String, CodingKey {
    case comm, frames, count, ns, use
    case discardedCopies = "discarded_copies"
  }
}

extension StackPart {
  /// The function that calls fork, as far as names are known: not of libc, which only passes it on.
  package var caller: String? {
    let passing: Set = [
      "fork", "_Fork", "vfork", "clone", "clone3", "syscall", "libc_fork", "libc_vfork",
    ]
    return frames.first { frame in
      !passing.contains(frame) && !passing.contains(String(frame.drop { $0 == "_" }))
        && !frame.hasPrefix("0x") && !frame.hasPrefix("[") && !frame.contains("+0x")
    }
  }
}

/// Something that would make the clones faster.
public struct AdvicePart: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case limits
    case hugePages = "huge_pages"
    case dontFork = "dont_fork"
    case spawn = "posix_spawn"
    case cpu
  }

  public var kind: Kind
  /// One or two sentences.
  public var text: String
  /// The figures that it rests on.
  public var evidence: [String]
  /// What to run or set; nil where that isn't one command.
  public var command: String?
  /// What a fork takes then; nil where that isn't known.
  public var expectedNs: UInt64?
  /// A command that shows whether it has helped.
  public var check: String?

  public init(
    kind: Kind, text: String, evidence: [String], command: String? = nil,
    expectedNs: UInt64? = nil, check: String? = nil
  ) {
    self.kind = kind
    self.text = text
    self.evidence = evidence
    self.command = command
    self.expectedNs = expectedNs
    self.check = check
  }

  enum CodingKeys: String, CodingKey {
    case kind, text, evidence, command, check
    case expectedNs = "expected_ns"
  }
}
