/// What a load comes from, or what is wrong with the number.
public enum VerdictCause: String, Codable, Sendable, CaseIterable {
  /// Tasks wait for CPUs: on all CPUs, or on some while others idle.
  case cpuSaturated = "cpu_saturated"
  case oneCPU = "one_cpu"
  /// The host of this virtual machine takes CPU time away.
  case stolen
  /// Tasks may not run since their cgroup's CPU quota is used up.
  case throttled
  /// Many tasks that live for less than 10 ms of CPU time.
  case processStorm = "process_storm"
  case disk, journal
  case networkFileSystem = "network_fs"
  /// Reclaim and swap, of those who wait for it and those who do it.
  case memory
  case kernelLock = "kernel_lock"
  case vforkParents = "vfork_parents"
  /// Kernel threads in uninterruptible sleep on an idle machine.
  case noWork = "no_work"
  /// Uninterruptible sleep of any other kind.
  case uninterruptible
  /// The kernel's samples, every 5 s, coincide with bursts or miss them.
  case aliasing
  case beforeRun = "before_run"
  case overflow, healthy
  case cannotTell = "cannot_tell"
}

/// A figure that a verdict rests on.
public struct EvidenceFigure: Codable, Sendable, Hashable {
  /// Stable: programs may go by it.
  public var name: String
  public var value: Double
  /// "tasks", "ns", "ratio" (0 to 1), "1/s", "cpus", "periods", "pages/s".
  public var unit: String

  public init(_ name: String, _ value: Double, _ unit: String) {
    (self.name, self.value, self.unit) = (name, value.isFinite ? value : 0, unit)
  }
}

/// How much the verdict may be relied on.
public enum Confidence: String, Codable, Sendable, CaseIterable {
  case low, medium, high
}

/// What the load means.
public struct VerdictPart: Codable, Sendable, Equatable {
  public var cause: VerdictCause
  /// Of load1, 0 to 1.
  public var share: Double
  /// One sentence. It may hold names of tasks, as they call themselves: not escaped.
  public var text: String
  /// The figures that it rests on.
  public var evidence: [String]
  /// The same for programs; load1 and the number of CPUs among them. Nil, as is the confidence, in files of
  /// earlier versions.
  public var figures: [EvidenceFigure]?
  public var confidence: Confidence?
  /// What to do, where there is something.
  public var advice: String?
  /// What would show that it is wrong.
  public var refutedBy: String?
  /// The command that shows more of it.
  public var next: String?

  public init(
    cause: VerdictCause, share: Double, text: String, evidence: [String],
    figures: [EvidenceFigure]? = nil, confidence: Confidence? = nil, advice: String?,
    refutedBy: String? = nil, next: String? = nil
  ) {
    (self.figures, self.confidence) = (figures, confidence)
    (self.refutedBy, self.next) = (refutedBy, next)
    self.cause = cause
    self.share = share
    self.text = text
    self.evidence = evidence
    self.advice = advice
  }

  enum CodingKeys: String, CodingKey {
    case cause, share, text, evidence, figures, confidence, advice, next
    case refutedBy = "refuted_by"
  }
}
