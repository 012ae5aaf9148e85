import ExportProtos
import Histograms
import SwiftProtobuf

/// Metrics as Prometheus' protobuf messages, each with its length before it: the format that has native
/// histograms.
public enum MetricsProtobuf {
  /// - Parameter classicBuckets: whether histograms have buckets with bounds of their own, too.
  public static func bytes(_ families: [MetricFamily], classicBuckets: Bool) -> [UInt8] {
    var all: [UInt8] = []
    for family in families {
      var written = PrometheusMetricFamily()
      written.help = family.help
      switch family.kind {
      case .counter: (written.name, written.type) = (family.name + "_total", .counter)
      case .gauge: (written.name, written.type) = (family.name, .gauge)
      case .info: (written.name, written.type) = (family.name + "_info", .gauge)
      case .histogram: (written.name, written.type) = (family.name, .histogram)
      }
      written.metric = family.samples.map { sample in
        metric(
          sample, isCounter: family.kind == .counter, classicBuckets && !family.isNativeOnly)
      }
      guard let encoded: [UInt8] = try? written.serializedBytes() else {
        preconditionFailure("a metric lacks a required field, of which there is none")
      }
      append(length: encoded.count, to: &all)
      all += encoded
    }
    return all
  }

  /// A varint (protobuf.dev, Encoding).
  private static func append(length: Int, to bytes: inout [UInt8]) {
    var rest = length
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private static func metric(
    _ sample: MetricSample, isCounter: Bool, _ classicBuckets: Bool
  ) -> PrometheusMetric {
    var metric = PrometheusMetric()
    metric.label = pairs(sample.labels)
    switch sample.value {
    case .number(let value) where isCounter: metric.counter.value = value
    case .number(let value): metric.gauge.value = value
    case .histogram(let histogram):
      metric.histogram = written(histogram, sample.exemplar, classicBuckets)
    }
    return metric
  }

  private static func pairs(_ labels: [MetricSample.Label]) -> [PrometheusLabelPair] {
    labels.map { label in
      var pair = PrometheusLabelPair()
      (pair.name, pair.value) = (label.name, label.value)
      return pair
    }
  }

  /// Durations are whole nanoseconds: nothing lies between 0 and that.
  static let zeroThreshold = 0.5e-9

  private static func written(
    _ histogram: ExponentialHistogram, _ shown: MetricSample.Exemplar?, _ classicBuckets: Bool
  ) -> PrometheusHistogram {
    var written = PrometheusHistogram()
    (written.sampleCount, written.sampleSum) = (histogram.count, Double(histogram.sum) / 1e9)
    written.schema = Int32(histogram.bounds.schema)
    (written.zeroThreshold, written.zeroCount) = (zeroThreshold, histogram.zeroCount)
    var last: (index: Int, count: Int64)?
    for (index, count) in histogram.buckets {
      if let last, index == last.index + 1 {
        written.positiveSpan[written.positiveSpan.count - 1].length += 1
      } else {
        var span = PrometheusBucketSpan()
        (span.offset, span.length) = (Int32(index - (last.map { $0.index + 1 } ?? 0)), 1)
        written.positiveSpan.append(span)
      }
      written.positiveDelta.append(Int64(clamping: count) - (last?.count ?? 0))
      last = (index, Int64(clamping: count))
    }
    let exemplar = shown.map { shown in
      var exemplar = PrometheusExemplar()
      exemplar.label = pairs(shown.labels)
      exemplar.value = Double(shown.ns) / 1e9
      exemplar.timestamp.seconds = Int64(clamping: shown.at / 1_000_000_000)
      exemplar.timestamp.nanos = Int32(shown.at % 1_000_000_000)
      return exemplar
    }
    if let exemplar { written.exemplars = [exemplar] }
    if classicBuckets {
      written.bucket = ClassicBuckets.cumulative(histogram).map { bound, count in
        var bucket = PrometheusBucket()
        (bucket.upperBound, bucket.cumulativeCount) = (bound, count)
        return bucket
      }
      if let exemplar,
        let place = written.bucket.firstIndex(where: { exemplar.value <= $0.upperBound })
      {
        written.bucket[place].exemplar = exemplar
      }
    }
    return written
  }
}
