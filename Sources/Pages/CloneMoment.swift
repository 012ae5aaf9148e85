import Histograms
import Reports

/// What a page shows of an interval: how many clones there were, and where their time went.
struct CloneMoment: TimelineMoment {
  var end: String
  /// ns
  var length: UInt64
  var clones: UInt64
  /// Time in each phase, all clones together, ns.
  var phases: [ClonePhase: UInt64]
  /// Values by how many bits they have.
  var durations: Octaves

  init(_ report: CloneSnapshot) {
    (end, length) = (report.end, max(1, report.intervalNs))
    clones = report.histograms.clone.count
    phases = Dictionary(
      report.phases.filter { $0.share != nil }.map { ($0.phase, $0.ns) }, uniquingKeysWith: &+)
    durations = Octaves(report.histograms.clone)
  }

  mutating func append(_ next: CloneMoment) {
    (end, length) = (next.end, length &+ next.length)
    clones &+= next.clones
    phases.merge(next.phases) { $0 &+ $1 }
    durations.add(next.durations)
  }

  /// A phase's time by time, in ms a second.
  func rate(_ phase: ClonePhase) -> Double {
    Double(phases[phase] ?? 0) / Double(length) * 1000
  }
}
