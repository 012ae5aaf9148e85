import Faces
import Reports

/// Parts of a load report that are no pictures over time.
enum LoadTables {
  private static func load(_ value: Double) -> Markup { "\(decimalText(value, digits: 2))" }

  static func attribution(_ whole: LoadSnapshot) -> Markup {
    guard let attribution = whole.attribution else { return "" }
    let rows = attribution.rows.filter { abs($0.load1) >= 0.005 }.map { row -> [Markup] in
      [
        "\(row.label(by: attribution.by))", "\(row.state.rawValue)", "\(row.site ?? "")",
        "\(row.cgroup ?? "")", load(row.load1), load(row.load5), load(row.load15),
      ]
    }
    let rest = [
      ("asleep, not yet dequeued", attribution.delayed),
      ("before this run", attribution.beforeRun), ("unattributed", attribution.unattributed),
    ].filter { abs($0.1.first ?? 0) >= 0.005 }.map { name, loads -> [Markup] in
      ["\(name)", "", "", ""] + loads.map(load)
    }
    return table(
      ["who", "state", "where it waits", "cgroup", "load1", "load5", "load15"], numbers: [4, 5, 6],
      rows + rest)
  }

  /// By the stacks of all sleeps where they were recorded, else by what the load samples saw.
  static func sites(_ whole: LoadSnapshot) -> Markup {
    if let stacks = whole.stacks, !stacks.isEmpty {
      var root = Icicle.Node("all sleeps in D")
      for stack in stacks { root.add(Double(stack.ns), to: stack.frames.reversed()) }
      return Icicle(
        id: "waits-picture", label: "Icicle graph of time in D by kernel stack", root: root,
        text: { durationText(ns: UInt64(clamping: $0)) }
      ).markup
    }
    var root = Icicle.Node("D")
    let by = whole.attribution?.by ?? []
    for row in whole.attribution?.rows ?? [] where row.state == .uninterruptible {
      guard row.load1 >= 0.005 else { continue }
      root.add(
        row.load1,
        to: [row.wait?.rawValue ?? "unknown", row.site ?? "(unknown)", row.label(by: by)])
    }
    return Icicle(
      id: "waits-picture", label: "Icicle graph of load1 in D by kind, place and process",
      root: root, text: { decimalText($0, digits: 2) + " of load1" }
    ).markup
  }

  static func holders(_ whole: LoadSnapshot) -> Markup {
    let rows = HolderText.rows(whole.blocked ?? [])
    guard !rows.isEmpty else { return "" }
    var list: Markup = ""
    var depth = -1
    for row in rows {
      while depth >= row.depth {
        list = list + "</li></ul>"
        depth -= 1
      }
      while depth < row.depth {
        list = list + "<ul><li>"
        depth += 1
      }
      let style = row.isHolder ? "holder" : "waiter"
      list = list + "<span class=\"\(style)\">\(row.text)</span> <b>\(load(row.load1))</b>\n"
    }
    while depth >= 0 {
      list = list + "</li></ul>"
      depth -= 1
    }
    return
      "<div class=\"tree\">\(list)</div>\n<p class=\"faint\">Tasks indented below a holder are waiting for it; figures are shares of load1.</p>\n"
  }

  /// How many culprits have columns of their own.
  private static let columns = 8

  static func culprits(_ whole: LoadSnapshot) -> Markup {
    let waits = whole.cpuWaits ?? []
    guard !waits.isEmpty else { return "" }
    var sums: [String: UInt64] = [:]
    for culprit in waits.flatMap(\.culprits) { sums[culprit.label, default: 0] &+= culprit.ns }
    let named = sums.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
      .filter { $0 != "others" }.prefix(columns)
    let most = waits.flatMap(\.culprits).map(\.ns).max() ?? 1
    func cell(_ ns: UInt64) -> Markup {
      guard ns > 0 else { return "" }
      let shade = min(4, Int(Double(ns) / Double(max(1, most)) * 4))
      return "<span class=\"m\(shade)\">\(durationText(ns: ns))</span>"
    }
    let rows = waits.map { wait -> [Markup] in
      let known = Dictionary(wait.culprits.map { ($0.label, $0.ns) }, uniquingKeysWith: &+)
      let rest = known.filter { !named.contains($0.key) }.values.reduce(0, &+)
      return ["\(wait.label)", "\(durationText(ns: wait.waitNs))"]
        + named.map { cell(known[$0] ?? 0) }
        + [cell(rest)]
    }
    return table(
      ["waited", "total"] + named + ["others"], numbers: Set(1...(named.count + 2)), rows)
  }

  static func cgroups(_ whole: LoadSnapshot) -> Markup {
    guard let attribution = whole.attribution,
      attribution.rows.contains(where: { $0.cgroup != nil })
    else { return "" }
    let rows = CgroupTree.rows(attribution, limit: 200)
    let most = rows.map { $0.loads.first ?? 0 }.max() ?? 1
    return table(
      ["cgroup", "load1", "", "R", "D", "load5", "load15"], numbers: [1, 3, 4, 5, 6],
      rows.map { row in
        let load1 = row.loads.first ?? 0
        let width = 100 * max(0, load1) / max(0.01, most)
        return [
          "<span class=\"i\(min(9, row.depth))\">\(row.name)</span>", load(load1),
          "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\"><rect class=\"b0\" width=\"\(width)\" height=\"10\"/></svg>",
          load(row.runnable), load(row.uninterruptible),
        ] + row.loads.dropFirst().map(load)
      })
  }

  static func histograms(_ whole: LoadSnapshot) -> Markup {
    let all = [
      ("run queue latency", whole.histograms.runQueueLatency),
      ("time on a CPU", whole.histograms.onCPU),
      ("sleep in D", whole.histograms.blockedUninterruptible),
      ("sleep in S", whole.histograms.blockedInterruptible),
    ]
    return HistogramTable.markup(all)
  }

  static func cost(_ whole: LoadSnapshot) -> [[Markup]] {
    let cost = whole.cost
    return [
      ["context switches", "\(countText(whole.switches))"],
      cost.bpfNsPerSwitch.map { ["BPF programs, per switch", "\(decimal($0)) ns"] },
      [
        "CPU time used by loadwatch",
        "\(percentText(cost.consumerNs, of: max(1, whole.intervalNs)))",
      ],
      [
        "memory used",
        "\(bytesText(cost.residentBytes)) resident, \(bytesText(cost.ringBytes)) in ring buffers",
      ],
    ].compactMap { $0 }
  }
}

/// Histograms by their percentiles.
enum HistogramTable {
  static func markup(_ histograms: [(name: String, part: HistogramPart)]) -> Markup {
    func ns(_ value: UInt64?) -> Markup { "\(value.map { durationText(ns: $0) } ?? "-")" }
    return table(
      ["", "count", "p50", "p90", "p99", "p99.9", "max", "sum"], numbers: Set(1...7),
      histograms.map { name, part in
        [
          "\(name)", "\(countText(part.count))", ns(part.percentiles.p50), ns(part.percentiles.p90),
          ns(part.percentiles.p99), ns(part.percentiles.p999), ns(part.max), ns(part.sum),
        ]
      })
  }
}
