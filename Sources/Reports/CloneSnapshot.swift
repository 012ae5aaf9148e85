/// What `cloneprof` tells of one interval, or of a whole watch: one JSON object.
///
/// Documented field by field in `docs/cloneprof.md`; the schema is `docs/cloneprof-1.schema.json`.
/// All durations are nanoseconds, all sizes bytes.
public struct CloneSnapshot: Codable, Sendable, Equatable {
  /// The name and version of this form.
  public static let schemaName = "cloneprof/1"

  public var schema = schemaName
  /// True on the object that sums up the watch.
  public var final: Bool
  public var host: HostPart
  /// Wall clock, ISO 8601, UTC.
  public var start: String
  public var end: String
  public var intervalNs: UInt64
  public var filter: FilterPart
  public var probes: [ProbePart]
  /// `untraced` is 0.
  public var loss: LossPart
  public var cost: CloneCostPart
  public var calls: CallsPart
  /// The parts of a clone, in the order in which they happen, and what is left of the whole.
  public var phases: [PhasePart]
  /// Functions within the phases that were asked for (`--steps`), by their names.
  public var steps: [PhasePart]
  public var histograms: CloneHistogramsPart
  /// What was copied, by kind of mapping.
  public var mappings: [MappingKindPart]
  /// Single mappings, the costliest first.
  public var costliest: [MappingPart]
  public var pageTables: PageTablesPart
  public var slowest: [SlowClonePart]
  /// Who asks for clones, the most expensive first.
  public var stacks: [StackPart]
  /// What would make it faster, the most effective first.
  public var advice: [AdvicePart]

  public init(
    final: Bool, host: HostPart, start: String, end: String, intervalNs: UInt64,
    filter: FilterPart, probes: [ProbePart], loss: LossPart, cost: CloneCostPart,
    calls: CallsPart, phases: [PhasePart], steps: [PhasePart] = [],
    histograms: CloneHistogramsPart,
    mappings: [MappingKindPart], costliest: [MappingPart], pageTables: PageTablesPart,
    slowest: [SlowClonePart], stacks: [StackPart], advice: [AdvicePart]
  ) {
    self.final = final
    self.host = host
    self.start = start
    self.end = end
    self.intervalNs = intervalNs
    self.filter = filter
    self.probes = probes
    self.loss = loss
    self.cost = cost
    self.calls = calls
    self.phases = phases
    self.steps = steps
    self.histograms = histograms
    self.mappings = mappings
    self.costliest = costliest
    self.pageTables = pageTables
    self.slowest = slowest
    self.stacks = stacks
    self.advice = advice
  }

  enum CodingKeys: String, CodingKey {
    case schema, final, host, start, end, filter, probes, loss, cost, calls, phases, steps,
      histograms
    case mappings, costliest, slowest, stacks, advice
    case intervalNs = "interval_ns"
    case pageTables = "page_tables"
  }
}

/// What watching costs.
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

  public init(
    fork: UInt64 = 0, vfork: UInt64 = 0, clone: UInt64 = 0, clone3: UInt64 = 0,
    threads: UInt64 = 0, failed: [String: UInt64] = [:]
  ) {
    self.fork = fork
    self.vfork = vfork
    self.clone = clone
    self.clone3 = clone3
    self.threads = threads
    self.failed = failed
  }
}

/// A named part of the clones, all of them together.
public struct PhasePart: Codable, Sendable, Equatable {
  /// How the time was told: by probes at both ends, or from samples of the kernel's stack.
  public enum How: String, Codable, Sendable {
    case measured, sampled, rest
  }

  public var name: String
  public var ns: UInt64
  /// Of all clones' time; the wait of vfork parents is not part of that and has none.
  public var share: Double?
  /// How often it was entered, or how many samples fell into it.
  public var count: UInt64
  public var how: How
  /// For a sampled one: half the width of the interval that holds the truth with 95 %.
  public var uncertaintyNs: UInt64?

  public init(
    name: String, ns: UInt64, share: Double?, count: UInt64, how: How,
    uncertaintyNs: UInt64? = nil
  ) {
    self.name = name
    self.ns = ns
    self.share = share
    self.count = count
    self.how = how
    self.uncertaintyNs = uncertaintyNs
  }

  enum CodingKeys: String, CodingKey {
    case name, ns, share, count, how
    case uncertaintyNs = "uncertainty_ns"
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

/// All mappings of a kind whose page tables were gone through, of all clones.
public struct MappingKindPart: Codable, Sendable, Equatable {
  /// heap, stack, anonymous, hugetlb, file_private, shared
  public var kind: String
  public var count: UInt64
  /// Address space, not memory.
  public var bytes: UInt64
  public var ns: UInt64

  public init(kind: String, count: UInt64, bytes: UInt64, ns: UInt64) {
    self.kind = kind
    self.count = count
    self.bytes = bytes
    self.ns = ns
  }
}

/// One mapping of one process, over all of its clones.
public struct MappingPart: Codable, Sendable, Equatable {
  public var pid: Int
  public var comm: String
  public var kind: String
  /// Hexadecimal, as in /proc/PID/maps: "7f0000000000-7f0040000000".
  public var range: String
  /// What /proc/PID/maps calls it, where that could still be read.
  public var name: String?
  public var bytes: UInt64
  /// How often it was copied, and how long that took in all.
  public var count: UInt64
  public var ns: UInt64

  public init(
    pid: Int, comm: String, kind: String, range: String, name: String?, bytes: UInt64,
    count: UInt64, ns: UInt64
  ) {
    self.pid = pid
    self.comm = comm
    self.kind = kind
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
  /// Time of the page-table copy by entries, of large clones; nil where that can't be told.
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

/// A call stack of the code that asks for clones.
public struct StackPart: Codable, Sendable, Equatable {
  public var comm: String
  /// Innermost first: "__libc_fork", "apr_proc_create"; an address where no symbol is known.
  public var frames: [String]
  public var count: UInt64
  public var ns: UInt64

  public init(comm: String, frames: [String], count: UInt64, ns: UInt64) {
    self.comm = comm
    self.frames = frames
    self.count = count
    self.ns = ns
  }
}

/// Something that would make the clones faster.
public struct AdvicePart: Codable, Sendable, Equatable {
  /// limits, huge_pages, dont_fork, posix_spawn, cpu
  public var kind: String
  /// One or two sentences.
  public var text: String
  /// The figures that it rests on.
  public var evidence: [String]

  public init(kind: String, text: String, evidence: [String]) {
    self.kind = kind
    self.text = text
    self.evidence = evidence
  }
}
