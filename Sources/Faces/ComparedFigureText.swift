import Reports

/// A figure of two runs in words, 18 columns at most, and its values, 9 at most.
extension ComparedFigure {
  var title: String {
    switch figure {
    case .clones: "clones"
    case .mean: "clone, mean"
    case .median: "clone, median"
    case .p99: "clone, p99"
    case .phase: "  \(phase?.text ?? "")"
    case .vforkWait: "vfork wait"
    case .entries: "entries"
    case .nsPerEntry: "  each"
    case .pageTableBytes: "page-table memory"
    case .residentBytes: "resident memory"
    case .hugetlbBytes: "hugetlb memory"
    }
  }

  func text(_ estimate: Estimate?) -> String { estimate.map { text($0.value) } ?? "-" }

  /// "-2.52 ms"; empty where there is none.
  var changeText: String {
    guard let change else { return "" }
    let size = text(abs(change))
    return size == text(0) ? size : (change < 0 ? "-" : "+") + size
  }

  /// "-12 %", or, from a factor of 2 on, "8.6x faster"; empty where it would be "0.0 %".
  var factorText: String {
    guard let factor, let change, !Factor.isOne(factor) else { return "" }
    guard let times = Factor(factor) else {
      return (change < 0 ? "-" : "+") + percentText(abs(factor - 1))
    }
    let word = unit == .ns ? (change < 0 ? "faster" : "slower") : (change < 0 ? "less" : "more")
    return "\(times.text)x \(word)"
  }

  private func text(_ value: Double) -> String {
    switch unit {
    case .ns:
      // Entries take tens of nanoseconds: a tenth of one matters.
      return figure == .nsPerEntry && value < 99.95
        ? decimalText(value, digits: 1) + " ns" : durationText(ns: UInt64(clamping: value))
    case .bytes: return bytesText(UInt64(clamping: value))
    case .clones, .entries:
      let full = countText(UInt64(clamping: value))
      return full.utf8.count < 10 ? full : compactCountText(UInt64(clamping: value))
    }
  }
}

/// "12 %", "3.4 %", without a sign.
func percentText(_ share: Double) -> String {
  decimalText(100 * share, digits: share < 0.0995 ? 1 : 0) + " %"
}

/// How many times as much, or as little, where that is at least twice.
struct Factor {
  private let ratio: Double

  init?(_ factor: Double) {
    guard factor > 0 else { return nil }
    ratio = max(factor, 1 / factor)
    if ratio < 2 { return nil }
  }

  /// Whether a percentage would show no difference.
  static func isOne(_ factor: Double) -> Bool { abs(factor - 1) < 0.0005 }

  var text: String {
    ratio > 999 ? ">999" : decimalText(ratio, digits: ratio < 9.95 ? 1 : 0)
  }
}
