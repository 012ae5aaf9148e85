import ExportProtos
import Histograms
import Reports
import SwiftProtobuf

/// Metrics as OpenTelemetry's messages (opentelemetry-proto, collector/metrics/v1), since the exporter began.
public enum MetricsOTLP {
  /// Who sends: by the semantic conventions for resources.
  public typealias Attribute = (name: String, value: String)

  /// - Parameters:
  ///   - resource: what all of it is about.
  ///   - start: when counting began, CLOCK_REALTIME, ns.
  ///   - now: the time of the figures.
  public static func bytes(
    _ families: [MetricFamily], resource: [Attribute], scope: (name: String, version: String),
    start: UInt64, now: UInt64
  ) -> [UInt8] {
    var request = OTLPExportMetricsServiceRequest()
    for (place, families) in byContainer(families) {
      var metrics = OTLPResourceMetrics()
      metrics.resource.attributes = pairs(resource + place.attributes)
      metrics.schemaURL = "https://opentelemetry.io/schemas/1.27.0"
      var scoped = OTLPScopeMetrics()
      (scoped.scope.name, scoped.scope.version) = (scope.name, scope.version)
      scoped.metrics = families.map { metric($0, start: start, now: now) }
      metrics.scopeMetrics = [scoped]
      request.resourceMetrics.append(metrics)
    }
    guard let bytes: [UInt8] = try? request.serializedBytes() else {
      preconditionFailure("a message lacks a required field, of which there is none")
    }
    return bytes
  }

  // MARK: - Resources

  /// A container is a resource of its own.
  private struct Container: Hashable {
    var id: String?
    var pod: String?

    var attributes: [Attribute] {
      // What has a name, as of LXC, has no id.
      let hasID = id.map { ContainerID.isOne($0) } ?? false
      return [(hasID ? "container.id" : "container.name", id), ("k8s.pod.uid", pod)]
        .compactMap { name, value in value.map { (name, $0) } }
    }

    init(_ labels: [MetricSample.Label]) {
      id = labels.first { $0.name == "container_id" }?.value
      pod = labels.first { $0.name == "pod_uid" }?.value
    }
  }

  /// The host's first.
  private static func byContainer(
    _ families: [MetricFamily]
  ) -> [(Container, [MetricFamily])] {
    var order = [Container([])]
    var parts: [Container: [MetricFamily]] = [:]
    for family in families {
      for (place, samples) in Dictionary(grouping: family.samples, by: { Container($0.labels) }) {
        if parts[place] == nil, place != order[0] { order.append(place) }
        var part = family
        part.samples = samples
        parts[place, default: []].append(part)
      }
    }
    return order.compactMap { place in parts[place].map { (place, $0) } }
  }

  // MARK: - Points

  /// Names of units are those of UCUM.
  private static let units = ["seconds": "s", "bytes": "By"]

  private static func metric(
    _ family: MetricFamily, start: UInt64, now: UInt64
  ) -> OTLPMetric {
    var metric = OTLPMetric()
    metric.name = family.kind == .info ? family.name + "_info" : family.name
    metric.description_p = family.help
    // What translates to Prometheus' names makes a ratio of each gauge with the unit 1.
    metric.unit = units[family.unit] ?? (family.name.hasSuffix("_ratio") ? "1" : "")
    switch family.kind {
    case .gauge, .info: metric.gauge.dataPoints = family.samples.map { number($0, nil, now) }
    case .counter:
      metric.sum.dataPoints = family.samples.map { number($0, start, now) }
      (metric.sum.aggregationTemporality, metric.sum.isMonotonic) = (.cumulative, true)
    case .histogram:
      metric.exponentialHistogram.dataPoints = family.samples.map { histogram($0, start, now) }
      metric.exponentialHistogram.aggregationTemporality = .cumulative
    }
    return metric
  }

  private static func number(
    _ sample: MetricSample, _ start: UInt64?, _ now: UInt64
  ) -> OTLPNumberDataPoint {
    var point = OTLPNumberDataPoint()
    point.attributes = pairs(sample.labels)
    point.timeUnixNano = now
    if let start { point.startTimeUnixNano = start }
    if case .number(let value) = sample.value { point.asDouble = value }
    return point
  }

  private static func histogram(
    _ sample: MetricSample, _ start: UInt64, _ now: UInt64
  ) -> OTLPExponentialHistogramDataPoint {
    var point = OTLPExponentialHistogramDataPoint()
    point.attributes = pairs(sample.labels)
    (point.startTimeUnixNano, point.timeUnixNano) = (start, now)
    guard case .histogram(let histogram) = sample.value else { return point }
    (point.count, point.sum) = (histogram.count, Double(histogram.sum) / 1e9)
    point.scale = Int32(histogram.bounds.schema)
    (point.zeroCount, point.zeroThreshold) = (
      histogram.zeroCount, MetricsProtobuf.zeroThreshold
    )
    let buckets = histogram.buckets
    if let first = buckets.first, let last = buckets.last {
      // Prometheus counts buckets by their upper bounds, OpenTelemetry by their lower ones.
      point.positive.offset = Int32(first.index - 1)
      var counts = [UInt64](repeating: 0, count: last.index - first.index + 1)
      for (index, count) in buckets { counts[index - first.index] = count }
      point.positive.bucketCounts = counts
    }
    if let shown = sample.exemplar {
      var exemplar = OTLPExemplar()
      (exemplar.timeUnixNano, exemplar.asDouble) = (shown.at, Double(shown.ns) / 1e9)
      exemplar.filteredAttributes = pairs(shown.labels)
      point.exemplars = [exemplar]
    }
    return point
  }

  private static func pairs(_ attributes: [Attribute]) -> [OTLPKeyValue] {
    attributes.map { name, value in
      var pair = OTLPKeyValue()
      pair.key = name
      pair.value.stringValue = value
      return pair
    }
  }

  // MARK: - Answers

  /// What a collector says of a request that it took: how many points it refused, and why; nil where it
  /// took all.
  public static func refusal(in response: [UInt8]) -> (points: Int64, reason: String)? {
    guard
      let answer = try? OTLPExportMetricsServiceResponse(serializedBytes: response),
      answer.partialSuccess.rejectedDataPoints > 0
    else { return nil }
    return (answer.partialSuccess.rejectedDataPoints, answer.partialSuccess.errorMessage)
  }
}
