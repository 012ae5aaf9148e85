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

  private static let name = "cloneprof"

  /// - Parameter interval: ns.
  init(interval: UInt64, mostSeries: Int, schema: Int) {
    feed = Feed(
      name: Self.name, interval: interval,
      CloneMetrics(mostSeries: mostSeries, sharesProcess: true)
    ) { whole, last in whole.advice = last.advice }
    var options = CloneOptions()
    options.session.interval = interval
    // Those are for the thread that traces the load.
    options.session.endsOnSignals = false
    options.nativeSchema = schema
    options.namesCallers = false
    self.options = options
  }

  /// Attaches, and traces to the end of the process.
  ///
  /// - Throws: what attaching fails with.
  func begin() throws {
    let start = Start()
    let (feed, options) = (feed, options)
    try DetachedThread.start {
      do {
        var session = try Session(options.session, CloneTracer(options))
        start.end(with: nil)
        _ = try session.run { report in
          guard !report.final else { return true }
          var kept = report
          kept.native = nil
          feed.take(report, kept: kept)
          return true
        }
      } catch {
        guard !start.end(with: error) else { return }
        // Metrics that stand still would look as if all were well.
        warn("clones are no longer traced: \(error)", as: Self.name)
        exit(1)
      }
    }
    if let error = start.wait() { throw error }
  }

  /// Whether attaching has worked.
  private final class Start: Sendable {
    private let result = Mutex<(isOver: Bool, error: (any Error)?)>((false, nil))

    /// - Returns: whether it was still awaited.
    @discardableResult
    func end(with error: (any Error)?) -> Bool {
      result.withLock { result in
        defer { result = (true, result.isOver ? result.error : error) }
        return !result.isOver
      }
    }

    func wait() -> (any Error)? {
      while true {
        let (isOver, error) = result.withLock { $0 }
        if isOver { return error }
        usleep(1000)
      }
    }
  }
}
