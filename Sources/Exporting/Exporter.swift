import Metrics
import Reports
import Serving
import Session
import Synchronization

/// Answers requests: with metrics as of the last interval, and pages of the last ten minutes.
final class Exporter: Sendable {
  private let feeds: [any FeedContent]
  private let options: Options
  private let rendered = Mutex<Rendered>(Rendered())

  struct Options: Sendable {
    var mostSeries: Int
    var classicHistograms: Bool
    /// ns
    var interval: UInt64
    var version: String
    /// Asks for a recording to be written; nil where there is none.
    var record: (@Sendable () -> Void)?
  }

  /// As of the intervals that ended then: several clients, and formats, ask for the same.
  private struct Rendered {
    var ends: [UInt64] = []
    var bodies: [MetricsFormat: [UInt8]] = [:]
  }

  /// - Parameter feeds: the first is that of the tool itself.
  init(_ feeds: [any FeedContent], _ options: Options) {
    (self.feeds, self.options) = (feeds, options)
  }

  var families: [MetricFamily] {
    let families = feeds.flatMap(\.families)
    guard let host = feeds.compactMap(\.host).first else { return [] }
    return families
      + ExporterMetrics.families(
        beside: families, mostSeries: options.mostSeries,
        classicBuckets: options.classicHistograms, version: options.version, host: host)
  }

  func answer(_ request: HTTPRequest) -> HTTPResponse {
    if request.path == "/record" { return record(request) }
    guard request.method == "GET" || request.method == "HEAD" else {
      return refusal("use GET or HEAD", allow: "GET, HEAD")
    }
    switch request.path {
    case "/metrics": return metrics(request.headers["accept"] ?? "")
    case "/healthz": return health()
    case "/": return HTTPResponse(type: Self.html, body: Array(index.utf8))
    default: break
    }
    for (index, feed) in feeds.enumerated() {
      let path = index == 0 ? "/report" : "/report/\(feed.name)"
      if request.path == path { return waiting(feed.page(), type: Self.html) }
      if request.path == path + ".json" {
        return waiting(feed.json(), type: "application/json; charset=utf-8")
      }
    }
    return HTTPResponse(404, text: "not found; try /metrics, /report, /report.json or /healthz")
  }

  private static let html = "text/html; charset=utf-8"

  private var index: String {
    let others = feeds.dropFirst().map { ", <a href=\"/report/\($0.name)\">\($0.name)'s</a>" }
    return """
      <!DOCTYPE html><title>\(feeds[0].name)</title><h1>\(feeds[0].name)</h1>
      <p><a href="/metrics">metrics</a>, <a href="/report">the last ten minutes</a>\(others.joined())</p>

      """
  }

  private func refusal(_ text: String, allow: String) -> HTTPResponse {
    var refusal = HTTPResponse(405, text: text)
    refusal.allow = allow
    return refusal
  }

  private func waiting(_ body: [UInt8]?, type: String) -> HTTPResponse {
    body.map { HTTPResponse(type: type, body: $0) }
      ?? HTTPResponse(503, text: "waiting for the first interval")
  }

  private func metrics(_ accepted: String) -> HTTPResponse {
    let format = MetricsFormat.best(of: accepted)
    let ends = feeds.map(\.at)
    let known = rendered.withLock { $0.ends == ends ? $0.bodies[format] : nil }
    let body = known ?? render(format)
    if known == nil {
      rendered.withLock { rendered in
        if rendered.ends != ends { rendered = Rendered(ends: ends) }
        rendered.bodies[format] = body
      }
    }
    return HTTPResponse(type: format.type, body: body)
  }

  private func render(_ format: MetricsFormat) -> [UInt8] {
    switch format {
    case .classic: Array(MetricsText.classic(families).utf8)
    case .open: Array(MetricsText.open(families).utf8)
    case .protobuf:
      MetricsProtobuf.bytes(families, classicBuckets: options.classicHistograms)
    }
  }

  /// Whether intervals go on ending.
  private func health() -> HTTPResponse {
    for feed in feeds {
      let at = feed.at
      let now = Clocks.monotonic
      if at == 0 { return HTTPResponse(503, text: "\(feed.name): waiting for the first interval") }
      if now &- at > 3 * options.interval + 5_000_000_000 {
        return HTTPResponse(503, text: "\(feed.name): the last interval ended too long ago")
      }
    }
    return HTTPResponse(text: "ok")
  }

  private func record(_ request: HTTPRequest) -> HTTPResponse {
    guard request.method == "POST" else { return refusal("use POST", allow: "POST") }
    guard let record = options.record else {
      return HTTPResponse(403, text: "nothing to record: start the exporter with --record-to")
    }
    // A page in a browser on this machine could send one, too.
    guard request.headers["origin"] == nil else {
      return HTTPResponse(403, text: "requests from web pages are refused")
    }
    record()
    return HTTPResponse(202, text: "the last minute will be written when this interval ends")
  }
}
