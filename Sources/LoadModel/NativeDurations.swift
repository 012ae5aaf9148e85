import Histograms
import Reports
import Tasks

/// All durations since counting began, of all tasks and by cgroup, for metrics.
struct NativeDurations: Sendable {
  private(set) var all: NativeHistograms
  private var cgroups: CgroupDurations
  /// Of the interval that is open.
  private var longest: Longest?

  private struct Longest {
    var ns: UInt64
    var tid: UInt32
    var comm: Comm
    var cgroup: UInt64
    var at: UInt64
  }

  init(schema: Int) {
    let bounds = ExponentialBounds(schema: schema)
    all = NativeHistograms(bounds)
    cgroups = CgroupDurations(bounds)
  }

  @inline(__always)
  mutating func ran(_ ns: UInt64) { all.onCPU.record(ns) }

  /// - Returns: whether it is the longest of the interval so far.
  @inline(__always)
  mutating func waited(_ ns: UInt64, in cgroup: UInt64) -> Bool {
    all.runQueueLatency.record(ns)
    cgroups.waited(ns, in: cgroup)
    return ns > longest?.ns ?? 0
  }

  /// Waits of which only the sum is known.
  mutating func waited(_ ns: UInt64, times: UInt64, in cgroup: UInt64) {
    all.runQueueLatency.record(ns, times: times)
    cgroups.waited(ns, times: times, in: cgroup)
  }

  mutating func note(longest ns: UInt64, of task: TrackedTask, until time: UInt64) {
    longest = Longest(ns: ns, tid: task.tid, comm: task.comm, cgroup: task.cgroup, at: time)
  }

  @inline(__always)
  mutating func slept(_ ns: UInt64, in cgroup: UInt64) {
    all.blockedUninterruptible.record(ns)
    cgroups.slept(ns, in: cgroup)
  }

  /// An interval has ended: everything so far.
  ///
  /// - Parameters:
  ///   - reading: of its end.
  ///   - path: of a cgroup, by its id.
  mutating func close(
    _ reading: IntervalReading, path: (UInt64) -> String?
  ) -> NativeHistograms {
    defer { longest = nil }
    var report = all
    report.cgroups = cgroups.close(at: reading.at, path: path)
    report.longestWait = longest.map {
      NativeHistograms.LongestWait(
        ns: $0.ns, comm: $0.comm.text, tid: $0.tid, cgroup: path($0.cgroup),
        at: reading.wall &- (reading.at &- $0.at))
    }
    return report
  }
}

/// Durations of as many cgroups as there is room for. One that stays quiet gives up its place.
private struct CgroupDurations: Sendable {
  private struct Group {
    var id: UInt64
    /// Once it is known.
    var path: String?
    var latency: ExponentialHistogram
    var blocked: ExponentialHistogram
    var isUsed = true
    /// As of the end of an interval.
    var usedAt: UInt64
  }

  private let empty: ExponentialHistogram
  private var groups: [Group] = []
  private var places: [UInt64: Int] = [:]
  /// The places of those that came last, by the low bits of their ids: few events need the dictionary.
  private var recent: [(id: UInt64, place: Int)]

  private var closedAt: UInt64 = 0
  /// Places to give away.
  private var freePlaces: [Int] = []

  private static let most = 256
  /// As long as a cgroup keeps its series, ns.
  private static let longQuiet: UInt64 = 600_000_000_000

  init(_ bounds: ExponentialBounds) {
    empty = ExponentialHistogram(bounds)
    recent = Array(repeating: (0, -1), count: 256)
  }

  @inline(__always)
  mutating func waited(_ ns: UInt64, times: UInt64 = 1, in cgroup: UInt64) {
    guard let place = place(of: cgroup) else { return }
    groups[place].latency.record(ns, times: times)
    groups[place].isUsed = true
  }

  @inline(__always)
  mutating func slept(_ ns: UInt64, in cgroup: UInt64) {
    guard let place = place(of: cgroup) else { return }
    groups[place].blocked.record(ns)
    groups[place].isUsed = true
  }

  @inline(__always)
  private mutating func place(of cgroup: UInt64) -> Int? {
    let known = recent[Int(cgroup & 255)]
    if known.id == cgroup, known.place >= 0 { return known.place }
    return find(cgroup)
  }

  @inline(never)
  private mutating func find(_ cgroup: UInt64) -> Int? {
    // 0: the task's cgroup isn't known.
    guard cgroup != 0 else { return nil }
    let place: Int
    if let known = places[cgroup] {
      place = known
    } else if groups.count < Self.most {
      place = groups.count
      groups.append(Group(id: cgroup, latency: empty, blocked: empty, usedAt: closedAt))
    } else if let quiet = takeFree() {
      place = quiet
      free(quiet)
      groups[quiet] = Group(id: cgroup, latency: empty, blocked: empty, usedAt: closedAt)
    } else {
      return nil
    }
    places[cgroup] = place
    recent[Int(cgroup & 255)] = (cgroup, place)
    return place
  }

  private func isFree(_ group: Group) -> Bool {
    group.id == 0 || (!group.isUsed && closedAt &- group.usedAt >= Self.longQuiet)
  }

  private mutating func takeFree() -> Int? {
    while let place = freePlaces.popLast() {
      if isFree(groups[place]) { return place }
    }
    return nil
  }

  private mutating func free(_ place: Int) {
    let id = groups[place].id
    places[id] = nil
    if recent[Int(id & 255)].place == place { recent[Int(id & 255)] = (0, -1) }
    groups[place].id = 0
  }

  /// An interval has ended.
  mutating func close(
    at time: UInt64, path: (UInt64) -> String?
  ) -> [NativeHistograms.Cgroup] {
    closedAt = time
    for place in groups.indices where groups[place].isUsed {
      groups[place].isUsed = false
      groups[place].usedAt = time
    }
    var latest: [String: Int] = [:]
    for place in groups.indices where groups[place].id != 0 {
      if groups[place].path == nil { groups[place].path = path(groups[place].id) }
      guard let path = groups[place].path else { continue }
      guard let other = latest[path] else {
        latest[path] = place
        continue
      }
      // A service that was restarted has another cgroup of the same path: what the one before had goes on
      // there.
      let isNewer = groups[place].id > groups[other].id
      let (old, new) = isNewer ? (other, place) : (place, other)
      groups[new].latency.add(groups[old].latency)
      groups[new].blocked.add(groups[old].blocked)
      free(old)
      latest[path] = new
    }
    freePlaces = groups.indices.filter { isFree(groups[$0]) }
    return latest.map { path, place in
      NativeHistograms.Cgroup(
        path: path, runQueueLatency: groups[place].latency,
        blockedUninterruptible: groups[place].blocked)
    }
  }
}
