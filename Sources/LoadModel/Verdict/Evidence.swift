import Reports

/// What a verdict rests on: in words, and the figures in them for programs.
struct Evidence {
  let text: String
  let figures: [EvidenceFigure]

  typealias Part = (text: String, figures: [EvidenceFigure])

  init(_ text: String, _ figures: EvidenceFigure...) { self.init(text, figures) }

  init(_ text: String, _ figures: [EvidenceFigure]) { (self.text, self.figures) = (text, figures) }
}

extension VerdictCause {
  /// What would show that the verdict is wrong.
  var refutedBy: String? {
    switch self {
    case .cpuSaturated:
      "run queue latency stays near that of an idle machine, or the CPUs are idle (vmstat 1)"
    case .oneCPU:
      "the waiting tasks may run on the idle CPUs, and get them (taskset -p, mpstat -P ALL 1)"
    case .stolen: "steal stays near 0 in vmstat 1"
    case .throttled: "nr_throttled in the cgroup's cpu.stat does not grow"
    case .processStorm:
      "few tasks are created per second (the difference between two runs of vmstat -f)"
    case .disk: "the disk is idle (iostat -x 1), or /proc/pressure/io stays near 0"
    case .journal: "the kernel stacks of the waiting tasks are not in jbd2, xlog or the like"
    case .networkFileSystem: "the file system answers at once (time stat FILE on it)"
    case .memory: "/proc/pressure/memory stays near 0, and vmstat 1 shows no swapping"
    case .kernelLock: "the tasks are in other functions at the next sample (/proc/TID/stack)"
    case .vforkParents: "the children have called exec or exited"
    case .noWork: "the kernel threads use CPU or I/O"
    case .uninterruptible: nil
    case .aliasing: "load1 and the time-weighted average agree over a few minutes"
    case .beforeRun: "load1 does not fall while this runs"
    case .overflow: "load1 falls below the number of tasks by itself"
    case .healthy: "programs are slow nevertheless"
    case .cannotTell: nil
    }
  }

  /// The command that shows more.
  var next: String? {
    switch self {
    case .cpuSaturated, .oneCPU: "loadwatch --culprits --duration 30s"
    case .stolen: "vmstat 1"
    case .throttled: "loadwatch --by cgroup --duration 30s"
    case .processStorm: "cloneprof --duration 10s"
    case .disk: "iostat -x 1"
    case .journal, .kernelLock, .uninterruptible, .networkFileSystem, .noWork:
      "loadwatch --stacks --format folded --duration 30s"
    case .memory: "vmstat 1"
    case .vforkParents: "cloneprof --duration 10s"
    case .aliasing, .beforeRun, .healthy: "loadwatch --duration 3m"
    case .overflow: nil
    case .cannotTell: "loadwatch probes"
    }
  }
}

extension Verdict {
  /// After fewer seconds than that, three samples, chance decides.
  private static let fewSeconds = 15.0

  /// How much a cause with that part of load1 may be relied on: by how long it was looked at, by what was
  /// lost and what is unattributed.
  func confidence(_ share: Double) -> Confidence {
    let doubt = abs(unattributed) / max(load1, 1)
    if seconds < Self.fewSeconds || lost > 0.01 || doubt > 0.3 || share < 0.2 { return .low }
    return seconds >= 55 && lost == 0 && doubt < 0.1 && share >= 0.5 ? .high : .medium
  }

  /// What every verdict is about.
  var basics: [EvidenceFigure] {
    [
      EvidenceFigure(isEarly ? "active_mean" : "load1", load1, "tasks"),
      EvidenceFigure("cpus", Double(cpus), "cpus"),
    ]
  }
}
