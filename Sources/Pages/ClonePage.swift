import Faces
import Histograms
public import Reports

/// What `cloneprof` saw, as a page to send on.
public struct ClonePage: ReportPage {
  private var timeline = Timeline<CloneMoment>()

  public init() {}

  public mutating func add(_ interval: CloneSnapshot) { timeline.add(CloneMoment(interval)) }

  public func html(_ whole: CloneSnapshot) -> String {
    let sections = [
      section("verdict", "What would make it faster", advice(whole)),
      section("phases", "Where a clone's time goes", Waterfall(whole).markup),
      section("time", "Time in clones over time", timeOverTime),
      section("durations", "How long clones took over time", durationsOverTime),
      section("mappings", "What was copied", Treemap(whole).markup + CloneTables.mappings(whole)),
      section("stacks", "Callers", CloneTables.stacks(whole)),
      section("bill", "Total cost of forking", CloneTables.bill(whole)),
      section("children", "What became of the children", CloneTables.children(whole)),
      section("slowest", "Slowest clones", CloneTables.slowest(whole)),
      section("times", "Latency percentiles", CloneTables.histograms(whole)),
      section(
        "measurement", "How it was measured",
        Page.measurement(whole, cost: CloneTables.cost(whole))),
      section("reading", "How to read this", Self.reading),
    ]
    let clones = whole.histograms.clone.count
    return Page(
      title: "cloneprof: \(whole.host.names.first ?? "")",
      facts: Page.facts(of: whole) + ["\(countText(clones)) clone\(clones == 1 ? "" : "s")"],
      sections: sections
    ).html
  }

  private func advice(_ whole: CloneSnapshot) -> Markup {
    Page.statements(
      whole.advice.map { part in
        let command: Markup = part.command.map { "<p><code>\($0)</code></p>\n" } ?? ""
        let expected: Markup =
          part.expectedNs.map { "<p>Expected: \(durationText(ns: $0)) per fork</p>\n" } ?? ""
        let check: Markup =
          part.check.map { "<p class=\"faint\">To check: <code>\($0)</code></p>\n" } ?? ""
        return (part.text, part.evidence, command + expected + check)
      })
  }

  private var times: [String] { timeline.moments.map { timeOfDay($0.end) } }

  private var timeOverTime: Markup {
    let moments = timeline.moments
    let phases = ClonePhase.allCases.filter { phase in moments.contains { $0.rate(phase) > 0 } }
    return StackedArea(
      id: "time-picture", label: "Stacked areas of time in clones by phase over time",
      unit: "ms a second",
      bands: phases.map { phase in
        StackedArea.Band(
          name: phase.text, values: moments.map { $0.rate(phase) }, style: phase.style)
      }, line: nil, times: phases.isEmpty ? [] : times
    ).markup
  }

  private var durationsOverTime: Markup {
    HeatMapPicture(
      id: "durations-picture", label: "Heat map of the lengths of clones over time",
      histograms: timeline.moments.map(\.durations), times: times
    ).markup
  }

  private static let reading: Markup = """
    <p>A <b>clone</b> is a call to fork, vfork, clone or clone3; it creates a process or a thread. Unless the child
    shares the parent's memory, the kernel copies the parent's page tables, and with much memory that takes most of the
    time. The pages themselves are copied later, one at a time, when parent or child writes to them (copy-on-write); the
    bill includes that.</p>
    <p>The phases are shown in the order in which they occur. Sampled figures are given with ± half the width of their
    95 % confidence interval.</p>

    """
}
