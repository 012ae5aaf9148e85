import Reports

/// The reports of the last while, the oldest first.
struct History<Report: Snapshot>: Sendable {
  /// Ten minutes at one a second.
  static var most: Int { 600 }

  private(set) var reports: [Report] = []
  /// Which is looked at; nil: the newest, also as others come.
  private(set) var fixed: Int?

  /// Nil before the first.
  var index: Int? { reports.isEmpty ? nil : fixed ?? reports.count - 1 }
  var current: Report? { index.map { reports[$0] } }
  var isLive: Bool { fixed == nil }

  mutating func add(_ report: Report) {
    reports.append(report)
    guard reports.count > Self.most else { return }
    reports.removeFirst()
    // The one that is looked at may be the oldest by now.
    fixed = fixed.map { max(0, $0 - 1) }
  }

  /// Looks at another, so many later.
  mutating func move(by steps: Int) {
    guard let index else { return }
    fixed = min(reports.count - 1, max(0, index + steps))
  }

  mutating func look(at index: Int) {
    guard reports.indices.contains(index) else { return }
    fixed = index
  }

  mutating func freeze() { fixed = index }
  mutating func goLive() { fixed = nil }
}
