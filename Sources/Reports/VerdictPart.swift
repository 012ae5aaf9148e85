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

/// What the load means.
public struct VerdictPart: Codable, Sendable, Equatable {
  public var cause: VerdictCause
  /// Of load1, 0 to 1.
  public var share: Double
  /// One sentence. It may hold names of tasks, as they call themselves: not escaped.
  public var text: String
  /// The figures that it rests on.
  public var evidence: [String]
  /// What to do, where there is something.
  public var advice: String?

  public init(
    cause: VerdictCause, share: Double, text: String, evidence: [String], advice: String?
  ) {
    self.cause = cause
    self.share = share
    self.text = text
    self.evidence = evidence
    self.advice = advice
  }
}
