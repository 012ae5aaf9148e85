/// A figure of two runs, side by side.
public struct ComparedFigure: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// How many there were: no estimate, so no noise either.
    case clones
    /// Of the duration of a clone.
    case mean, median, p99
    /// A part of the mean.
    case phase
    /// The mean of vfork parents, not of all clones.
    case vforkWait = "vfork_wait"
    /// Per clone.
    case entries
    case nsPerEntry = "ns_per_entry"
    /// Per clone.
    case pageTableBytes = "page_table_bytes"
    case residentBytes = "resident_bytes"
    case hugetlbBytes = "hugetlb_bytes"

    public var unit: Unit {
      switch self {
      case .clones: .clones
      case .mean, .median, .p99, .phase, .vforkWait, .nsPerEntry: .ns
      case .entries: .entries
      case .pageTableBytes, .residentBytes, .hugetlbBytes: .bytes
      }
    }
  }

  public enum Unit: String, Codable, Sendable {
    case clones, ns, entries, bytes
  }

  public let figure: Kind
  /// Of `Kind.phase`, which.
  public let phase: ClonePhase?
  public let unit: Unit
  /// Nil where the run hasn't got it.
  public let baseline: Estimate?
  public let compared: Estimate?
  /// From the baseline to the other; nil where one of them hasn't got it.
  public let change: Double?
  /// The other divided by the baseline; nil also where the baseline is 0.
  public let factor: Double?
  /// Nil where there is no change, or none that chance could make.
  public let noise: Noise?

  init(_ figure: Kind, phase: ClonePhase? = nil, _ baseline: Estimate?, _ compared: Estimate?) {
    (self.figure, self.phase, unit) = (figure, phase, figure.unit)
    (self.baseline, self.compared) = (baseline, compared)
    guard let baseline, let compared else {
      (change, factor, noise) = (nil, nil, nil)
      return
    }
    change = compared.value - baseline.value
    factor = baseline.value > 0 ? compared.value / baseline.value : nil
    noise = figure == .clones ? nil : Noise(from: baseline, to: compared)
  }
}
