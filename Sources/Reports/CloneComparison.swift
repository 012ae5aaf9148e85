import Histograms

/// A run of `cloneprof` beside another one, the baseline: one JSON object.
///
/// Documented field by field in `docs/cloneprof.md`; the schema is
/// `docs/cloneprof-compare-1.schema.json`.
public struct CloneComparison: Codable, Sendable, Equatable {
  /// The name and version of this form.
  public static let schemaName = "cloneprof-compare/1"

  /// What became of the mean clone.
  public enum Outcome: String, Codable, Sendable, CaseIterable {
    /// By more than noise.
    case faster, slower
    /// None beyond noise.
    case noDifference = "no_difference"
    /// With fewer than two clones.
    case cannotTell = "cannot_tell"
  }

  /// What part of the difference a phase accounts for: 1 is all of it, more where others make up for
  /// that.
  public struct Account: Codable, Sendable, Equatable {
    public let phase: ClonePhase
    public let share: Double
  }

  public private(set) var schema = schemaName
  public let baseline: ComparedRun
  public let compared: ComparedRun
  public let figures: [ComparedFigure]
  public let cautions: [Caution]
  public let outcome: Outcome
  /// The largest first, where the clones are faster or slower; only of phases that both runs have, and
  /// whose own difference isn't noise.
  public let accounts: [Account]

  /// - Parameters:
  ///   - baseline: a whole run, and the file that it stands in.
  ///   - compared: the run that is set beside it.
  public init(
    baseline: (file: String, run: CloneSnapshot), compared: (file: String, run: CloneSnapshot)
  ) {
    self.baseline = ComparedRun(baseline.file, baseline.run)
    self.compared = ComparedRun(compared.file, compared.run)
    cautions = Caution.all(self.baseline, self.compared)
    let (one, other) = (CloneEstimates(baseline.run), CloneEstimates(compared.run))
    let figures = Self.figures(one, other)
    self.figures = figures
    let mean = figures.first { $0.figure == .mean }
    outcome =
      switch (mean?.noise, mean?.change) {
      case (.exceeded, .some(let change)): change < 0 ? .faster : .slower
      case (.within, _): .noDifference
      default: .cannotTell
      }
    accounts = mean?.noise == .exceeded ? Self.accounts(of: mean?.change ?? 0, figures) : []
  }

  private static func figures(
    _ one: CloneEstimates, _ other: CloneEstimates
  ) -> [ComparedFigure] {
    let phases = ClonePhase.allCases.filter { $0 != .vforkWait }.map { phase in
      ComparedFigure(
        .phase, phase: phase, one.phase(phase, besides: other), other.phase(phase, besides: one))
    }
    func both(
      _ kind: ComparedFigure.Kind, _ estimate: (CloneEstimates) -> Estimate?
    ) -> ComparedFigure {
      ComparedFigure(kind, estimate(one), estimate(other))
    }
    let all =
      [
        both(.clones) { Estimate(Double($0.clones)) }, both(.mean) { $0.mean },
        both(.median) { $0.quantile(0.5) }, both(.p99) { $0.quantile(0.99) },
      ] + phases + [
        both(.vforkWait) { $0.vforkWait }, both(.entries) { $0.perClone($0.tables.entries) },
        both(.nsPerEntry) { $0.nsPerEntry }, both(.pageTableBytes) { $0.perClone($0.tables.bytes) },
        both(.residentBytes) { $0.perClone($0.tables.residentBytes) },
        both(.hugetlbBytes) { $0.perClone($0.tables.hugetlbBytes) },
      ]
    return all.filter { $0.baseline != nil || $0.compared != nil }
  }

  /// Less is not worth a word.
  private static let leastShare = 0.05

  private static func accounts(of change: Double, _ figures: [ComparedFigure]) -> [Account] {
    figures.compactMap { figure -> Account? in
      guard let phase = figure.phase, let part = figure.change, figure.noise != .within,
        part / change >= leastShare
      else { return nil }
      return Account(phase: phase, share: part / change)
    }.sorted { $0.share > $1.share }
  }
}
