/// What a wait for a CPU is charged to.
public enum CulpritKind: String, Codable, Sendable, CaseIterable {
  /// Another process.
  case process
  /// Other threads of the process that waited.
  case sameProcess = "same_process"
  case kernelThread = "kernel_thread"
  /// The CPU was idle and had yet to wake up.
  case idle
  /// The task was throttled by its cgroup's CPU quota, whoever had the CPU.
  case quota
  /// Records were lost, or the wait goes back too far.
  case unknown
  /// Processes without an entry of their own.
  case others
  /// Another cgroup, container or unit, where the report is by those; and other tasks of the one that waited.
  case place
  case samePlace = "same_place"
}

/// A cgroup, container or unit, where waits for a CPU are by those.
public struct PlacePart: Codable, Sendable, Hashable {
  /// One of these, as in ``AttributionRow``.
  public var cgroup: String?
  public var container: String?
  public var unit: String?
  /// The uid of the Kubernetes pod that the container is of.
  public var pod: String?

  public init(
    cgroup: String? = nil, container: String? = nil, unit: String? = nil, pod: String? = nil
  ) {
    (self.cgroup, self.container, self.unit, self.pod) = (cgroup, container, unit, pod)
  }

  /// Not escaped.
  public var label: String {
    cgroup ?? container.map(ContainerID.shown) ?? unit.map(UnitName.unescaped) ?? "(unknown)"
  }
}

/// One culprit, and how much of a process's wait is charged to it.
public struct CulpritPart: Codable, Sendable, Hashable {
  public var kind: CulpritKind
  /// Its leader's name, and its id; no id for several of one name.
  public var process: String?
  public var pid: UInt32?
  /// Of `.place`; nil where it isn't known.
  public var place: PlacePart?
  public var ns: UInt64

  public init(
    kind: CulpritKind, process: String? = nil, pid: UInt32? = nil, place: PlacePart? = nil,
    ns: UInt64
  ) {
    (self.kind, self.process, self.pid, self.place, self.ns) = (kind, process, pid, place, ns)
  }

  /// "java (812)", "postgres processes", "own threads". Not escaped.
  public var label: String {
    switch kind {
    case .process: named(process, pid, several: "processes")
    case .kernelThread: named(process, pid, several: "threads")
    case .sameProcess: "own threads"
    case .idle: "waking an idle CPU"
    case .quota: "CPU quota"
    case .unknown: "(unknown)"
    case .others: "others"
    case .place: place?.label ?? "(unknown)"
    case .samePlace: "itself"
    }
  }
}

/// How long a process's tasks waited for a CPU, and what that is charged to. All rows add up to
/// `histograms.run_queue_latency.sum_ns`.
public struct CPUWaitPart: Codable, Sendable, Hashable {
  /// Its leader's name, and its ID. Both are nil in the row of the rest; the ID alone, for several processes
  /// of one name.
  public var process: String?
  public var pid: UInt32?
  /// Instead of these, where the report is by cgroup, container or unit.
  public var place: PlacePart?
  /// The growth of its tasks' `run_delay` (`/proc/PID/task/TID/schedstat`), for waits that ended in the
  /// interval.
  public var waitNs: UInt64
  /// The largest first. They add up to `waitNs`.
  public var culprits: [CulpritPart]

  public init(
    process: String?, pid: UInt32?, place: PlacePart? = nil, waitNs: UInt64,
    culprits: [CulpritPart]
  ) {
    (self.process, self.pid, self.place) = (process, pid, place)
    (self.waitNs, self.culprits) = (waitNs, culprits)
  }

  enum CodingKeys: String, CodingKey {
    case process, pid, place, culprits
    case waitNs = "wait_ns"
  }

  /// Whether it is the row of all that have none of their own.
  public var isRest: Bool { process == nil && place == nil }

  /// "java (812)". Not escaped.
  public var label: String {
    if let place { return place.label }
    return process == nil ? "others" : named(process, pid, several: "processes")
  }
}

private func named(_ process: String?, _ pid: UInt32?, several: String) -> String {
  let name = process.map { $0.isEmpty ? "\"\"" : $0 } ?? "(unknown)"
  if process == nil { return name }
  return pid.map { "\(name) (\($0))" } ?? "\(name) \(several)"
}
