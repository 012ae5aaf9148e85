import Reports

/// Runnable tasks: whether they wait for CPUs, and why.
extension Verdict {
  func runnable() -> [VerdictPart] {
    let rows = runnableRows
    let load = rows.load1
    guard isWorthACause(load) else { return [] }
    let subject = Subject(rows)
    var evidence = [
      Evidence(
        "\(number(runnableMean)) runnable on average over \(Int(seconds.rounded())) s; "
          + "\(counted(cpus, "CPU")), \(percent(meanIdle)) idle",
        [
          .init("runnable_mean", runnableMean, "tasks"), .init("observed", seconds, "s"),
          .init("cpus_idle", meanIdle, "ratio"),
        ] + subject.figures)
    ]
    if let largest = subject.largest {
      evidence.append(Evidence("\(largest.text) of \(whole)", largest.figures))
    }
    evidence += latency + stalls("a CPU", "cpu_pressure", pressure?.cpu) + keptCPUs
    func part(_ cause: VerdictCause, _ text: String, _ advice: String) -> [VerdictPart] {
      [self.part(cause, load / load1, text, evidence, advice)]
    }
    if shortLives > 0.25 * busy {
      evidence.append(
        Evidence(
          "\(number(forksPerSecond)) new tasks per second; tasks with less than 10 ms of CPU time each "
            + "used \(number(shortLives)) CPUs in total",
          .init("new_tasks", forksPerSecond, "1/s"), .init("short_lived", shortLives, "cpus")))
      return part(
        .processStorm, "Fork storm: many short-lived tasks.",
        "Run cloneprof to see who forks them.")
    }
    if isShortOfMemory {
      evidence += memoryEvidence
      return part(
        .memory, "The CPUs are busy reclaiming memory\(subject.mostlyFor)\(atMemoryLimit).",
        memoryAdvice)
    }
    // How many are throttled is known at the samples only: their mean may be off by as many.
    let uncertain = meanIdle < Self.full ? 0 : Double(throttledMost)
    guard runnableMean - busy > max(0.5, 0.05 * Double(cpus), uncertain) else { return [] }
    if meanIdle < Self.full {
      return part(
        .cpuSaturated, "The CPUs are saturated\(subject.mostlyBy).",
        "Tasks are waiting for CPUs: run fewer tasks or add CPUs.")
    }
    guard isPartlyFull else {
      return part(
        .cpuSaturated,
        "The CPUs are saturated in bursts\(subject.mostlyBy), and idle in between.",
        "Spread the work over time, or run fewer tasks at once.")
    }
    return part(.oneCPU, partlyFull(&evidence), partlyFullAdvice)
  }

  private var runnableRows: [AttributionRow] { rows.filter { $0.state == .runnable } }

  // MARK: - Some CPUs

  /// A CPU that idles less is saturated.
  private static let full = 0.1

  private var fullCPUs: Int { idle.count { $0 < Self.full } }
  private var isPartlyFull: Bool { meanIdle >= Self.full && fullCPUs > 0 }

  /// The process whose affinity would help to judge: the largest single one that is runnable, where
  /// some CPUs are saturated and others not.
  public var needsAffinityOf: UInt32? {
    guard isPartlyFull else { return nil }
    return runnableRows.filter { $0.pid != nil }.max { $0.load1 < $1.load1 }?.pid
  }

  private var isConfined: Bool { affinity.map { $0.count < cpus } ?? false }

  private var partlyFullAdvice: String {
    isConfined
      ? "Widen its CPU affinity (taskset -p) or its cpuset."
      : "If CPU affinity (taskset -p) or a cpuset confines the waiting tasks, widen it."
  }

  /// Says nothing of why tasks wait beside idle CPUs but what has been read of them.
  private func partlyFull(_ evidence: inout [Evidence]) -> String {
    if let affinity, isConfined, let pid = needsAffinityOf,
      let row = runnableRows.first(where: { $0.pid == pid })
    {
      evidence.append(
        Evidence(
          "\(row.label(by: [.process])) may run on \(affinity.count == 1 ? "CPU" : "CPUs") "
            + "\(affinity.list) only (Cpus_allowed_list)",
          .init("cpus_allowed", Double(affinity.count), "cpus")))
    }
    let others = idle.filter { $0 >= Self.full }
    let idle = others.reduce(0, +) / Double(max(1, others.count))
    let share = percent(idle)
    evidence.append(
      Evidence(
        "the saturated CPUs are idle less than \(percent(Self.full)) of the time (/proc/stat)",
        .init("cpus_saturated", Double(fullCPUs), "cpus"),
        .init("other_cpus_idle", idle, "ratio")))
    let rest = others.count == 1 ? "the other is" : "the others are"
    return "\(fullCPUs) of \(cpus) CPUs \(fullCPUs == 1 ? "is" : "are") saturated while \(rest) "
      + "\(share) idle."
  }

  /// What else takes CPUs from tasks. Steal is a cause of its own.
  private var keptCPUs: [Evidence] {
    var evidence: [Evidence] = []
    if let most = kept?.taken.max(by: { $0.irq + $0.softirq < $1.irq + $1.softirq }),
      most.irq + most.softirq >= 0.1
    {
      let share = most.irq + most.softirq
      evidence.append(
        Evidence(
          "interrupts and softirqs take \(percent(share)) of CPU \(most.cpu) (/proc/stat)",
          .init("interrupts", share, "ratio"), .init("interrupts_on", Double(most.cpu), "cpu")))
    }
    if let offline = kept?.offline.count, offline > 0 {
      evidence.append(
        Evidence(
          "\(counted(offline, "more CPU")) \(offline == 1 ? "is" : "are") offline "
            + "(/sys/devices/system/cpu/online)",
          .init("cpus_offline", Double(offline), "cpus")))
    }
    if let capped = kept?.capped {
      evidence.append(
        Evidence(
          "the frequency of \(counted(capped.cpus, "CPU")) is limited, to as little as "
            + "\(percent(capped.limit)) of the maximum (scaling_max_freq)",
          .init("cpus_capped", Double(capped.cpus), "cpus"),
          .init("frequency_limit", capped.limit, "ratio")))
    }
    return evidence
  }

  // MARK: - Steal

  private var stolenCPUs: Double { stolen * Double(cpus) }
  /// Of the time that tasks had a CPU of this virtual machine.
  private var stolenOfBusy: Double { busy > 0 ? min(1, stolenCPUs / busy) : 0 }
  /// With so much more CPU time there would be another load.
  var isStealRootCause: Bool { stolenOfBusy >= 0.3 }

  /// A virtual machine whose host takes the CPU away.
  func stealing() -> [VerdictPart] {
    let load = runnableRows.load1
    guard stolenCPUs >= 0.1, stolenOfBusy >= 0.1, isWorthACause(load) else { return [] }
    return [
      part(
        .stolen, load / load1 * stolenOfBusy,
        "The host steals \(percent(stolenOfBusy)) of the CPU time that this VM asks for.",
        [
          Evidence(
            "steal is \(percent(stolen)) of all CPU time, \(number(stolenCPUs)) of "
              + "\(counted(cpus, "CPU")) (/proc/stat)",
            .init("steal", stolen, "ratio"), .init("steal_cpus", stolenCPUs, "cpus"),
            .init("steal_of_busy", stolenOfBusy, "ratio")),
          Evidence(
            "run queue latency does not show it: a task counts as running while its vCPU waits"),
        ],
        "Look at the host: it is overcommitted, or caps this VM's CPU time.")
    ]
  }
}
