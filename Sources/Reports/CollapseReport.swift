/// What `cloneprof collapse` found and did: one JSON object, documented in `docs/huge-pages.md`.
/// All durations are nanoseconds, all sizes bytes.
public struct CollapseReport: Codable, Sendable, Equatable {
  public static let schemaName = "cloneprof-collapse/1"

  public var schema = schemaName
  public var host: HostPart
  /// Wall clock of its beginning, ISO 8601, UTC.
  public var start: String
  /// Whether nothing was changed.
  public var dryRun: Bool
  /// Why it ended before all was done; nil where nothing stood against it.
  public var stopped: String?
  /// The parent first.
  public var processes: [CollapsedProcess]
  /// The memory of all of them before and after, what they share counted once: PSS.
  public var usedBefore: UInt64?
  public var usedAfter: UInt64?
  /// How long one of them was held up at most, from the first look at it to the last: its mmap_lock was
  /// held, and whoever wanted to map, unmap, protect or fork waited. Nil where that could not be measured:
  /// then it is below the longest call.
  public var longestPauseNs: UInt64?
  /// The lock was held for writing: for that a page fault in the same mapping waits too.
  public var longestFaultPauseNs: UInt64?
  /// Forks of all of them, as far as there were some while they were traced.
  public var measuredBefore: DurationsPart?
  public var measuredAfter: DurationsPart?
  /// What will undo it, and what else there is to know.
  public var notes: [String]

  public init(host: HostPart, start: String, dryRun: Bool) {
    (self.host, self.start, self.dryRun) = (host, start, dryRun)
    processes = []
    notes = []
  }

  enum CodingKeys: String, CodingKey {
    case schema, host, start, stopped, processes, notes
    case dryRun = "dry_run"
    case usedBefore = "used_before"
    case usedAfter = "used_after"
    case longestPauseNs = "longest_pause_ns"
    case longestFaultPauseNs = "longest_fault_pause_ns"
    case measuredBefore = "measured_before"
    case measuredAfter = "measured_after"
  }
}

/// One process: what could be huge, what was made so, and what its forks gain by it.
public struct CollapsedProcess: Codable, Sendable, Equatable {
  public var pid: Int
  public var comm: String
  public var mappings: [CollapsedMapping]
  /// Nil where the process had gone.
  public var before: State?
  public var after: State?
  /// What a fork takes by this machine's calibration; nil without one.
  public var predictedBefore: UInt64?
  public var predictedAfter: UInt64?
  /// What it takes in memory at most: holes that are filled, and what is no longer shared.
  public var growth: UInt64
  /// The calls that did it.
  public var steps: Steps?

  public struct State: Codable, Sendable, Equatable {
    public var residentBytes: UInt64
    public var hugeBytes: UInt64
    public var pageTableBytes: UInt64

    public init(residentBytes: UInt64, hugeBytes: UInt64, pageTableBytes: UInt64) {
      self.residentBytes = residentBytes
      self.hugeBytes = hugeBytes
      self.pageTableBytes = pageTableBytes
    }

    enum CodingKeys: String, CodingKey {
      case residentBytes = "resident_bytes"
      case hugeBytes = "huge_bytes"
      case pageTableBytes = "page_table_bytes"
    }
  }

  public struct Steps: Codable, Sendable, Equatable {
    public var count: UInt64
    /// All calls together, and the longest.
    public var ns: UInt64
    public var longestNs: UInt64

    public init(count: UInt64 = 0, ns: UInt64 = 0, longestNs: UInt64 = 0) {
      (self.count, self.ns, self.longestNs) = (count, ns, longestNs)
    }

    enum CodingKeys: String, CodingKey {
      case count, ns
      case longestNs = "longest_ns"
    }
  }

  public init(pid: Int, comm: String, mappings: [CollapsedMapping], growth: UInt64) {
    (self.pid, self.comm, self.mappings, self.growth) = (pid, comm, mappings, growth)
  }

  enum CodingKeys: String, CodingKey {
    case pid, comm, mappings, before, after, growth, steps
    case predictedBefore = "predicted_before"
    case predictedAfter = "predicted_after"
  }
}

/// One mapping of it.
public struct CollapsedMapping: Codable, Sendable, Equatable {
  /// Hexadecimal, as in /proc/PID/maps.
  public var range: String
  public var name: String
  public var residentBytes: UInt64
  /// Of that what was huge before.
  public var hugeBytes: UInt64
  /// How many huge pages it is to have in all, those it had included; and has now.
  public var hugePages: UInt64
  public var collapsed: UInt64
  /// Why it is left as it is, or only part of it could be done.
  public var reason: String?
  /// Steps that failed, by the name of the error.
  public var refused: [String: UInt64]

  public init(
    range: String, name: String, residentBytes: UInt64, hugeBytes: UInt64, hugePages: UInt64,
    reason: String? = nil
  ) {
    self.range = range
    self.name = name
    self.residentBytes = residentBytes
    self.hugeBytes = hugeBytes
    self.hugePages = hugePages
    self.reason = reason
    collapsed = 0
    refused = [:]
  }

  enum CodingKeys: String, CodingKey {
    case range, name, collapsed, reason, refused
    case residentBytes = "resident_bytes"
    case hugeBytes = "huge_bytes"
    case hugePages = "huge_pages"
  }
}
