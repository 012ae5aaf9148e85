import Reports

// What forks cost in all: the calls by their own times, what comes of them by samples.

/// The bill of these forks: the calls, then samples of children and parents, by item.
///
/// - Parameter period: the CPU time that a sample stands for, ns.
func billParts(_ sum: ChildSum, period: UInt64) -> [BillItemPart] {
  let calls = BillItemPart(item: .clone, ns: sum.onCPUNs, count: sum.born, how: .measured)
  let others = AfterFork.Place.allCases.compactMap { place -> BillItemPart? in
    let count = sum.samples[place]
    guard count > 0 else { return nil }
    // A Poisson count: its standard deviation is its root.
    let half = normal95 * Double(count).squareRoot()
    return BillItemPart(
      item: place.reported, ns: clamped(Double(count) * Double(period)), count: count,
      how: .sampled, uncertaintyNs: clamped(half * Double(period)))
  }
  return [calls] + others.sorted { BillItem.precedes($0.item, $1.item) }
}

/// Nil where there are none, or their time isn't known.
///
/// Where copies are not measured: of clones of about the same length, the share of the samples that were
/// in the copy.
///
/// - Parameter scale: how many clones each of them stands for.
func discardedCopiesPart(
  _ sum: DiscardedCopies, _ interval: CloneInterval, _ coverage: CloneCoverage, scale: Double = 1
) -> DiscardedCopiesPart? {
  guard sum.count > 0 else { return nil }
  let count = clamped(Double(sum.count) * scale)
  if coverage.measuresCopies {
    return DiscardedCopiesPart(
      count: count, ns: clamped(Double(sum.ns) * scale), how: .measured)
  }
  guard coverage.samples else { return nil }
  var ns = 0.0
  for index in interval.strata.indices {
    ns += Double(sum.times[index]) * shareOfCopy(interval.strata[index])
  }
  return DiscardedCopiesPart(count: count, ns: clamped(ns * scale), how: .sampled)
}

/// Of the time of clones of about the same length.
private func shareOfCopy(_ stratum: CloneInterval.Stratum) -> Double {
  let all = stratum.samples.indices.reduce(0) { $0 &+ stratum.samples[$1] }
  guard all > 0, stratum.ns > 0 else { return 0 }
  let copying =
    stratum.samples[KernelPhases.Phase.pageTables.rawValue]
    &+ stratum.samples[KernelPhases.Phase.mappings.rawValue]
  let onCPU = Double(stratum.onCPUNs) / Double(stratum.ns)
  return onCPU * Double(copying) / Double(all)
}
