import Reports

/// Who a verdict's sentence is about: one name if that has clearly the largest part, and how many there
/// are if not.
struct Subject {
  /// "nginx (812)", "nginx (8 processes)", "10 processes".
  private let text: String
  /// The same at the beginning of a sentence: "8 nginx processes".
  private let beginning: String
  let isPlural: Bool
  private let isNamed: Bool
  /// For many: the most that any one of them has, rounded up, 0 to 1.
  private let most: Double?
  /// Those of the largest name, and that name.
  private let largestRows: (name: String, rows: [AttributionRow])?

  /// A name is clearly the largest with half of all, or with a fifth and twice as much as the next.
  private static func isClear(_ first: Double, next: Double, of all: Double) -> Bool {
    first >= 0.5 * all || (first >= 0.2 * all && first >= 2 * next)
  }

  /// - Parameter rows: at least one.
  init(_ rows: [AttributionRow]) {
    // Rows of many small groups, and tasks that nothing is known of, have no name to be called by.
    let named = rows.filter { $0.folded != true && $0.process != nil }
    let byName = Dictionary(grouping: named) { $0.process! }
      .map { (name: $0.key, rows: $0.value, load: $0.value.load1) }
      .sorted { ($1.load, $0.name) < ($0.load, $1.name) }
    let count = rows.processes
    largestRows = byName.first.map { (Self.label($0.rows), $0.rows) }
    var figures = [EvidenceFigure("processes", Double(count), "processes")]
    if let first = byName.first,
      Self.isClear(first.load, next: byName.dropFirst().first?.load ?? 0, of: rows.load1)
    {
      text = Self.label(first.rows)
      beginning =
        first.rows.processes > 1
        ? counted(first.rows.processes, "\(Self.name(first.rows)) \(Self.noun(first.rows))") : text
      (isPlural, isNamed, most) = (first.rows.processes > 1, true, nil)
      figures.append(
        EvidenceFigure("processes_named", Double(first.rows.processes), "processes"))
    } else {
      text = counted(count, Self.noun(rows))
      beginning = text
      (isPlural, isNamed) = (count > 1, false)
      let share = rows.map { $0.load1 / Double(max(1, $0.count)) }.max() ?? 0
      most = count > 1 && rows.load1 > 0 ? share / rows.load1 : nil
      if let most { figures.append(EvidenceFigure("largest_process", most, "ratio")) }
    }
    self.figures = figures
  }

  private static func noun(_ rows: [AttributionRow]) -> String {
    rows.allSatisfy(\.kernelThread) ? "kernel thread" : "process"
  }

  private static func name(_ rows: [AttributionRow]) -> String {
    var row = rows[0]
    (row.count, row.pid) = (1, nil)
    return row.label(by: [.process])
  }

  private static func label(_ rows: [AttributionRow]) -> String {
    var row = rows[0]
    row.count = rows.processes
    if row.count > 1 { row.pid = nil }
    return row.label(by: [.process])
  }

  private var limit: String? {
    most.map { "none over \(Int(($0 * 100 - 1e-9).rounded(.up))) % of this load" }
  }

  /// "nginx (812) is", "8 nginx processes are", "10 processes (none over 12 % of this load) are".
  var are: String {
    beginning + (limit.map { " (\($0))" } ?? "") + (isPlural ? " are" : " is")
  }

  /// What follows a statement: ", mostly by nginx (812)", " by 10 processes, none over 12 % of this load".
  var mostlyBy: String { phrase("by") }
  var mostlyFor: String { phrase("for") }

  private func phrase(_ word: String) -> String {
    (isNamed ? ", mostly" : "") + " \(word) \(text)" + (limit.map { ", \($0)" } ?? "")
  }

  /// How many there are, and what is said of the largest.
  let figures: [EvidenceFigure]

  /// "nginx (8 processes): 1.20".
  var largest: Evidence.Part? {
    largestRows.map { Self.evidence($0.name, $0.rows) }
  }

  private static func evidence(_ text: String, _ rows: [AttributionRow]) -> Evidence.Part {
    (
      "\(text): \(number(rows.load1))",
      [
        EvidenceFigure("load1_of_largest", rows.load1, "tasks"),
        EvidenceFigure("processes_of_largest", Double(rows.processes), "processes"),
      ]
    )
  }

  /// The same of those of them that wait at the same site.
  var largestSite: Evidence.Part? {
    guard let largestRows else { return nil }
    let sites = Dictionary(grouping: largestRows.rows) { $0.site ?? "" }
    guard
      let (site, rows) = sites.max(by: { ($0.value.load1, $1.key) < ($1.value.load1, $0.key) }),
      !site.isEmpty
    else { return nil }
    return Self.evidence("\(Self.label(rows)) in \(site)", rows)
  }
}

extension [AttributionRow] {
  var load1: Double { reduce(0) { $0 + $1.load1 } }

  /// How many are in them: a process that waits at several sites has a row for each.
  var processes: Int {
    Set(compactMap(\.pid)).count + reduce(0) { $0 + ($1.pid == nil ? $1.count : 0) }
  }
}

func number(_ value: Double) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
  if abs(value) >= 100 { return "\(Int(value.rounded()))" }
  let hundredths = Int((abs(value) * 100).rounded())
  let digits = hundredths % 100
  return (value < 0 && hundredths > 0 ? "-" : "") + "\(hundredths / 100)."
    + (digits < 10 ? "0" : "") + "\(digits)"
}

/// - Parameter share: 0 to 1.
func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

/// "1 CPU", "2 CPUs", "10 processes".
func counted(_ count: Int, _ noun: String) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(noun)\(noun.hasSuffix("s") ? "es" : "s")"
}
