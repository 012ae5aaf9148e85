import Histograms

/// The figures of a run, per clone, with bounds where the run shows how its clones differ.
struct CloneEstimates {
  private let run: CloneSnapshot
  private let clone: Histogram
  private let addressSpaceCopy: Histogram
  private let pageTableCopy: Histogram
  let vforkWait: Estimate?
  let mean: Estimate?

  /// A histogram that contradicts itself, which no file that was checked has, counts as empty.
  init(_ run: CloneSnapshot) {
    self.run = run
    func histogram(_ part: HistogramPart) -> Histogram {
      (try? part.histogram()) ?? Histogram()
    }
    clone = histogram(run.histograms.clone)
    addressSpaceCopy = histogram(run.histograms.addressSpaceCopy)
    pageTableCopy = histogram(run.histograms.pageTableCopy)
    mean = .mean(of: clone, among: clone.count)
    let waits = histogram(run.histograms.vforkWait)
    vforkWait = .mean(of: waits, among: waits.count)
  }

  var clones: UInt64 { clone.count }
  var tables: PageTablesPart { run.pageTables }

  func quantile(_ q: Double) -> Estimate? { .quantile(q, of: clone) }

  /// Only the sum of all clones is known.
  func perClone(_ sum: UInt64) -> Estimate? {
    clones > 0 ? Estimate(Double(sum) / Double(clones)) : nil
  }

  /// As certain as the time of the page tables, where that is from samples.
  var nsPerEntry: Estimate? {
    guard let ns = tables.nsPerEntry else { return nil }
    guard clones >= 2, let part = part(.pageTables), part.how == .sampled, part.ns > 0,
      let uncertainty = part.uncertaintyNs
    else { return Estimate(ns) }
    return Estimate(ns, plusMinus: ns * Double(uncertainty) / Double(part.ns))
  }

  // MARK: - Phases

  private func part(_ phase: ClonePhase) -> PhasePart? {
    run.phases.first { $0.phase == phase }
  }

  /// - Parameter other: the run beside which it is set. What has samples there and none here is next to
  ///   nothing.
  func phase(_ phase: ClonePhase, besides other: CloneEstimates) -> Estimate? {
    guard clones > 0 else { return nil }
    guard let part = part(phase) else {
      return other.part(phase)?.how == .sampled ? withoutSample : nil
    }
    switch part.how {
    case .sampled: return sampled(part)
    case .measured: return measured(part)
    case .derived: return perClone(part.ns)
    }
  }

  private func measured(_ part: PhasePart) -> Estimate? {
    let (copies, tables) = (addressSpaceCopy, pageTableCopy)
    switch part.phase {
    case .pageTables where part.ns == tables.sum: return .mean(of: tables, among: clones)
    case .addressSpace where part.ns == copies.sum: return .mean(of: copies, among: clones)
    case .mappings where copies.sum >= tables.sum && part.ns == copies.sum - tables.sum:
      // How the two vary together isn't known: a difference varies at most as both of them do.
      let halves = [copies, tables].map { Estimate.mean(of: $0, among: clones)?.half }
      return Estimate(
        Double(part.ns) / Double(clones),
        plusMinus: halves[0].flatMap { one in halves[1].map { one + $0 } })
    default: return perClone(part.ns)
    }
  }

  /// A phase's share of the clones' time, of which the samples tell, times that time, of which the
  /// clones do: the two vary independently.
  private func sampled(_ part: PhasePart) -> Estimate? {
    let value = Double(part.ns) / Double(clones)
    guard let uncertainty = part.uncertaintyNs, let mean, let cloneHalf = mean.half, mean.value > 0
    else { return Estimate(value) }
    let bySamples = Double(uncertainty) / Double(clones)
    let byClones = cloneHalf * value / mean.value
    return Estimate(
      value, plusMinus: (bySamples * bySamples + byClones * byClones).squareRoot())
  }

  /// Of a phase without any sample beside others that have some: by Wilson's score, as the others'.
  private var withoutSample: Estimate? {
    let sampled = run.phases.filter { $0.how == .sampled }
    let samples = sampled.reduce(0.0) { $0 + Double($1.count) }
    guard samples > 0 else { return nil }
    let ns = sampled.reduce(0.0) { $0 + Double($1.ns) } / Double(clones)
    let z2 = normal95 * normal95
    return clones >= 2 ? Estimate(0, low: 0, high: ns * z2 / (samples + z2)) : Estimate(0)
  }
}
