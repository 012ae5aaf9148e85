/// Who ran on a CPU while another task waited for it.
public enum CulpritKind: String, Codable, Sendable, CaseIterable {
  /// Another process.
  case process
  /// Other threads of the process that waited.
  case itself
  case kernelThread = "kernel_thread"
  /// Nobody: the CPU was idle, and being woken up.
  case idle
  /// Whoever it was: the task's cgroup had used up its CPU quota, and the task could not run.
  case quota
  /// It isn't known: records were lost, or the wait goes back too far.
  case unknown
  /// Processes that are in no row of their own.
  case others
}

/// What ran while a process waited, and for how much of the wait.
public struct CulpritPart: Codable, Sendable, Hashable {
  public var kind: CulpritKind
  /// Its leader's name, and its id; no id for several of one name.
  public var process: String?
  public var pid: UInt32?
  public var ns: UInt64

  public init(kind: CulpritKind, process: String? = nil, pid: UInt32? = nil, ns: UInt64) {
    (self.kind, self.process, self.pid, self.ns) = (kind, process, pid, ns)
  }

  /// "java (812)", "itself". Not escaped.
  public var label: String {
    switch kind {
    case .process, .kernelThread: named(process, pid)
    case .itself: "itself"
    case .idle: "idle CPU"
    case .quota: "its CPU quota"
    case .unknown: "(unknown)"
    case .others: "others"
    }
  }
}

/// How long a process's tasks waited for CPUs, and what ran there meanwhile. The sum of all is
/// `histograms.run_queue_latency.sum_ns`.
public struct CPUWaitPart: Codable, Sendable, Hashable {
  /// Its leader's name, and its id; neither in the row of all others, no id for several of one name.
  public var process: String?
  public var pid: UInt32?
  /// The growth of its tasks' `run_delay` (`/proc/PID/task/TID/schedstat`), by the waits that ended.
  public var waitNs: UInt64
  /// The largest first. They add up to `waitNs`.
  public var culprits: [CulpritPart]

  public init(process: String?, pid: UInt32?, waitNs: UInt64, culprits: [CulpritPart]) {
    (self.process, self.pid, self.waitNs, self.culprits) = (process, pid, waitNs, culprits)
  }

  enum CodingKeys: String, CodingKey {
    case process, pid, culprits
    case waitNs = "wait_ns"
  }

  /// "java (812)". Not escaped.
  public var label: String { process == nil ? "others" : named(process, pid) }
}

private func named(_ process: String?, _ pid: UInt32?) -> String {
  let name = process.map { $0.isEmpty ? "\"\"" : $0 } ?? "(unknown)"
  return pid.map { "\(name) (\($0))" } ?? name
}
