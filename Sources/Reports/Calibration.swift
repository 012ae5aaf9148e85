/// What a fork costs on this machine, by what it copies: measured by `cloneprof demo`. Times in ns.
///
/// The sum that it predicts by is dup_mmap()'s: for each mapping a copy of its structure, for each
/// entry that maps something one of that, whatever it maps (copy_page_range() in mm/memory.c).
public struct Calibration: Codable, Sendable, Equatable {
  public static let schemaName = "cloneprof-calibration/2"

  public var schema = schemaName
  public var kernel: String
  public var cpuModel: String
  /// ISO 8601, UTC.
  public var measured: String
  /// How much memory it was measured with.
  public var bytes: UInt64
  /// Of a process with neither memory nor mappings: what is left without those of the experiment.
  public var emptyFork: Double
  /// For each entry of 4 KiB, of 2 MiB by a transparent huge page and by a pool; and for each mapping, in
  /// the mean of those that a shared library has.
  public var entry: Double
  public var hugeEntry: Double?
  public var hugetlbEntry: Double?
  public var mapping: Double?
  /// To collapse 2 MiB, in the mean and at most.
  public var collapse: Double?
  public var longestCollapse: UInt64?

  public init(
    kernel: String, cpuModel: String, measured: String, bytes: UInt64, emptyFork: Double,
    entry: Double, hugeEntry: Double?, hugetlbEntry: Double?, mapping: Double?, collapse: Double?,
    longestCollapse: UInt64?
  ) {
    self.kernel = kernel
    self.cpuModel = cpuModel
    self.measured = measured
    self.bytes = bytes
    self.emptyFork = emptyFork
    self.entry = entry
    self.hugeEntry = hugeEntry
    self.hugetlbEntry = hugetlbEntry
    self.mapping = mapping
    self.collapse = collapse
    self.longestCollapse = longestCollapse
  }

  enum CodingKeys: String, CodingKey {
    case schema, kernel, measured, bytes, entry, mapping, collapse
    case cpuModel = "cpu_model"
    case emptyFork = "empty_fork"
    case hugeEntry = "huge_entry"
    case hugetlbEntry = "hugetlb_entry"
    case longestCollapse = "longest_collapse"
  }

  /// Nil where the demo lacks what all else is compared with.
  public init?(_ demo: DemoReport) {
    guard let empty = demo.row(.empty)?.fork, let small = demo.row(.small),
      let fork = small.fork, small.entries > 0, fork.median > empty.median
    else { return nil }
    let collapsed = demo.row(.collapsed)
    let huge = demo.row(.transparent) ?? collapsed
    func perEntry(_ row: DemoRow?) -> Double? {
      guard let row, let fork = row.fork, row.entries > 0 else { return nil }
      return max(0, Double(fork.median) - Double(empty.median)) / Double(row.entries)
    }
    let ownMappings = demo.row(.empty)?.mappings ?? 0
    let mapping = demo.row(.libraries).flatMap { row -> Double? in
      guard let fork = row.fork, row.mappings > ownMappings else { return nil }
      return max(0, Double(fork.median) - Double(empty.median))
        / Double(row.mappings - ownMappings)
    }
    self.init(
      kernel: demo.host.kernels.first ?? "", cpuModel: demo.cpuModel, measured: demo.start,
      bytes: demo.bytes,
      emptyFork: max(0, Double(empty.median) - (mapping ?? 0) * Double(ownMappings)),
      entry: perEntry(small)!, hugeEntry: perEntry(huge),
      hugetlbEntry: perEntry(
        demo.rows.first { $0.memory == .hugetlb && $0.pageBytes == 2 << 20 && $0.fork != nil }),
      mapping: mapping,
      collapse: collapsed.flatMap { row in
        row.collapseNs.map { Double($0) / Double(max(1, row.hugeBytes / (2 << 20))) }
      },
      longestCollapse: collapsed?.longestCollapseNs)
  }

  /// Whatever a file says is checked: no fork takes a millisecond an entry, or a second for none.
  package var isPlausible: Bool {
    [entry, hugeEntry ?? 0, hugetlbEntry ?? 0, mapping ?? 0].allSatisfy { (0..<1e6).contains($0) }
      && [emptyFork, collapse ?? 0].allSatisfy { (0..<1e9).contains($0) }
  }

  /// Whether it holds for this machine: its kernel and CPU are those that it was measured on.
  public func holds(kernel: String, cpuModel: String) -> Bool {
    self.kernel == kernel && self.cpuModel == cpuModel
  }

  /// What a fork costs that copies so much. Without a figure for huge entries they count as small
  /// ones, of which they are few.
  public func fork(of copied: Copied) -> Double {
    emptyFork + Double(copied.entries) * entry
      + Double(copied.hugeEntries) * (hugeEntry ?? entry)
      + Double(copied.hugetlbEntries) * (hugetlbEntry ?? entry)
      + Double(copied.mappings) * (mapping ?? 0)
  }

  /// What one fork copies.
  public struct Copied: Codable, Sendable, Equatable {
    public var entries: UInt64
    public var hugeEntries: UInt64
    public var hugetlbEntries: UInt64
    public var mappings: UInt64

    /// Whether a process can have so many.
    package var isPlausible: Bool {
      [entries, hugeEntries, hugetlbEntries, mappings].allSatisfy { $0 < 1 << 40 }
    }

    public init(
      entries: UInt64 = 0, hugeEntries: UInt64 = 0, hugetlbEntries: UInt64 = 0, mappings: UInt64 = 0
    ) {
      self.entries = entries
      self.hugeEntries = hugeEntries
      self.hugetlbEntries = hugetlbEntries
      self.mappings = mappings
    }
  }
}
