import Histograms
import Reports

/// The reports of the last while, the oldest first.
struct History<Report: Snapshot>: Sendable {
  /// A report, and what is seen of it over time: worked out once.
  struct Moment: Sendable {
    let report: Report
    let figures: [Double]
    let maps: [Octaves]
    /// By row of the table.
    let values: [String: Double]

    init(_ report: Report, _ face: ScreenFace<Report>) {
      self.report = report
      figures = face.figures.map { $0.value(report) }
      maps = face.maps.map { Octaves((try? $0.histogram(report).histogram().octaves) ?? []) }
      let rows = face.table?.rows(report) ?? []
      values = Dictionary(rows.map { ($0.key, $0.value) }) { $0 + $1 }
    }
  }

  private(set) var moments: [Moment] = []
  /// How many came before those.
  private(set) var forgotten = 0
  /// Which is looked at; nil: the newest, also as others come.
  private(set) var fixed: Int?

  /// Nil before the first.
  var index: Int? { moments.isEmpty ? nil : fixed ?? moments.count - 1 }
  /// The last of those that are looked at.
  var last: Report? { index.map { moments[$0].report } }
  /// The report that is looked at, or several as one.
  var current: Report? { span == 1 ? last : merged?.report ?? merge()?.report }
  /// Of how many intervals one is wanted.
  private(set) var span = 1
  /// And of how many it is, as of ``settle()``.
  var spanned: Int { merged?.count ?? 1 }
  private var merged: (report: Report, count: Int)?
  private static var spans: [Int] { [1, 2, 5, 10, 30, 60] }
  var isLive: Bool { fixed == nil }

  mutating func add(_ moment: Moment) {
    moments.append(moment)
    if moments.count > Browser<Report>.mostIntervals {
      moments.removeFirst()
      forgotten += 1
      // The one that is looked at may be the oldest by now.
      if fixed == 0 { merged = nil } else { fixed = fixed.map { $0 - 1 } }
    }
    if isLive { merged = nil }
  }

  /// Merges more intervals, or fewer.
  mutating func widen(_ steps: Int) {
    let at = (Self.spans.firstIndex(of: span) ?? 0) + steps
    span = Self.spans[min(Self.spans.count - 1, max(0, at))]
    merged = nil
  }

  /// Works out what is expensive, once for all that ask.
  mutating func settle() {
    if span > 1, merged == nil { merged = merge() }
  }

  private func merge() -> (report: Report, count: Int)? {
    guard let index else { return nil }
    var whole = (report: moments[index].report, count: 1)
    // A merge adds what follows to what was before.
    for earlier in moments[max(0, index - span + 1)..<index].reversed() {
      guard let sum = try? earlier.report.merged(with: whole.report) else { break }
      whole = (sum, whole.count + 1)
    }
    return whole
  }

  /// Looks at another, so many later; beyond the newest it goes on live.
  mutating func move(by steps: Int) {
    guard let index else { return }
    look(at: max(0, index + steps))
  }

  mutating func look(at index: Int) {
    fixed = index >= moments.count - 1 ? nil : index
    merged = nil
  }

  mutating func freeze() { fixed = index }
  mutating func goLive() {
    fixed = nil
    merged = nil
  }
}
