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
      section("verdict", "Verdict", verdict(whole)),
      section("load", "Who makes up load1 over time", loadOverTime),
      section("tasks", "Tasks in R and D over time", tasksOverTime),
      section("latency", "Run queue latency over time", latencyOverTime),
      section("blocked", "Uninterruptible sleep (D) over time", blockedOverTime),
      section("who", "Who makes up load1 at the end", LoadTables.attribution(whole)),
      section("waits", "Where tasks in D wait", LoadTables.sites(whole)),
      section("holders", "Who is blocking them", LoadTables.holders(whole)),
      section("culprits", "Who waited for a CPU, and who had it", LoadTables.culprits(whole)),
      section("cgroups", "load1 by cgroup", LoadTables.cgroups(whole)),
      section("times", "Latency percentiles", LoadTables.histograms(whole)),
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
    Page.statements(
      (whole.verdict ?? []).map { part in
        let advice: Markup = part.advice.map { "<p>\($0)</p>\n" } ?? ""
        let refuted: Markup =
          part.refutedBy.map { "<p class=\"faint\">Refuted if: \($0)</p>\n" } ?? ""
        let confidence: Markup =
          part.confidence.map { "<p class=\"faint\">Confidence: \($0.rawValue)</p>\n" } ?? ""
        return (part.text, part.evidence, advice + refuted + confidence)
      })
  }

  // MARK: - Over time

  private var times: [String] { timeline.moments.map { timeOfDay($0.end) } }

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
          moment.parts.reduce(moment.others) { known.contains($1.key) ? $0 : $0 + $1.value }
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
    <p>The <b>load average</b> is not CPU usage. Every five seconds the kernel counts the tasks that are running or
    waiting for a CPU (<b>R</b>) and those in uninterruptible sleep (<b>D</b>), typically waiting for a disk, a file
    server or a lock. <b>load1</b> is a moving average of these counts: each new count reduces the weight of the older
    ones by 8 %, so a count from a minute ago still carries about a third of its weight. Of the runnable tasks, one per
    CPU can run; the others wait. Tasks in D wait in any case.</p>
    <p>The areas show which tasks were counted. What was counted before the run began fades out in gray. In the heat
    maps each column is an interval and each row a power of two: the row labeled 4.19 ms holds waits from 4.19 ms up to
    twice that. The darker a cell (brighter on a dark page), the more waits it holds. A <b>holder</b> is a task that has
    what others are waiting for. Waiting time is charged to whichever task <b>had the CPU</b> meanwhile.</p>

    """
}
