package import CloneModel
import Histograms
package import Reports

/// What is advised, as the snapshots have it.
package enum AdviceKind: String, CaseIterable {
  case limits
  case hugePages = "huge_pages"
  case dontFork = "dont_fork"
  case spawn = "posix_spawn"
  case cpu
}

extension AdvicePart {
  fileprivate init(_ kind: AdviceKind, _ text: String, evidence: [String]) {
    self.init(kind: kind.rawValue, text: text, evidence: evidence)
  }
}

/// What would make the clones faster: rules from figures that the snapshot has, the most effective
/// first.
package func advice(
  _ interval: CloneInterval, calls: CallsPart, phases: [PhasePart], tables: PageTablesPart
) -> [AdvicePart] {
  guard interval.count > 0 || !interval.failures.isEmpty else { return [] }
  return [
    limits(calls), hugePages(interval, phases, tables), dontFork(interval),
    spawn(interval, phases), queued(interval),
  ].compactMap { $0 }
}

/// What a part is of the whole at least; nothing where it rests on a few samples.
private func share(_ name: String, _ phases: [PhasePart]) -> Double {
  guard let phase = phases.first(where: { $0.name == name }), let share = phase.share else {
    return 0
  }
  let all = phases.filter { $0.how == .sampled }.reduce(0) { $0 + $1.count }
  if phase.how == .sampled, all < 20 { return 0 }
  guard let uncertainty = phase.uncertaintyNs, phase.ns > 0 else { return share }
  return max(0, share * (1 - Double(uncertainty) / Double(phase.ns)))
}

private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

private func milliseconds(_ ns: Double) -> String {
  let hundredths = Int((ns / 1e4).rounded())
  return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) ms"
}

/// Calls that fail for want of ids, tasks or memory.
private func limits(_ calls: CallsPart) -> AdvicePart? {
  let failed = calls.failed.filter { ["EAGAIN", "ENOMEM", "ENOSPC"].contains($0.key) }
  guard let worst = failed.max(by: { $0.value < $1.value }) else { return nil }
  let text =
    switch worst.key {
    case "EAGAIN":
      "Clones fail for a limit on tasks: look at pids.max of the cgroup, ulimit -u, "
        + "kernel.threads-max and kernel.pid_max."
    case "ENOMEM":
      "Clones fail for want of memory: look at memory.max of the cgroup, vm.overcommit_memory and "
        + "the machine's free memory. The kernel says the same where the caller was killed meanwhile, "
        + "or where the init of its PID namespace has ended."
    default: "Clones fail for a limit on namespaces or process ids: look at user.max_*_namespaces."
    }
  return AdvicePart(
    .limits, text,
    evidence: failed.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" })
}

/// An ordinary page's entry takes as long at least. Of a huge page resident sizes count 512, which take
/// 1 to 3 ns each.
private let leastOrdinaryNs = 10.0

/// Most of the time goes into entries of ordinary pages, of which a huge page needs one for 512.
private func hugePages(
  _ interval: CloneInterval, _ phases: [PhasePart], _ tables: PageTablesPart
) -> AdvicePart? {
  let copied = share("page tables", phases)
  guard copied >= 0.3, let each = tables.nsPerEntry, each >= leastOrdinaryNs else { return nil }
  return AdvicePart(
    .hugePages,
    "Give the large mappings huge pages: one entry then stands for 512. Transparent ones by "
      + "madvise(MADV_HUGEPAGE) or /sys/kernel/mm/transparent_hugepage/enabled; after the fork the "
      + "first write to each copies 2 MiB.",
    evidence: [
      "page tables are \(percent(copied)) of a clone, or more",
      "\(interval.entries / max(1, interval.count)) entries a clone at "
        + "\(Int(each.rounded())) ns",
    ])
}

/// One mapping stands for most of it; not the heap or the stack, which no child can do without.
private func dontFork(_ interval: CloneInterval) -> AdvicePart? {
  let all = interval.pageTableCopy.sum
  guard interval.large.count > 0, all > 0,
    let (key, sum) = interval.mappings.filter({ ![.heap, .stack].contains($0.value.kind) })
      .max(by: { $0.value.ns < $1.value.ns }),
    Double(sum.ns) >= 0.5 * Double(all)
  else { return nil }
  return AdvicePart(
    .dontFork,
    "One mapping is most of the cost. If children don't need it, madvise(MADV_DONTFORK) on it "
      + "leaves it out.",
    evidence: [
      "\(String(key.start, radix: 16))-\(String(key.end, radix: 16)) of process \(key.tgid): "
        + "\(milliseconds(Double(sum.ns) / Double(sum.count))) a clone, "
        + "\(percent(Double(sum.ns) / Double(all))) of all page tables"
    ])
}

/// Copies are what it costs: a child that only starts another program needs none.
private func spawn(_ interval: CloneInterval, _ phases: [PhasePart]) -> AdvicePart? {
  let copied =
    share("page tables", phases) + share("mappings", phases) + share("address space", phases)
  guard copied >= 0.5 else { return nil }
  return AdvicePart(
    .spawn,
    "Where the child only starts another program, posix_spawn(3) or vfork(2) copies nothing.",
    evidence: ["copying the address space is \(percent(copied)) of a clone, or more"])
}

/// The CPUs are busy with others.
private func queued(_ interval: CloneInterval) -> AdvicePart? {
  let share = Double(interval.queuedNs) / Double(max(1, interval.clone.sum))
  guard share >= 0.3 else { return nil }
  return AdvicePart(
    .cpu,
    "Clones wait for a CPU for much of their time: loadwatch shows who has them.",
    evidence: ["waiting for a CPU is \(percent(share)) of a clone"])
}
