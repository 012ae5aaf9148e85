import Histograms

/// What `cloneprof demo` found: how long a fork takes by kind of memory. One JSON object,
/// documented in `docs/huge-pages.md`. All durations are nanoseconds, all sizes bytes.
public struct DemoReport: Codable, Sendable, Equatable {
  public static let schemaName = "cloneprof-demo/1"

  public var schema = schemaName
  public var host: HostPart
  /// "AMD EPYC", as /proc/cpuinfo has it.
  public var cpuModel: String
  /// Wall clock of its beginning, ISO 8601, UTC.
  public var start: String
  /// How much memory each process had.
  public var bytes: UInt64
  public var rows: [DemoRow]

  public init(host: HostPart, cpuModel: String, start: String, bytes: UInt64, rows: [DemoRow]) {
    self.host = host
    self.cpuModel = cpuModel
    self.start = start
    self.bytes = bytes
    self.rows = rows
  }

  enum CodingKeys: String, CodingKey {
    case schema, host, start, bytes, rows
    case cpuModel = "cpu_model"
  }

  /// The row of that kind, where it was measured.
  public func row(_ memory: DemoRow.Memory, _ child: DemoRow.Child = .fork) -> DemoRow? {
    rows.first { $0.memory == memory && $0.child == child && $0.fork != nil }
  }
}

/// One process, with memory of one kind, and the children that it made.
public struct DemoRow: Codable, Sendable, Equatable {
  /// What the memory is made of.
  public enum Memory: String, Codable, Sendable, CaseIterable {
    /// None but the program's own.
    case empty
    /// None, and the mappings of 64 more shared libraries.
    case libraries
    /// Pages of 4 KiB in one mapping.
    case small
    /// Folios below 2 MiB, still with an entry for each 4 KiB (mTHP).
    case folios
    /// Transparent huge pages from the first touch on.
    case transparent
    /// Pages of 4 KiB that MADV_COLLAPSE made huge.
    case collapsed
    /// From a pool: hugetlbfs.
    case hugetlb
    /// From a pool with no free page left for copies.
    case exhaustedPool = "exhausted_pool"
    /// Pages of 4 KiB in many mappings.
    case mappings
    /// Shared memory, whose entries a fork leaves out.
    case shared
    /// Left out of the child by MADV_DONTFORK.
    case dontFork = "dont_fork"
  }

  /// How the children were made.
  public enum Child: String, Codable, Sendable, CaseIterable {
    case fork, vfork
    case spawn = "posix_spawn"
    case sharedMemory = "clone_vm"
  }

  /// Why it wasn't measured, and what would allow it.
  public struct Skip: Codable, Sendable, Equatable {
    public var reason: String
    /// A command; nil where nothing helps.
    public var remedy: String?

    public init(_ reason: String, remedy: String? = nil) {
      self.reason = reason
      self.remedy = remedy
    }
  }

  public var memory: Memory
  public var child: Child
  /// Of a page, a folio, or a mapping where there are many.
  public var pageBytes: UInt64
  /// Nil where it was measured.
  public var skipped: Skip?
  /// The call, by the process's own clock; nil where it wasn't measured.
  public var fork: DurationsPart?
  /// How much faster than small pages; nil for those themselves, and where they weren't measured.
  public var factor: Double?
  /// As the process was ready: its page tables, entries of any size that map its memory, and memory.
  public var pageTableBytes: UInt64 = 0
  public var entries: UInt64 = 0
  /// All that the process has: lines of /proc/PID/maps.
  public var mappings: UInt64 = 0
  public var residentBytes: UInt64 = 0
  public var hugeBytes: UInt64 = 0
  public var hugetlbBytes: UInt64 = 0
  /// Of the fork, without what one of an empty process takes, for each of the entries.
  public var nsPerEntry: Double?
  /// To map and touch it all.
  public var touchNs: UInt64 = 0
  /// MADV_COLLAPSE of all, and the longest of a huge page.
  public var collapseNs: UInt64?
  public var longestCollapseNs: UInt64?
  /// The first write to a page that parent and child share.
  public var parentWrite: DurationsPart?
  public var childWrite: DurationsPart?
  /// What the parent's writes took in memory, each.
  public var bytesPerWrite: UInt64?
  /// From a child's last instruction to its being reaped.
  public var exit: DurationsPart?
  /// Forks after those writes.
  public var laterFork: DurationsPart?
  /// The signal that ended the child as it wrote: SIGBUS where a pool had no page left for it.
  public var childSignal: Int?

  public init(
    memory: Memory, child: Child = .fork, pageBytes: UInt64, skipped: Skip? = nil
  ) {
    self.memory = memory
    self.child = child
    self.pageBytes = pageBytes
    self.skipped = skipped
  }

  enum CodingKeys: String, CodingKey {
    case memory, child, skipped, fork, factor, entries, mappings, exit
    case pageBytes = "page_bytes"
    case pageTableBytes = "page_table_bytes"
    case residentBytes = "resident_bytes"
    case hugeBytes = "huge_bytes"
    case hugetlbBytes = "hugetlb_bytes"
    case nsPerEntry = "ns_per_entry"
    case touchNs = "touch_ns"
    case collapseNs = "collapse_ns"
    case longestCollapseNs = "longest_collapse_ns"
    case parentWrite = "parent_write"
    case childWrite = "child_write"
    case bytesPerWrite = "bytes_per_write"
    case laterFork = "later_fork"
    case childSignal = "child_signal"
  }
}

/// How long something took, of a few times that it was done: ns.
public struct DurationsPart: Codable, Sendable, Equatable {
  public var count: Int
  public var median: UInt64
  /// Half of them are between these.
  public var lowerQuartile: UInt64
  public var upperQuartile: UInt64
  public var longest: UInt64

  /// Nil of none.
  public init?(of durations: some Sequence<UInt64>) {
    let sorted = durations.sorted()
    guard let longest = sorted.last else { return nil }
    count = sorted.count
    median = sorted[(sorted.count - 1) / 2]
    lowerQuartile = sorted[(sorted.count - 1) / 4]
    upperQuartile = sorted[3 * (sorted.count - 1) / 4]
    self.longest = longest
  }

  /// Nil of an empty histogram, or one of a broken file. Quantiles are upper bounds, 3.2 % too high at
  /// most.
  public init?(_ part: HistogramPart) {
    guard let histogram = try? part.histogram(), let longest = histogram.max,
      let median = histogram.quantile(0.5), let lower = histogram.quantile(0.25),
      let upper = histogram.quantile(0.75)
    else { return nil }
    count = Int(clamping: histogram.count)
    (self.median, lowerQuartile, upperQuartile, self.longest) = (median, lower, upper, longest)
  }

  enum CodingKeys: String, CodingKey {
    case count, median, longest
    case lowerQuartile = "lower_quartile"
    case upperQuartile = "upper_quartile"
  }

  /// How far the middle half lies from the median, of that.
  public var spread: Double {
    median == 0 ? 0 : Double(upperQuartile - lowerQuartile) / 2 / Double(median)
  }
}
