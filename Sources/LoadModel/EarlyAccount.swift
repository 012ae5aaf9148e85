import Reports

/// Who is active before the kernel's first load sample of a run: by looks of our own, one for each report.
struct EarlyAccount {
  private var shown: AttributionTable
  /// Where that is split in another way, what the verdict goes by.
  private var other: AttributionTable?
  private var tasks: [ActiveTask] = []
  /// Names are still wanted for the last look.
  private(set) var isLooking = false
  private(set) var looks = 0

  init(by: [Grouping]) {
    let none = [3 of Double](repeating: 0)
    shown = AttributionTable(by: by, before: none)
    other = by == Self.usual ? nil : AttributionTable(by: Self.usual, before: none)
  }

  private static let usual: [Grouping] = [.process, .site]

  private var tables: [AttributionTable] { [shown] + (other.map { [$0] } ?? []) }

  /// - Parameter tasks: who is active, those left out that wait for a CPU quota.
  mutating func look(_ tasks: [ActiveTask]) {
    self.tasks = tasks
    isLooking = true
  }

  func lookups(_ names: inout SampleNames) -> [Lookup] {
    names.missing(for: tasks, throttled: [], in: tables, isOver: false)
  }

  /// The names have come.
  mutating func finish(_ names: borrowing SampleNames) {
    guard isLooking else { return }
    (isLooking, looks) = (false, looks + 1)
    for task in tasks {
      shown.count(task, names)
      other?.count(task, names)
    }
    tasks = []
    // All looks count alike.
    let left = [3 of Double](repeating: Double(looks - 1) / Double(looks))
    shown.close(delayed: 0, mean: nil, left: left)
    other?.close(delayed: 0, mean: nil, left: left)
  }

  /// As a report has it: the averages are means of the looks.
  var part: AttributionPart? {
    guard looks > 0 else { return nil }
    let attribution = shown.attribution
    let sum = attribution.sum
    return attribution.part(
      shown.groups.rows(attribution), by: shown.groups.by,
      averages: sum.indices.map { sum[$0] })
  }

  /// By process and site, nothing folded.
  var rows: [AttributionRow] {
    let table = other ?? shown
    return table.groups.rows(table.attribution)
  }
}

extension LoadReporter {
  /// What the load of the first seconds means, by who was active so far.
  func earlyVerdict(
    _ report: LoadSnapshot, _ early: EarlyAccount, _ minute: RecentMinute
  ) -> Verdict {
    var verdict = Verdict()
    verdict.isEarly = true
    verdict.rows = early.rows
    verdict.load1 = verdict.rows.reduce(0) { $0 + $1.load1 }
    verdict.timeWeighted = verdict.load1
    describe(report, minute, &verdict)
    return verdict
  }
}
