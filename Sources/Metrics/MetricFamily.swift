public import Histograms

/// Samples of one name, as Prometheus has them.
public struct MetricFamily: Sendable {
  public enum Kind: String, Sendable {
    case counter, gauge, histogram
    /// Labels that say something, with the value 1.
    case info
  }

  /// Without what a kind adds: "_total", "_info".
  public var name: String
  /// "seconds", "bytes"; the name ends with it. Empty where there is none.
  public var unit: String
  public var help: String
  public var kind: Kind
  public var samples: [MetricSample]

  package init(
    _ name: String, _ kind: Kind, unit: String = "", _ help: String, _ samples: [MetricSample]
  ) {
    (self.name, self.kind, self.unit, self.help) = (name, kind, unit, help)
    self.samples = samples
  }
}

public struct MetricSample: Sendable {
  public enum Value: Sendable {
    case number(Double)
    case histogram(ExponentialHistogram)
  }

  /// In this order. Values are such that a terminal may show them.
  public var labels: [(name: String, value: String)]
  public var value: Value

  package init(_ value: Double, _ labels: (name: String, value: String)...) {
    (self.value, self.labels) = (.number(value), labels)
  }

  package init(_ histogram: ExponentialHistogram) { (value, labels) = (.histogram(histogram), []) }
}

/// The buckets of the formats that have only such with bounds of their own: powers of 4, from about a
/// microsecond to about a minute. Those of schema 0 and above end there too.
enum ClassicBuckets {
  /// Powers of 2 of a second.
  static let powers = stride(from: -20, through: 6, by: 2)

  static func cumulative(_ histogram: ExponentialHistogram) -> [(bound: Double, count: UInt64)] {
    powers.map { power in
      let bound = power < 0 ? 1 / Double(1 << -power) : Double(1 << power)
      return (bound, histogram.count(upTo: UInt64(bound * 1e9)))
    }
  }

  /// How many series a histogram makes: those, that of all, and the sum and the count.
  static let series = powers.underestimatedCount + 3
}

extension MetricFamily {
  /// How many series there are, in the format that has the most.
  var series: Int { samples.count * (kind == .histogram ? ClassicBuckets.series : 1) }
}
