import ForkTrace
import Histograms
import Snapshots

/// The parts of all clones of an interval, in the order in which they happen; at last what is left.
func phaseParts(_ interval: CloneInterval, _ means: CloneProbes.Means) -> [PhasePart] {
  let whole = interval.clone.sum
  guard whole > 0 else { return [] }
  let parts = means.samples ? sampledParts(interval) : measuredParts(interval, means)
  let told = parts.reduce(0) { $0 + $1.ns }
  let rest = PhasePart(
    name: means.samples ? "off the CPU" : "the rest", ns: whole - min(whole, told),
    share: nil, count: interval.count, how: .rest)
  var all = parts + [rest]
  for index in all.indices { all[index].share = Double(all[index].ns) / Double(whole) }
  if interval.vforkWait.count > 0 {
    all.append(
      PhasePart(
        name: "vfork parents waiting", ns: interval.vforkWait.sum, share: nil,
        count: interval.vforkWait.count, how: .measured))
  }
  return all
}

private func measuredParts(
  _ interval: CloneInterval, _ means: CloneProbes.Means
) -> [PhasePart] {
  var parts: [PhasePart] = []
  let tables = interval.pageTableCopy
  if means.measuresMappings {
    parts.append(
      PhasePart(
        name: "page tables", ns: tables.sum, share: nil, count: tables.count, how: .measured))
  }
  if means.measuresCopies {
    let copies = interval.addressSpaceCopy
    parts.append(
      PhasePart(
        name: means.measuresMappings ? "mappings" : "address space",
        ns: copies.sum - min(copies.sum, tables.sum), share: nil, count: copies.count,
        how: .measured))
  }
  parts.append(
    PhasePart(
      name: "waking the child", ns: interval.wakeNs, share: nil, count: interval.count,
      how: .measured))
  return parts
}

/// The steps that were asked for, by their functions. They are within the phases, not besides them.
func stepParts(_ interval: CloneInterval, _ means: CloneProbes.Means) -> [PhasePart] {
  let whole = Double(max(1, interval.clone.sum))
  return means.steps.map { step in
    let sum = interval.steps[step.rawValue]
    return PhasePart(
      name: step.function, ns: sum.ns, share: Double(sum.ns) / whole, count: sum.count,
      how: .measured)
  }
}

/// By samples: a part's share of them is its share of the time on the CPU, which is the whole less the
/// wait for a CPU that the kernel counts.
private func sampledParts(_ interval: CloneInterval) -> [PhasePart] {
  let all = KernelPhases.Phase.allCases.reduce(0) { $0 + interval.samples[$1.rawValue] }
  guard all > 0 else { return [] }
  let onCPU = Double(interval.clone.sum - min(interval.clone.sum, interval.queuedNs))
  return KernelPhases.Phase.allCases.compactMap { phase in
    let count = interval.samples[phase.rawValue]
    guard count > 0 else { return nil }
    let share = Double(count) / Double(all)
    // 95 % of a binomial distribution, by Wilson's score: it is right for few samples as well.
    let (n, z) = (Double(all), 1.96)
    let half =
      z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    return PhasePart(
      name: phase.name, ns: UInt64(share * onCPU), share: nil, count: count, how: .sampled,
      uncertaintyNs: UInt64(half * onCPU))
  }
}

extension KernelPhases.Phase {
  fileprivate var name: String {
    switch self {
    case .pageTables: "page tables"
    case .mappings: "mappings"
    case .files: "open files"
    case .task: "the task itself"
    case .waking: "waking the child"
    case .other: "the rest of the call"
    }
  }
}

/// What was copied by kind of mapping, the costliest first.
func mappingKinds(_ interval: CloneInterval) -> [MappingKindPart] {
  Clone.MappingKind.allCases.compactMap { kind in
    let sum = interval.kinds[kind.rawValue]
    return sum.count == 0
      ? nil : MappingKindPart(kind: kind.text, count: sum.count, bytes: sum.bytes, ns: sum.ns)
  }.sorted { ($0.ns, $0.bytes) > ($1.ns, $1.bytes) }
}

extension Clone.MappingKind {
  var text: String { self == .filePrivate ? "file_private" : "\(self)" }
}

/// How much was copied, and how fast.
func pageTablesPart(
  _ interval: CloneInterval, _ phases: [PhasePart], pageSize: UInt64
) -> PageTablesPart {
  let copied = phases.first { $0.name == "page tables" }?.ns
  let large = interval.large
  let bytes = large.pages * pageSize
  let rate = large.ns > 0 && large.count > 0 ? Double(bytes) / Double(large.ns) : nil
  return PageTablesPart(
    bytes: interval.pageTableBytes, entries: interval.entries,
    residentBytes: interval.entries * pageSize,
    hugetlbBytes: interval.hugetlbPages * pageSize,
    nsPerEntry: interval.entries > 0
      ? copied.map { Double($0) / Double(interval.entries) } : nil,
    msPerGiB: rate.map { Double(1 << 30) / $0 / 1e6 }, gbPerS: rate,
    grade: rate.map(PageTablesPart.grade(gbPerS:)))
}
