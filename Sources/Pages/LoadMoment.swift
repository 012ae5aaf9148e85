import Faces
import Histograms
import Reports

/// What a page shows of an interval: who made up load1, and how long tasks waited.
struct LoadMoment: TimelineMoment {
  var start: String
  var end: String
  /// ns
  var length: UInt64
  /// load1 as it ended.
  var load1: Double
  /// Tasks, on average.
  var runnable: Double
  var uninterruptible: Double
  /// Parts of load1 as it ended.
  var parts: [String: Double]
  /// Of groups too small to have rows of their own.
  var others = 0.0
  /// What of load1 is from before the run.
  var before: Double
  /// Values by how many bits they have.
  var latency: Octaves
  var blocked: Octaves

  init(_ report: LoadSnapshot) {
    (start, end, length) = (report.start, report.end, max(1, report.intervalNs))
    load1 = report.load.kernel.first ?? 0
    (runnable, uninterruptible) = (report.tasks.runnable.mean, report.tasks.uninterruptible.mean)
    let attribution = report.attribution?.acrossCgroups
    parts = [:]
    for row in attribution?.rows ?? [] {
      if row.folded == true {
        others += row.load1
      } else {
        parts[Self.name(row, by: attribution?.by ?? []), default: 0] += row.load1
      }
    }
    // Until the first load sample of the run all of it is from before.
    before = attribution?.beforeRun.first ?? load1
    latency = Octaves(report.histograms.runQueueLatency)
    blocked = Octaves(report.histograms.blockedUninterruptible)
  }

  static func name(_ row: AttributionRow, by: [Grouping]) -> String {
    // However many there are of a name, it is the same band.
    var row = row
    if row.process != nil { row.pid = nil }
    if row.comm != nil { row.tid = nil }
    row.count = 1
    return row.label(by: by) + " " + row.state.rawValue
  }

  mutating func append(_ next: LoadMoment) {
    let (own, other) = (Double(length), Double(next.length))
    func mean(_ one: Double, _ two: Double) -> Double { (one * own + two * other) / (own + other) }
    runnable = mean(runnable, next.runnable)
    uninterruptible = mean(uninterruptible, next.uninterruptible)
    (end, length) = (next.end, length &+ next.length)
    (load1, parts, others, before) = (next.load1, next.parts, next.others, next.before)
    latency.add(next.latency)
    blocked.add(next.blocked)
  }
}

extension Octaves {
  init(_ part: HistogramPart) {
    self.init(part.buckets.map { Histogram.Bucket(lo: $0.lo, hi: $0.hi, count: $0.count) })
  }
}
