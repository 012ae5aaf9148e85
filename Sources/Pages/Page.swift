import Faces
public import Reports

/// A page of a tool's: its intervals, one by one, and then the whole run.
public protocol ReportPage<Report>: Sendable {
  associatedtype Report: Snapshot

  init()
  mutating func add(_ interval: Report)
  /// One HTML file, that needs no other and asks for none.
  ///
  /// - Parameter whole: the run in full.
  func html(_ whole: Report) -> String
}

/// What pages have in common.
struct Page {
  let title: String
  /// Below it: where and when.
  let facts: [String]
  let sections: [Markup]

  /// The page asks for nothing from anywhere, and its policy would let it have nothing.
  private static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

  var html: String {
    let facts = facts.map { fact -> Markup in "<li>\(fact)</li>" }
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="\(Self.policy)">
      <title>\(title)</title>
      <style>\(Markup(stringLiteral: Style.css))</style>
      </head>
      <body>
      <header><h1>\(title)</h1><ul class="facts">\(facts)</ul></header>
      <main>
      \(sections)</main>
      <script>\(Markup(stringLiteral: Script.text))</script>
      </body>
      </html>

      """
    return page.html
  }

  /// What is said first and what after it: a sentence, what it rests on, and what follows from it.
  static func statements(_ parts: [(text: String, evidence: [String], rest: Markup)]) -> Markup {
    Markup(
      parts.enumerated().map { index, part -> Markup in
        let evidence = part.evidence.map { fact -> Markup in "<li>\(fact)</li>\n" }
        let kind = index == 0 ? "first" : "further"
        return """
          <article class="\(kind)"><p><strong>\(part.text)</strong></p>
          <ul>\(evidence)</ul>
          \(part.rest)</article>

          """
      })
  }

  static func facts(of report: some Snapshot) -> [String] {
    let host = report.host
    let day = { (time: String) in
      time.replacing("T", with: " ").prefix { $0 != "." } + (time.contains(".") ? " UTC" : "")
    }
    return [
      host.names.joined(separator: ", "), "Linux " + host.kernels.joined(separator: ", "),
      "\(host.cpus) CPU\(host.cpus == 1 ? "" : "s")", "\(day(report.start)) to \(day(report.end))",
      durationText(ns: report.intervalNs) + (report.final ? " total" : ""),
    ] + filter(report.filter)
  }

  private static func filter(_ filter: FilterPart) -> [String] {
    let parts =
      filter.pids.map { "process \($0)" } + filter.comms.map { "tasks named \($0)" }
      + filter.cgroups.map { "cgroup \($0)" }
    return parts.isEmpty ? [] : ["only " + parts.joined(separator: ", ")]
  }

  /// What was seen by which means, what was missed, and what it took.
  static func measurement(_ report: some Snapshot, cost: [[Markup]]) -> Markup {
    let probes = report.probes.map { probe -> [Markup] in
      let available =
        switch probe.available {
        case .yes: "yes"
        case .no: "no"
        case .cannotTell: "can't tell"
        }
      return ["\(probe.feature)", "\(available)", "\(probe.probe)", "\(probe.reason ?? "")"]
    }
    let loss = report.loss
    let figures: [[Markup]] =
      [
        ["records lost", "\(countText(loss.lost)) of \(countText(loss.expected))"]
      ]
      + (report is LoadSnapshot
        ? [["switches the tracepoint did not report", "\(countText(loss.untraced))"]] : [])
      + [
        ["names that could not be looked up in time", "\(countText(loss.namesLeftOut))"]
      ] + cost
    return table(["measured", ""], numbers: [1], figures)
      + table(["feature", "available", "probe", "reason"], numbers: [], probes)
  }
}
