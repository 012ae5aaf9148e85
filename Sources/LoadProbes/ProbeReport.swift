import BPF
import Symbols
public import Reports

/// What `loadwatch` wants to see, and what this kernel has for it.
///
/// By the kernel's own type information and by trial, never by its version.
public func loadProbes() -> [ProbePart] {
  let kernel = KernelFeatures()
  return required.map { probe in
    part(probe.feature, probe.probe, probe.needs(kernel))
  } + optionalProbes() + [LoadSampleProbe.trial(), holders(kernel)]
}

/// The same once the programs are attached: what is required is there.
func probesOfAttached() -> [ProbePart] {
  required.map { ProbePart(feature: $0.feature, probe: $0.probe, available: .yes) }
    + optionalProbes()
}

/// Why the programs could not be loaded or attached, where it is because this kernel lacks something.
func missingProbe() -> BPFError? {
  let kernel = KernelFeatures()
  for (index, probe) in required.enumerated() {
    guard case .no(let reason) = firstMissing(probe.needs(kernel)) else { continue }
    return BPFError(
      .unsupported, "\(index == 0 ? "measure" : "trace") \(probe.feature)", cause: reason,
      remedy: "`loadwatch probes` lists what this kernel supports")
  }
  return nil
}

private struct RequiredProbe: Sendable {
  let feature: String
  let probe: String
  let needs: @Sendable (borrowing KernelFeatures) -> [Availability]
}

private let required = [
  RequiredProbe(
    feature: "run queue latency, on-CPU and blocked time", probe: "tp_btf/sched_switch",
    needs: {
      [
        $0.btf, $0.ringBuffers, $0.tracepoint("sched_switch"),
        $0.member("run_delay", of: "sched_info"), $0.member("rq", of: "cfs_rq"),
      ]
    }),
  RequiredProbe(
    feature: "new tasks", probe: "tp_btf/task_newtask",
    needs: { [$0.tracepoint("task_newtask")] }),
  RequiredProbe(
    feature: "task names", probe: "tp_btf/task_rename", needs: { [$0.tracepoint("task_rename")] }),
  RequiredProbe(
    feature: "exec by a thread that is not the leader", probe: "tp_btf/sched_process_exec",
    needs: { [$0.tracepoint("sched_process_exec")] }),
  RequiredProbe(
    feature: "tasks that predate the run", probe: "iter/task", needs: { [$0.iterator("task")] }),
]

private func optionalProbes() -> [ProbePart] {
  [
    ProbePart(feature: "load averages", probe: "/proc/loadavg", available: .yes),
    part("where tasks in D wait", "/proc/kallsyms", [kernelNames()]),
    part("BPF overhead", "BPF_ENABLE_STATS", [ownCost()]),
  ]
}

/// Of `loadwatch probes`: a run knows it from its programs.
private func holders(_ kernel: borrowing KernelFeatures) -> ProbePart {
  let feature = "who holds a kernel lock"
  let isInTask = ["blocker", "blocker_mutex"].contains {
    kernel.member($0, of: "task_struct").isYes
  }
  let tracepoint = kernel.tracepoint("contention_begin")
  guard isInTask else {
    let tracepoints = part(
      feature, "raw_tp/contention_begin", [tracepoint, kernel.member("owner", of: "mutex")])
    guard let reason = tracepoints.reason, kernel.member("owner", of: "rw_semaphore").isYes,
      kernel.member("mmap_lock", of: "mm_struct").isYes
    else { return tracepoints }
    return ProbePart(
      feature: feature, probe: "iter/task", available: .yes, reason: "only mmap_locks: \(reason)")
  }
  return ProbePart(
    feature: feature, probe: "iter/task" + (tracepoint.isYes ? ", raw_tp/contention_begin" : ""),
    available: .yes)
}

/// The first need that isn't met; ``Availability/yes`` where all are.
private func firstMissing(_ needs: [Availability]) -> Availability {
  needs.first { !$0.isYes } ?? .yes
}

private func part(_ feature: String, _ probe: String, _ needs: [Availability]) -> ProbePart {
  switch firstMissing(needs) {
  case .yes: ProbePart(feature: feature, probe: probe, available: .yes)
  case .no(let reason):
    ProbePart(feature: feature, probe: probe, available: .no, reason: reason)
  case .cannotTell(let reason):
    ProbePart(feature: feature, probe: probe, available: .cannotTell, reason: reason)
  }
}

/// To read all of it takes a tenth of a second.
private func kernelNames() -> Availability {
  KernelSymbols.unavailableReason().map { .no("\($0)") } ?? .yes
}

private func ownCost() -> Availability {
  do {
    _ = try RunTimeStatistics()
    return .yes
  } catch {
    return .no("\(error)")
  }
}
