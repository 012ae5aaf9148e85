import Histograms
package import Reports

/// What would make the clones faster: rules from figures that the snapshot has, the most effective
/// first.
package func advice(
  _ interval: CloneInterval, calls: CallsPart, phases: [PhasePart], tables: PageTablesPart,
  stacks: [StackPart] = [], memory: (UInt32) -> ForkedMemory?
) -> [AdvicePart] {
  guard interval.count > 0 || !interval.failures.isEmpty else { return [] }
  return [
    limits(calls), hugePages(interval, phases, tables, memory), dontFork(interval),
    spawn(interval, copied: copied(phases), stacks), queued(interval),
  ].compactMap { $0 }
}

/// What a part is of the whole at least; nothing where it rests on a few samples.
private func share(_ name: ClonePhase, _ phases: [PhasePart]) -> Double {
  guard let phase = phases.first(where: { $0.phase == name }), let share = phase.share else {
    return 0
  }
  let all = phases.filter { $0.how == .sampled }.reduce(0) { $0 + $1.count }
  if phase.how == .sampled, all < 10 { return 0 }
  guard let uncertainty = phase.uncertaintyNs, phase.ns > 0 else { return share }
  return max(0, share * (1 - Double(uncertainty) / Double(phase.ns)))
}

func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

func milliseconds(_ ns: Double) -> String {
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
      "Clones hit a limit on tasks: check the cgroup's pids.max, ulimit -u, kernel.threads-max and "
        + "kernel.pid_max."
    case "ENOMEM":
      "Clones run out of memory: check the cgroup's memory.max, vm.overcommit_memory and free "
        + "memory. The kernel also returns ENOMEM once the init of the caller's PID namespace has "
        + "exited."
    default: "Clones hit a limit on namespaces: check user.max_*_namespaces."
    }
  return AdvicePart(
    kind: .limits, text: text,
    evidence: failed.sorted { $0.key < $1.key }.map { "\($0.value) failed with \($0.key)" })
}

/// An ordinary page's entry takes as long at least. Of a huge page resident sizes count 512, which take
/// 1 to 3 ns each.
private let leastOrdinaryNs = 10.0

/// Most of the time goes into entries of ordinary pages, of which a huge page needs one for 512.
private func hugePages(
  _ interval: CloneInterval, _ phases: [PhasePart], _ tables: PageTablesPart,
  _ memory: (UInt32) -> ForkedMemory?
) -> AdvicePart? {
  let copied = share(.pageTables, phases)
  guard copied >= 0.3, let each = tables.nsPerEntry, each >= leastOrdinaryNs,
    let (pid, clones) = interval.largeProcesses.max(by: {
      ($0.value.ns, $1.key) < ($1.value.ns, $0.key)
    })
  else { return nil }
  return HugePageAdvice(
    pid: pid, memory: memory(pid), fork: Double(clones.ns) / Double(clones.count),
    evidence: [
      "page tables take at least \(percent(copied)) of a clone",
      "\(countText(clones.pages / clones.count)) entries per clone, \(Int(each.rounded())) ns each",
    ]
  ).part
}

/// One mapping stands for most of it; not the heap or the stack, which no child can do without.
private func dontFork(_ interval: CloneInterval) -> AdvicePart? {
  let all = interval.pageTableCopy.sum
  guard interval.large.count > 0, all > 0,
    let (key, sum) = interval.mappings.filter({ ![.heap, .stack].contains($0.value.kind) })
      .max(by: { $0.value.ns < $1.value.ns }),
    Double(sum.ns) >= 0.5 * Double(all), canDoWithout(key.tgid, interval)
  else { return nil }
  return AdvicePart(
    kind: .dontFork,
    text:
      "One mapping accounts for most of the cost. If the children don't need it, exclude it with "
      + "madvise(MADV_DONTFORK).",
    evidence: [
      "\(String(key.start, radix: 16))-\(String(key.end, radix: 16)) in process \(key.tgid): "
        + "\(milliseconds(Double(sum.ns) / Double(sum.count))) per clone, "
        + "\(percent(Double(sum.ns) / Double(all))) of the page-table copy"
    ])
}

/// What copying the address space takes of a clone at least.
private func copied(_ phases: [PhasePart]) -> Double {
  share(.pageTables, phases) + share(.mappings, phases) + share(.addressSpace, phases)
}

/// The CPUs are busy with others.
private func queued(_ interval: CloneInterval) -> AdvicePart? {
  let share = Double(interval.queuedNs) / Double(max(1, interval.clone.sum))
  guard share >= 0.3 else { return nil }
  return AdvicePart(
    kind: .cpu,
    text: "Clones spend much of their time waiting for a CPU: loadwatch shows what runs there.",
    evidence: ["waiting for a CPU takes \(percent(share)) of a clone"])
}
