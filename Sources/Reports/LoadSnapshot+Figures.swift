extension LoadSnapshot {
  /// Its figures, as `docs/snapshot.md` has them, but for those of lists.
  public static let figures: [Figure<LoadSnapshot>] =
    commonFigures + loadFigures + taskFigures + [
      .sum(
        \.switches, "switches", "",
        "context switches traced, including those to and from the idle task; with a filter, those to tasks that match"
      ),
      .sum(
        \.preemptions, "preemptions", "",
        "switches away from a task that stayed runnable; with a filter, from tasks that match"),
      .histogram(
        \.histograms.runQueueLatency, "histograms.run_queue_latency",
        "from runnable to running; the sum is the growth of `run_delay`"),
      .histogram(
        \.histograms.onCPU, "histograms.on_cpu", "from getting a CPU to leaving it"),
      .histogram(
        \.histograms.blockedUninterruptible, "histograms.blocked_uninterruptible",
        "from leaving the CPU in D to being runnable again"),
      .histogram(
        \.histograms.blockedInterruptible, "histograms.blocked_interruptible", "the same for S"),
    ] + costFigures

  private static var loadFigures: [Figure<LoadSnapshot>] {
    [(0, "load1"), (1, "load5"), (2, "load15")].map { index, name in
      .derived(
        "load.kernel[\(index)]", "tasks",
        "\(name) of `/proc/loadavg` after the last sample; before the first sample, and with a filter, at the time of the snapshot"
      ) { $0.load.kernel[index] }
    }
  }

  private static var taskFigures: [Figure<LoadSnapshot>] {
    occupancy(
      "runnable", now: \.tasks.runnable.now, max: \.tasks.runnable.max,
      taskNs: \.tasks.runnable.taskNs, mean: { $0.tasks.runnable.mean })
      + occupancy(
        "uninterruptible", now: \.tasks.uninterruptible.now, max: \.tasks.uninterruptible.max,
        taskNs: \.tasks.uninterruptible.taskNs, mean: { $0.tasks.uninterruptible.mean })
  }

  private static func occupancy(
    _ name: String, now: Figure<LoadSnapshot>.Path<Int>, max: Figure<LoadSnapshot>.Path<Int>,
    taskNs: Figure<LoadSnapshot>.Path<UInt64>, mean: @escaping @Sendable (LoadSnapshot) -> Double
  ) -> [Figure<LoadSnapshot>] {
    [
      .atEnd(now, "tasks.\(name).now", "tasks", "at the end of the interval"),
      .derived(
        "tasks.\(name).mean", "tasks",
        "over the interval: `task_ns / interval_ns`; where records were lost, over `tasks.reliable_ns`",
        mean),
      .largest(
        max, "tasks.\(name).max", "tasks",
        "the largest count at instants about a millisecond apart (further apart in intervals longer than 4 s)"
      ),
      .sum(
        taskNs, "tasks.\(name).task_ns", "task-ns",
        "time of all tasks in the state, exactly; this is what adds up"),
    ]
  }

  private static var costFigures: [Figure<LoadSnapshot>] {
    [
      .mean(
        \.cost.bpfNsPerSwitch, over: \.switches, "cost.bpf_ns_per_switch", "ns",
        "run time of the BPF programs per switch, measured by the kernel during a part of the interval; absent where that isn't permitted"
      ),
      .sum(\.cost.consumerNs, "cost.consumer_ns", "ns", "CPU time of the loadwatch process"),
      .sum(
        \.cost.taskScanNs, "cost.task_scan_ns", "ns",
        "time of the same process in task scans, including those for the load samples"),
      .largest(
        \.cost.residentBytes, "cost.resident_bytes", "bytes",
        "resident memory (RSS) of the loadwatch process at the end"),
      .largest(\.cost.ringBytes, "cost.ring_bytes", "bytes", "kernel memory of the rings"),
    ]
  }
}
