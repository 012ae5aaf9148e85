import Histograms

/// Metrics as text: Prometheus' own format, version 0.0.4, or OpenMetrics 1.0.
public enum MetricsText {
  public static func classic(_ families: [MetricFamily]) -> String {
    families.filter { !$0.isNativeOnly }.map { text(of: $0, isOpen: false) }.joined()
  }

  public static func open(_ families: [MetricFamily]) -> String {
    families.filter { !$0.isNativeOnly }.map { text(of: $0, isOpen: true) }.joined() + "# EOF\n"
  }

  private static func text(of family: MetricFamily, isOpen: Bool) -> String {
    let sampleName: String
    switch family.kind {
    case .counter: sampleName = family.name + "_total"
    case .info: sampleName = family.name + "_info"
    case .gauge, .histogram: sampleName = family.name
    }
    let name = isOpen ? family.name : sampleName
    // The older format has no such kind.
    let kind = family.kind == .info && !isOpen ? "gauge" : family.kind.rawValue
    var text =
      "# HELP \(name) \(escapedHelp(family.help, quotes: isOpen))\n# TYPE \(name) \(kind)\n"
    if isOpen, !family.unit.isEmpty, family.name.hasSuffix("_" + family.unit) {
      text += "# UNIT \(name) \(family.unit)\n"
    }
    for sample in family.samples {
      switch sample.value {
      case .number(let value): text += "\(sampleName)\(labels(sample.labels)) \(number(value))\n"
      case .histogram(let histogram):
        let finite = ClassicBuckets.cumulative(histogram)
        var exemplar = isOpen ? sample.exemplar : nil
        for (bound, count) in finite + [(.infinity, histogram.count)] {
          text += "\(name)_bucket\(labels(sample.labels + [("le", limit(bound, isOpen))])) \(count)"
          if let shown = exemplar, Double(shown.ns) / 1e9 <= bound {
            text += " # \(labels(shown.labels, always: true)) \(number(Double(shown.ns) / 1e9))"
            text += " \(number(Double(shown.at / 1_000_000) / 1e3))"
            exemplar = nil
          }
          text += "\n"
        }
        text += "\(name)_sum\(labels(sample.labels)) \(number(Double(histogram.sum) / 1e9))\n"
        text += "\(name)_count\(labels(sample.labels)) \(histogram.count)\n"
      }
    }
    return text
  }

  private static func labels(_ labels: [MetricSample.Label], always: Bool = false) -> String {
    if labels.isEmpty { return always ? "{}" : "" }
    let pairs = labels.map { "\($0.name)=\"\(escapedHelp($0.value, quotes: true))\"" }
    return "{" + pairs.joined(separator: ",") + "}"
  }

  private static func escapedHelp(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    // By scalars: a quote with a combining mark is one character, and none of these.
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// OpenMetrics has whole numbers with a fraction there.
  private static func limit(_ bound: Double, _ isOpen: Bool) -> String {
    let text = number(bound)
    return isOpen && text.allSatisfy(\.isNumber) ? text + ".0" : text
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 0x1p53 ? "\(Int64(value))" : "\(value)"
  }
}
