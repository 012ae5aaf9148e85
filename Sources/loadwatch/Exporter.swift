import Glibc
import LoadModel
import Metrics
import Pages
import Reports
import Serving
import Synchronization

/// What is served: the metrics as of the last interval, and a page of the last ten minutes.
final class Exporter: Sendable {
  private let state: Mutex<State>
  private let options: Options

  struct Options: Sendable {
    var mostSeries: Int
    var classicHistograms: Bool
    /// ns
    var interval: UInt64
    var version: String
  }

  private struct State {
    var metrics: LoadMetrics
    var intervals: [LoadSnapshot] = []
    /// When the last one came, CLOCK_MONOTONIC, ns.
    var at: UInt64 = 0
    /// The page as of then, once somebody has asked for it.
    var page: [UInt8]?
  }

  /// What the page tells of, ns.
  private static let pageLength: UInt64 = 600_000_000_000
  private static let mostIntervals = 600

  init(_ options: Options) {
    self.options = options
    state = Mutex(
      State(metrics: LoadMetrics(mostSeries: options.mostSeries, version: options.version)))
  }

  func take(_ report: LoadSnapshot) {
    guard !report.final else { return }
    let now = Self.now
    let most = max(
      1, min(Self.mostIntervals, Int(clamping: Self.pageLength / options.interval)))
    state.withLock { state in
      state.metrics.take(report, at: now)
      var kept = report
      kept.native = nil
      state.intervals.append(kept)
      if state.intervals.count > most {
        state.intervals.removeFirst(state.intervals.count - most)
      }
      (state.at, state.page) = (now, nil)
    }
  }

  private static var now: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  // MARK: - Answers

  func answer(_ request: HTTPRequest) -> HTTPResponse {
    guard request.method == "GET" || request.method == "HEAD" else {
      var refusal = HTTPResponse(405, text: "only GET")
      refusal.allow = "GET, HEAD"
      return refusal
    }
    switch request.path {
    case "/metrics": return metrics(request.headers["accept"] ?? "")
    case "/healthz": return health()
    case "/report": return report()
    case "/":
      return HTTPResponse(
        type: "text/html; charset=utf-8",
        body: Array(
          """
          <!DOCTYPE html><title>loadwatch</title><h1>loadwatch</h1>
          <p><a href="/metrics">metrics</a>, <a href="/report">the last ten minutes</a></p>

          """.utf8))
    default: return HTTPResponse(404, text: "not here: /metrics, /report, /healthz")
    }
  }

  private func metrics(_ accepted: String) -> HTTPResponse {
    let families = state.withLock { $0.metrics }.families
    switch MetricsFormat.best(of: accepted) {
    case .classic:
      return HTTPResponse(
        type: MetricsFormat.classic.type, body: Array(MetricsText.classic(families).utf8))
    case .open:
      return HTTPResponse(
        type: MetricsFormat.open.type, body: Array(MetricsText.open(families).utf8))
    case .protobuf:
      return HTTPResponse(
        type: MetricsFormat.protobuf.type,
        body: MetricsProtobuf.bytes(families, classicBuckets: options.classicHistograms))
    }
  }

  /// Whether intervals go on ending.
  private func health() -> HTTPResponse {
    let at = state.withLock { $0.at }
    let isLate = Self.now &- at > 3 * options.interval + 5_000_000_000
    return at == 0
      ? HTTPResponse(503, text: "waiting for the first interval")
      : isLate
        ? HTTPResponse(503, text: "no interval has ended for long") : HTTPResponse(text: "ok")
  }

  private func report() -> HTTPResponse {
    let type = "text/html; charset=utf-8"
    let (intervals, at, known) = state.withLock { ($0.intervals, $0.at, $0.page) }
    if let known { return HTTPResponse(type: type, body: known) }
    guard let last = intervals.last, let whole = Self.whole(intervals) else {
      return HTTPResponse(503, text: "waiting for the first interval")
    }
    var page = LoadPage()
    for interval in intervals { page.add(interval) }
    var shown = whole
    // What is so at the end.
    (shown.attribution, shown.soFar) = (last.attribution, last.soFar)
    (shown.verdict, shown.blocked, shown.cpuWaits) = (last.verdict, last.blocked, last.cpuWaits)
    (shown.load, shown.final) = (last.load, true)
    let body = Array(page.html(shown).utf8)
    state.withLock { if $0.at == at { $0.page = body } }
    return HTTPResponse(type: type, body: body)
  }

  private static func whole(_ intervals: [LoadSnapshot]) -> LoadSnapshot? {
    intervals.dropFirst().reduce(intervals.first) { sum, next in
      (try? sum?.merged(with: next)) ?? sum
    }
  }
}
