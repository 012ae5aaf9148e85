import CloneProbes
import CommandLine
import Exporting
import Glibc
import Metrics
import Pages
import Reports
import Serving
import Session
import Synchronization

/// What `cloneprof` sees, traced on a thread of its own beside the load.
struct CloneFeed {
  let feed: Feed<CloneMetrics, ClonePage>
  private let options: CloneOptions
  private let start = Start()

  private static let name = "cloneprof"

  /// - Parameter interval: ns.
  init(interval: UInt64, mostSeries: Int, schema: Int) {
    feed = Feed(
      name: Self.name, interval: interval,
      CloneMetrics(mostSeries: mostSeries, sharesProcess: true)
    ) { $0.describe($1) }
    var options = CloneOptions()
    options.session.interval = interval
    // Those are for the thread that traces the load.
    options.session.endsOnSignals = false
    options.nativeSchema = schema
    options.namesCallers = false
    self.options = options
  }

  /// Why clones are no longer traced.
  var failure: (any Error)? {
    start.error.map { Failure("clones are no longer traced: \($0)") }
  }

  /// Attaches, and traces to the end of the process.
  ///
  /// - Throws: what attaching fails with.
  func begin() throws {
    let (feed, options, start) = (feed, options, start)
    try DetachedThread.start {
      do {
        var session = try Session(options.session, CloneTracer(options))
        start.begin()
        _ = try session.run { report in
          guard !report.final else { return true }
          var kept = report
          kept.native = nil
          feed.take(report, kept: kept)
          return true
        }
      } catch {
        start.end(with: error)
      }
    }
    if let error = start.wait() { throw error }
  }

  /// Whether attaching has worked, and whether tracing goes on.
  private final class Start: Sendable {
    private let state = Mutex<(isOver: Bool, error: (any Error)?)>((false, nil))

    var error: (any Error)? { state.withLock { $0.error } }

    func begin() { state.withLock { $0.isOver = true } }
    func end(with error: any Error) { state.withLock { $0 = (true, error) } }

    func wait() -> (any Error)? {
      while true {
        let (isOver, error) = state.withLock { $0 }
        if isOver { return error }
        usleep(1000)
      }
    }
  }
}
