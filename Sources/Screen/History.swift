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

  /// Ten minutes at one a second.
  static var most: Int { 600 }

  private(set) var moments: [Moment] = []
  /// How many came before those.
  private(set) var forgotten = 0
  /// Which is looked at; nil: the newest, also as others come.
  private(set) var fixed: Int?

  /// Nil before the first.
  var index: Int? { moments.isEmpty ? nil : fixed ?? moments.count - 1 }
  var current: Report? { index.map { moments[$0].report } }
  var isLive: Bool { fixed == nil }

  mutating func add(_ moment: Moment) {
    moments.append(moment)
    guard moments.count > Self.most else { return }
    moments.removeFirst()
    forgotten += 1
    // The one that is looked at may be the oldest by now.
    fixed = fixed.map { max(0, $0 - 1) }
  }

  /// Looks at another, so many later; beyond the newest it goes on live.
  mutating func move(by steps: Int) {
    guard let index else { return }
    look(at: max(0, index + steps))
  }

  mutating func look(at index: Int) {
    fixed = index >= moments.count - 1 ? nil : index
  }

  mutating func freeze() { fixed = index }
  mutating func goLive() { fixed = nil }
}
