/// What `cloneprof try` found: the forks of one program under several changes. One JSON object,
/// documented in `docs/huge-pages.md`. All durations are nanoseconds, all sizes bytes.
public struct TryReport: Codable, Sendable, Equatable {
  public static let schemaName = "cloneprof-try/1"

  public var schema = schemaName
  public var host: HostPart
  public var start: String
  public var command: [String]
  /// How long each was profiled at most.
  public var durationNs: UInt64
  /// The first is the program as it is.
  public var rows: [TryRow]

  public init(host: HostPart, start: String, command: [String], durationNs: UInt64) {
    (self.host, self.start, self.command, self.durationNs) = (host, start, command, durationNs)
    rows = []
  }

  enum CodingKeys: String, CodingKey {
    case schema, host, start, command, rows
    case durationNs = "duration_ns"
  }

  /// The change whose forks are the fastest, where that is more than noise.
  public var best: TryRow? {
    rows.filter { $0.outcome == .faster }
      .min { ($0.clone?.median ?? .max) < ($1.clone?.median ?? .max) }
  }
}

/// The program under one change.
public struct TryRow: Codable, Sendable, Equatable {
  public enum Change: String, Codable, Sendable, CaseIterable {
    case none
    case glibcMadvise = "glibc_hugetlb_1"
    case glibcPool = "glibc_hugetlb_2"
    case jemalloc = "jemalloc_thp"
    case always = "thp_always"
    case collapse
  }

  public var change: Change
  /// Why it wasn't tried; nil where it was.
  public var skipped: String?
  /// Why it had no effect, where that can be told.
  public var reason: String?
  /// Of the forks; nil where there were none.
  public var clone: DurationsPart?
  /// Beside the program as it is.
  public var outcome: CloneComparison.Outcome?
  /// Of a fork, copying page tables: where it is seen.
  public var pageTablesNs: UInt64?
  /// Of the program's largest process at the end.
  public var residentBytes: UInt64 = 0
  public var hugeBytes: UInt64 = 0
  public var hugetlbBytes: UInt64 = 0
  /// Minor faults of the program since its start.
  public var faults: UInt64 = 0
  /// Whether the program ended before the time was over, and with which status.
  public var exitStatus: Int?

  public init(_ change: Change) { self.change = change }

  enum CodingKeys: String, CodingKey {
    case change, skipped, reason, clone, outcome, faults
    case pageTablesNs = "page_tables_ns"
    case residentBytes = "resident_bytes"
    case hugeBytes = "huge_bytes"
    case hugetlbBytes = "hugetlb_bytes"
    case exitStatus = "exit_status"
  }
}
