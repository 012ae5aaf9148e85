import FoundationEssentials
import Histograms
import Reports
import Support

/// A whole run of clones that took so long, whose phases are measured as parts of them.
///
/// - Parameters:
///   - tables: of each clone, or of some, its page-table copy, ns.
///   - copies: the same of the whole address space; where nil, that is left out.
func measuredRun(
  _ clones: [UInt64], tables: [UInt64] = [], copies: [UInt64]? = nil, wake: UInt64 = 0
) -> CloneSnapshot {
  var run = emptyClones()
  run.final = true
  run.calls.clone = UInt64(clones.count)
  let none = HistogramPart(Histogram())
  run.histograms = CloneHistogramsPart(
    clone: HistogramPart(histogram(clones)),
    addressSpaceCopy: copies.map { HistogramPart(histogram($0)) } ?? none,
    pageTableCopy: HistogramPart(histogram(tables)), vforkWait: none)
  func part(_ phase: ClonePhase, _ ns: UInt64, _ how: PhasePart.How = .measured) -> PhasePart {
    PhasePart(phase: phase, ns: ns, share: 0, count: UInt64(clones.count), how: how)
  }
  let (all, tableSum) = (clones.reduce(0, +), tables.reduce(0, +))
  let copySum = copies.map { $0.reduce(0, +) } ?? tableSum
  run.phases = [
    part(.mappings, copySum - tableSum), part(.pageTables, tableSum), part(.wakeChild, wake),
    part(.unattributed, all - copySum - wake, .derived),
  ]
  return run
}

/// The same with its phases sampled.
///
/// - Parameter phases: what all clones together spent in each, how many samples tell so, and half the
///   width of the 95 % bounds; ns.
func sampledRun(
  _ clones: [UInt64], _ phases: [(phase: ClonePhase, ns: UInt64, samples: UInt64, half: UInt64)]
) -> CloneSnapshot {
  var run = measuredRun(clones)
  let all = clones.reduce(0, +)
  let known = phases.reduce(0) { $0 + $1.ns }
  run.phases =
    phases.map {
      PhasePart(
        phase: $0.phase, ns: $0.ns, share: 0, count: $0.samples, how: .sampled,
        uncertaintyNs: $0.half)
    } + [
      PhasePart(phase: .offCPU, ns: 0, share: 0, count: UInt64(clones.count), how: .measured),
      PhasePart(
        phase: .unattributed, ns: all - known, share: 0, count: UInt64(clones.count), how: .derived),
    ]
  return run
}

func compare(_ one: CloneSnapshot, _ other: CloneSnapshot) -> CloneComparison {
  CloneComparison(baseline: ("a.json", one), compared: ("b.json", other))
}

extension CloneComparison {
  subscript(kind: ComparedFigure.Kind, phase: ClonePhase? = nil) -> ComparedFigure? {
    figures.first { $0.figure == kind && $0.phase == phase }
  }
}

extension SplitMix64 {
  /// Of a normal distribution with mean 0 and variance 1, near enough: the sum of twelve even ones.
  mutating func normal() -> Double {
    (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &self) }
  }

  /// Durations as forks have them, in ns: mostly alike, some much longer.
  mutating func durations(_ count: Int, mean: Double) -> [UInt64] {
    (0..<count).map { _ in
      let outlier = once(in: 50) ? Double.random(in: 0..<1, using: &self) : 0
      return UInt64(max(1, mean * (1 + 0.25 * normal() + outlier)))
    }
  }
}
