import Histograms
package import Reports

/// The parts of all clones of an interval, in the order in which they happen; at last what is left.
package func phaseParts(_ interval: CloneInterval, _ coverage: CloneCoverage) -> [PhasePart] {
  let whole = interval.clone.sum
  guard whole > 0 else { return [] }
  let parts = coverage.samples ? sampledParts(interval) : measuredParts(interval, coverage)
  let attributed = parts.reduce(0) { $0 + $1.ns }
  let rest = PhasePart(
    phase: .unattributed, ns: whole - min(whole, attributed), share: nil, count: interval.count,
    how: .derived)
  var all = parts + [rest]
  for index in all.indices { all[index].share = Double(all[index].ns) / Double(whole) }
  if interval.vforkWait.count > 0 {
    all.append(
      PhasePart(
        phase: .vforkWait, ns: interval.vforkWait.sum, share: nil,
        count: interval.vforkWait.count, how: .measured))
  }
  return all
}

private func measuredParts(
  _ interval: CloneInterval, _ coverage: CloneCoverage
) -> [PhasePart] {
  var parts: [PhasePart] = []
  let tables = interval.pageTableCopy
  if coverage.measuresMappings {
    parts.append(
      PhasePart(
        phase: .pageTables, ns: tables.sum, share: nil, count: tables.count, how: .measured))
  }
  if coverage.measuresCopies {
    let copies = interval.addressSpaceCopy
    parts.append(
      PhasePart(
        phase: coverage.measuresMappings ? .mappings : .addressSpace,
        ns: copies.sum - min(copies.sum, tables.sum), share: nil, count: copies.count,
        how: .measured))
  }
  parts.append(
    PhasePart(
      phase: .wakeChild, ns: interval.wakeNs, share: nil, count: interval.count,
      how: .measured))
  return parts
}

/// The steps that were asked for. They are within the phases, not besides them.
package func stepParts(_ interval: CloneInterval, _ coverage: CloneCoverage) -> [StepPart] {
  let whole = Double(max(1, interval.clone.sum))
  return coverage.steps.map { step in
    let sum = interval.steps[step.rawValue]
    return StepPart(
      function: step.function, ns: sum.ns, share: Double(sum.ns) / whole, count: sum.count)
  }
}

/// By samples: of clones of about the same length, a part's share of the samples is its share of the
/// time on the CPU. The time off the CPU is the scheduler's own.
private func sampledParts(_ interval: CloneInterval) -> [PhasePart] {
  let strata = interval.strata.indices.map { interval.strata[$0] }
  let parts = KernelPhases.Phase.allCases.compactMap { phase -> PhasePart? in
    let count = interval.samples(in: phase)
    guard count > 0 else { return nil }
    var (ns, squares) = (0.0, 0.0)
    for stratum in strata {
      let all = stratum.samples.indices.reduce(0) { $0 + stratum.samples[$1] }
      guard all > 0 else { continue }
      let onCPU = Double(stratum.onCPUNs)
      let share = Double(stratum.samples[phase.rawValue]) / Double(all)
      let half = wilsonHalf(share, of: Double(all)) * onCPU
      ns += share * onCPU
      squares += half * half
    }
    return PhasePart(
      // Rounded down: all together are no more than the whole.
      phase: phase.reported, ns: clamped(ns.rounded(.down)), share: nil, count: count,
      how: .sampled,
      uncertaintyNs: clamped(squares.squareRoot()))
  }
  return parts + [
    PhasePart(
      phase: .offCPU, ns: interval.offCPUNs, share: nil, count: interval.count,
      how: .measured)
  ]
}

/// A normal distribution has 95 % of its values within so many standard deviations.
let normal95 = 1.96

/// To whole numbers; what a recording makes of it may be anything.
func clamped(_ value: Double) -> UInt64 {
  value >= 0x1p64 ? .max : value > 0 ? UInt64(value.rounded()) : 0
}

/// Half of what holds a binomial distribution's share with 95 %, by Wilson's score: it is right for
/// few samples as well.
private func wilsonHalf(_ share: Double, of n: Double) -> Double {
  let z = normal95
  return z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
}

/// How much was copied, and how fast.
package func pageTablesPart(
  _ interval: CloneInterval, _ phases: [PhasePart], _ coverage: CloneCoverage, pageSize: UInt64
) -> PageTablesPart {
  let large = interval.large
  let bytes = large.pages * pageSize
  let rate = large.ns > 0 && large.count > 0 ? Double(bytes) / Double(large.ns) : nil
  return PageTablesPart(
    bytes: interval.pageTableBytes, entries: interval.entries,
    residentBytes: interval.entries * pageSize,
    hugetlbBytes: interval.hugetlbPages * pageSize,
    nsPerEntry: nsPerEntry(interval, phases, coverage),
    msPerGiB: rate.map { Double(1 << 30) / $0 / 1e6 }, gbPerS: rate,
    grade: rate.map(PageTablesPart.grade(gbPerS:)))
}

/// By large clones: a small process' resident pages are counted too coarsely, each CPU holding some
/// back. Samples are not per clone: then only where the large ones have nearly all.
private func nsPerEntry(
  _ interval: CloneInterval, _ phases: [PhasePart], _ coverage: CloneCoverage
) -> Double? {
  let large = interval.large
  guard large.pages > 0 else { return nil }
  if coverage.measuresMappings { return Double(large.tableNs) / Double(large.pages) }
  guard Double(large.pages) >= 0.9 * Double(interval.entries) else { return nil }
  return phases.first { $0.phase == .pageTables }
    .map { Double($0.ns) / Double(interval.entries) }
}
