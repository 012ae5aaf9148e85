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
  /// The report that is looked at, or the sum of those up to it.
  private(set) var current: Report?
  /// Of how many intervals the sum is wanted, and of how many it is.
  private(set) var span = 1
  private(set) var spanned = 1
  private static var spans: [Int] { [1, 2, 5, 10, 30, 60] }
  var isLive: Bool { fixed == nil }

  mutating func add(_ moment: Moment) {
    moments.append(moment)
    if moments.count > Self.most {
      moments.removeFirst()
      forgotten += 1
      // The one that is looked at may be the oldest by now.
      if fixed == 0 { sum() } else { fixed = fixed.map { $0 - 1 } }
    }
    if isLive { sum() }
  }

  /// Adds up more intervals, or fewer.
  mutating func widen(_ steps: Int) {
    let at = (Self.spans.firstIndex(of: span) ?? 0) + steps
    span = Self.spans[min(Self.spans.count - 1, max(0, at))]
    sum()
  }

  private mutating func sum() {
    current = nil
    spanned = 1
    guard let index else { return }
    var whole = moments[index].report
    // A merge adds what follows to what was before.
    for earlier in moments[max(0, index - span + 1)..<index].reversed() {
      guard let sum = try? earlier.report.merged(with: whole) else { break }
      whole = sum
      spanned += 1
    }
    current = whole
  }

  /// Looks at another, so many later; beyond the newest it goes on live.
  mutating func move(by steps: Int) {
    guard let index else { return }
    look(at: max(0, index + steps))
  }

  mutating func look(at index: Int) {
    fixed = index >= moments.count - 1 ? nil : index
    sum()
  }

  mutating func freeze() { fixed = index }
  mutating func goLive() {
    fixed = nil
    sum()
  }
}
