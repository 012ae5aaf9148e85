import BPF
import Symbols
public import Reports

/// What `loadwatch` wants to see, and what this kernel has for it.
///
/// By the kernel's own type information and by trial, never by its version.
public func loadProbes() -> [ProbePart] {
  let kernel = KernelFeatures()
  return [
    part(
      "run queue latency, on-CPU and blocked time", "tp_btf/sched_switch",
      kernel.btf, kernel.ringBuffers, kernel.tracepoint("sched_switch"),
      kernel.member("run_delay", of: "sched_info"), kernel.member("rq", of: "cfs_rq")),
    part("new tasks", "tp_btf/task_newtask", kernel.tracepoint("task_newtask")),
    part("task names", "tp_btf/task_rename", kernel.tracepoint("task_rename")),
    part(
      "exec by a thread that is not the leader", "tp_btf/sched_process_exec",
      kernel.tracepoint("sched_process_exec")),
    part("tasks that predate the run", "iter/task", kernel.iterator("task")),
    part("load averages", "/proc/loadavg", .yes),
    part("where tasks in D wait", "/proc/kallsyms", kernelNames()),
    part("BPF overhead", "BPF_ENABLE_STATS", ownCost()),
  ]
}

/// The first that isn't there decides.
private func part(_ feature: String, _ probe: String, _ needs: Availability...) -> ProbePart {
  for need in needs {
    switch need {
    case .yes: continue
    case .no(let reason):
      return ProbePart(feature: feature, probe: probe, available: .no, reason: reason)
    case .cannotTell(let reason):
      return ProbePart(feature: feature, probe: probe, available: .cannotTell, reason: reason)
    }
  }
  return ProbePart(feature: feature, probe: probe, available: .yes)
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
