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
      section("time", "Time in clones, over time", timeOverTime),
      section("durations", "How long clones took, over time", durationsOverTime),
      section("mappings", "What was copied", Treemap(whole).markup + CloneTables.mappings(whole)),
      section("stacks", "Who clones", CloneTables.stacks(whole)),
      section("bill", "What the forks cost in all", CloneTables.bill(whole)),
      section("children", "What became of the children", CloneTables.children(whole)),
      section("slowest", "The slowest", CloneTables.slowest(whole)),
      section("times", "How long", CloneTables.histograms(whole)),
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
    Markup(
      whole.advice.enumerated().map { index, part -> Markup in
        let evidence = part.evidence.map { fact -> Markup in "<li>\(fact)</li>\n" }
        let command: Markup = part.command.map { "<p><code>\($0)</code></p>\n" } ?? ""
        let expected: Markup =
          part.expectedNs.map { "<p>Expected: \(durationText(ns: $0)) a fork</p>\n" } ?? ""
        let check: Markup =
          part.check.map { "<p class=\"faint\">To check: <code>\($0)</code></p>\n" } ?? ""
        let kind = index == 0 ? "first" : "further"
        return """
          <article class="\(kind)"><p><strong>\(part.text)</strong></p>
          <ul>\(evidence)</ul>
          \(command)\(expected)\(check)</article>

          """
      })
  }

  private var times: [String] { timeline.moments.map { Page.time($0.end) } }

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
    <p>A <b>clone</b> is a call of fork, vfork, clone or clone3: the kernel makes a process or a thread. For a process
    it copies the parent's page tables, which is most of the time where there is much memory. The pages themselves are
    copied later, one by one, as parent or child write to them: copy-on-write, which is on the bill.</p>
    <p>The bars of the phases stand where they come in a clone, one after the other. A sampled figure has the half
    width of its 95 % confidence interval beside it.</p>

    """
}
