public import Histograms
public import Reports

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
  /// Histograms: left out of formats that have no native ones, where each bucket is a series.
  public var isNativeOnly = false

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

  public typealias Label = (name: String, value: String)

  /// In this order. Values are such that a terminal may show them.
  public var labels: [Label]
  public var value: Value
  /// Of a histogram: one of the values, and whose it is.
  public var exemplar: Exemplar?

  package init(_ value: Double, _ labels: Label...) { self.init(value, labels) }

  package init(_ value: Double, _ labels: [Label]) {
    (self.value, self.labels) = (.number(value), labels)
  }

  package init(
    _ histogram: ExponentialHistogram, _ labels: [Label] = [], exemplar: Exemplar? = nil
  ) {
    (value, self.labels, self.exemplar) = (.histogram(histogram), labels, exemplar)
  }

  public struct Exemplar: Sendable {
    public var labels: [Label]
    public var ns: UInt64
    /// CLOCK_REALTIME, ns.
    public var at: UInt64

    /// OpenMetrics' bound on all names and values of labels together, in characters.
    private static let most = 128

    /// - Parameter labels: those at the end are left out where there are too many characters.
    package init(_ labels: [Label], ns: UInt64, at: UInt64) {
      (self.ns, self.at) = (ns, at)
      var left = Self.most
      self.labels = labels.filter { name, value in
        let count = name.unicodeScalars.count + value.unicodeScalars.count
        guard count <= left else { return false }
        left -= count
        return true
      }
    }
  }
}

/// Classic buckets, for formats without native ones: powers of 4, from about a microsecond to about
/// a minute. Buckets of schema 0 and above have boundaries there too.
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
  /// How many series there are.
  func series(isText: Bool, classicBuckets: Bool) -> Int {
    guard kind == .histogram else { return samples.count }
    if isText { return isNativeOnly ? 0 : samples.count * ClassicBuckets.series }
    return samples.count * (classicBuckets && !isNativeOnly ? ClassicBuckets.series + 1 : 1)
  }
}

extension [MetricFamily] {
  /// How many series there are, in the format that has the most of them.
  public func series(classicBuckets: Bool) -> Int {
    [true, false].map { isText in
      reduce(0) { $0 + $1.series(isText: isText, classicBuckets: classicBuckets) }
    }.max() ?? 0
  }
}

/// Makes metrics of a tool's reports.
public protocol ReportMetrics<Report>: Sendable {
  associatedtype Report: Snapshot

  /// Takes an interval's report.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, ns.
  mutating func take(_ interval: Report, at now: UInt64)

  /// Everything, in a fixed order; nothing before the first interval.
  var families: [MetricFamily] { get }
}
