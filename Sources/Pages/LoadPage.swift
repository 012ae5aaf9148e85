import Faces
import Histograms
public import Reports

/// What `loadwatch` saw, as a page to send on.
public struct LoadPage: ReportPage {
  private var timeline = Timeline<LoadMoment>()

  public init() {}

  public mutating func add(_ interval: LoadSnapshot) { timeline.add(LoadMoment(interval)) }

  public func html(_ whole: LoadSnapshot) -> String {
    let sections = [
      section("verdict", "What the load means", verdict(whole)),
      section("load", "Who makes up load1, over time", loadOverTime),
      section("tasks", "Active tasks, over time", tasksOverTime),
      section("latency", "Waits for a CPU, over time", latencyOverTime),
      section("blocked", "Uninterruptible sleep (D), over time", blockedOverTime),
      section("who", "Who makes up load1 at the end", LoadTables.attribution(whole)),
      section("waits", "Where tasks in D wait", LoadTables.sites(whole)),
      section("holders", "Who blocks them", LoadTables.holders(whole)),
      section("culprits", "Who waited for a CPU, and who had it", LoadTables.culprits(whole)),
      section("cgroups", "Load by cgroup", LoadTables.cgroups(whole)),
      section("times", "How long", LoadTables.histograms(whole)),
      section(
        "measurement", "How it was measured",
        Page.measurement(whole, cost: LoadTables.cost(whole))),
      section("reading", "How to read this", Self.reading),
    ]
    let load = whole.load.kernel.map { decimalText($0, digits: 2) }.joined(separator: " ")
    return Page(
      title: "loadwatch: \(whole.host.names.first ?? "")",
      facts: Page.facts(of: whole) + ["load average \(load)"], sections: sections
    ).html
  }

  private func verdict(_ whole: LoadSnapshot) -> Markup {
    Markup(
      (whole.verdict ?? []).enumerated().map { index, part -> Markup in
        let evidence = part.evidence.map { fact -> Markup in "<li>\(fact)</li>\n" }
        let advice: Markup = part.advice.map { "<p>\($0)</p>\n" } ?? ""
        let refuted: Markup =
          part.refutedBy.map { "<p class=\"faint\">It would be wrong if: \($0)</p>\n" } ?? ""
        let confidence: Markup =
          part.confidence.map { "<p class=\"faint\">Confidence: \($0.rawValue)</p>\n" } ?? ""
        let kind = index == 0 ? "first" : "further"
        return """
          <article class="\(kind)"><p><strong>\(part.text)</strong></p>
          <ul>\(evidence)</ul>
          \(advice)\(refuted)\(confidence)</article>

          """
      })
  }

  // MARK: - Over time

  private var times: [String] { timeline.moments.map { Page.time($0.end) } }

  /// How many groups have bands of their own.
  private static let bands = 8

  private var loadOverTime: Markup {
    let moments = timeline.moments
    var sums: [String: Double] = [:]
    for moment in moments {
      for (name, load1) in moment.parts { sums[name, default: 0] += load1 }
    }
    let largest = sums.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.bands)
      .map(\.key)
    guard !largest.isEmpty else { return "" }
    let known = Set(largest)
    var bands = [
      StackedArea.Band(
        name: "before this run", values: moments.map(\.before), style: "before")
    ]
    bands += largest.enumerated().map { index, name in
      StackedArea.Band(
        name: name, values: moments.map { $0.parts[name] ?? 0 }, style: "b\(index)")
    }
    bands.append(
      StackedArea.Band(
        name: "others",
        values: moments.map { moment in
          moment.parts.reduce(0) { known.contains($1.key) ? $0 : $0 + $1.value }
        }, style: "rest"))
    bands.removeAll { band in band.values.allSatisfy { $0 < 0.005 } }
    return StackedArea(
      id: "load-picture", label: "Stacked areas of load1 by process and state over time",
      unit: "load1", bands: bands, line: ("load1, by the kernel", moments.map(\.load1)),
      times: times
    ).markup
  }

  private var tasksOverTime: Markup {
    let moments = timeline.moments
    return StackedArea(
      id: "tasks-picture", label: "Stacked areas of runnable and uninterruptible tasks over time",
      unit: "tasks",
      bands: [
        .init(name: "runnable (R), mean", values: moments.map(\.runnable), style: "b0"),
        .init(
          name: "uninterruptible (D), mean", values: moments.map(\.uninterruptible), style: "b1"),
      ], line: nil, times: times
    ).markup
  }

  private var latencyOverTime: Markup {
    HeatMapPicture(
      id: "latency-picture", label: "Heat map of run queue latency over time",
      histograms: timeline.moments.map(\.latency), times: times
    ).markup
  }

  private var blockedOverTime: Markup {
    HeatMapPicture(
      id: "blocked-picture", label: "Heat map of the lengths of uninterruptible sleeps over time",
      histograms: timeline.moments.map(\.blocked), times: times
    ).markup
  }

  private static let reading: Markup = """
    <p>The <b>load average</b> is not CPU usage. Every five seconds the kernel counts tasks that run or wait for a CPU
    (<b>R</b>) and tasks in uninterruptible sleep (<b>D</b>), which wait for a disk, a file server or a lock.
    <b>load1</b> is an average of these counts in which a count loses 8 % of its weight with each further one, so that
    after a minute a third of it is left. As much of load1 as there are CPUs can be work that goes on undisturbed; more
    than that waits.</p>
    <p>The areas show whose tasks were counted; what was counted before the run began fades out in gray. In the heat
    maps a column is an interval and a row is a power of two: the cell at 4.10 ms holds waits from 4.10 ms to twice
    that, and the darker (on a dark page the brighter), the more of them. A <b>holder</b> is a task that has what
    others wait for. Who <b>had the CPU</b> is charged for the time in which others waited for it.</p>

    """
}
