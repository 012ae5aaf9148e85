/// How metrics are written, by what a client accepts (RFC 9110, 12.5.1).
public enum MetricsFormat: Sendable, CaseIterable {
  case classic, open, protobuf

  public var type: String {
    switch self {
    case .classic: "text/plain; version=0.0.4; charset=utf-8"
    case .open: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    case .protobuf:
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
    }
  }

  /// The format that the client prefers; the classic one if it accepts none of them.
  public static func best(of accepted: String) -> MetricsFormat {
    var best: (format: MetricsFormat, quality: Double)?
    for range in accepted.split(separator: ",") {
      let parts = range.split(separator: ";").map { part in
        String(part.drop { $0 == " " }.lowercased().reversed().drop { $0 == " " }.reversed())
      }
      guard let format = format(parts) else { continue }
      let quality =
        parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
      if quality > best?.quality ?? 0 { best = (format, quality) }
    }
    return best?.format ?? .classic
  }

  private static func format(_ parts: [String]) -> MetricsFormat? {
    switch parts.first {
    case "application/vnd.google.protobuf":
      return parts.contains("proto=io.prometheus.client.metricfamily")
        && parts.contains("encoding=delimited") ? .protobuf : nil
    case "application/openmetrics-text":
      let version = parts.first { $0.hasPrefix("version=") }
      return version == nil || version == "version=1.0.0" || version == "version=0.0.1"
        ? .open : nil
    case "text/plain", "text/*", "*/*": return .classic
    default: return nil
    }
  }
}
