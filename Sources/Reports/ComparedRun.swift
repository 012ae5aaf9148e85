/// One of the runs that are compared: what it was, and where it stands.
public struct ComparedRun: Codable, Sendable, Equatable {
  /// What its clones were.
  public struct Kinds: Codable, Sendable, Equatable {
    /// All that are not below.
    public let forks: UInt64
    /// Whose parent waited for the child to exec or exit, by whichever system call.
    public let vforks: UInt64
    public let threads: UInt64
  }

  /// Where the phases come from.
  public enum Means: String, Codable, Sendable, CaseIterable {
    case measured
    /// Measured, but for the page tables, which are in the copy of the address space.
    case copies
    case sampled
  }

  /// As it was named; not escaped.
  public let file: String
  public let host: HostPart
  /// Wall clock, ISO 8601, UTC.
  public let start: String
  public let end: String
  public let intervalNs: UInt64
  public let filter: FilterPart
  /// Records.
  public let expected: UInt64
  public let lost: UInt64
  public let clones: UInt64
  public let kinds: Kinds
  /// Nil where there are no phases.
  public let phases: Means?

  init(_ file: String, _ run: CloneSnapshot) {
    self.file = file
    (host, start, end, intervalNs) = (run.host, run.start, run.end, run.intervalNs)
    (filter, expected, lost) = (run.filter, run.loss.expected, run.loss.lost)
    clones = run.histograms.clone.count
    let vforks = min(clones, run.histograms.vforkWait.count)
    let threads = min(clones - vforks, run.calls.threads)
    kinds = Kinds(forks: clones - vforks - threads, vforks: vforks, threads: threads)
    phases = Means(run.phases)
  }

  enum CodingKeys: String, CodingKey {
    case file, host, start, end, filter, expected, lost, clones, kinds, phases
    case intervalNs = "interval_ns"
  }
}

extension ComparedRun.Means {
  /// Time off the CPU stands apart only beside samples, of which there may be none.
  fileprivate init?(_ phases: [PhasePart]) {
    guard !phases.isEmpty else { return nil }
    if phases.contains(where: { $0.how == .sampled || $0.phase == .offCPU }) {
      self = .sampled
    } else {
      self = phases.contains { $0.phase == .addressSpace } ? .copies : .measured
    }
  }
}

/// Why two runs can't be compared fairly.
public enum Caution: String, Codable, Sendable, CaseIterable {
  case noClones = "no_clones"
  /// One, which has no spread.
  case fewClones = "few_clones"
  case host, kernel, cpus, filter
  /// The mix of forks, vforks and threads.
  case kinds
  /// Records were lost: in one or both, clones may be missing.
  case loss
  /// Measured in one run, sampled in the other, or not as finely.
  case phases
}

extension Caution {
  static func all(_ one: ComparedRun, _ other: ComparedRun) -> [Caution] {
    let least = min(one.clones, other.clones)
    let cautions: [(Caution, Bool)] = [
      (.noClones, least == 0),
      (.fewClones, least > 0 && least < 2),
      (.host, Set(one.host.names) != Set(other.host.names)),
      (.kernel, Set(one.host.kernels) != Set(other.host.kernels)),
      (.cpus, one.host.cpus != other.host.cpus),
      (.filter, !one.filter.isLike(other.filter)),
      (.kinds, least > 0 && mixDiffers(one, other)),
      (.loss, one.lost > 0 || other.lost > 0),
      (.phases, one.phases != nil && other.phases != nil && one.phases != other.phases),
    ]
    return cautions.filter(\.1).map(\.0)
  }

  /// Whether a kind's shares of the clones differ by more than a twentieth.
  private static func mixDiffers(_ one: ComparedRun, _ other: ComparedRun) -> Bool {
    let (n, m) = (Double(one.clones), Double(other.clones))
    return [\ComparedRun.Kinds.forks, \.vforks, \.threads].contains { kind in
      let (a, b) = (Double(one.kinds[keyPath: kind]), Double(other.kinds[keyPath: kind]))
      return 20 * abs(a * m - b * n) > n * m
    }
  }
}

extension FilterPart {
  /// A process has another id in each run.
  fileprivate func isLike(_ other: FilterPart) -> Bool {
    pids.isEmpty == other.pids.isEmpty && Set(comms) == Set(other.comms)
      && Set(cgroups) == Set(other.cgroups)
  }
}
