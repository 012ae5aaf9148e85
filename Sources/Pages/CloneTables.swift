import Faces
import Reports

/// Parts of a report on clones that are no pictures over time.
enum CloneTables {
  static func mappings(_ whole: CloneSnapshot) -> Markup {
    table(
      ["type of mapping", "mappings", "address space", "time"], numbers: [1, 2, 3],
      whole.mappingTypes.filter { $0.ns > 0 }.map { part in
        [
          "\(part.type.text)", "\(countText(part.count))", "\(bytesText(part.bytes))",
          "\(durationText(ns: part.ns))",
        ]
      })
  }

  static func stacks(_ whole: CloneSnapshot) -> Markup {
    var root = Icicle.Node("all clones")
    for stack in whole.stacks {
      root.add(Double(stack.ns), to: [stack.comm] + stack.frames.reversed())
    }
    return Icicle(
      id: "stacks-picture", label: "Icicle graph of the time of clones by calling stack",
      root: root, text: { durationText(ns: UInt64(clamping: $0)) }
    ).markup
  }

  private static func named(_ parent: ChildrenPart) -> String {
    parent.pid.map { "\(parent.comm) (\($0))" } ?? "\(parent.comm) (\(parent.processes) processes)"
  }

  static func bill(_ whole: CloneSnapshot) -> Markup {
    let seconds = Double(max(1, whole.intervalNs))
    let tables = (whole.children ?? []).compactMap { parent -> Markup? in
      let items = parent.forkBill
      guard !items.isEmpty else { return nil }
      let sum = items.reduce(0) { $0 &+ $1.ns }
      let rows = items.map { item -> [Markup] in
        [
          "\(item.item.text)", "\(durationText(ns: item.ns))",
          "\(percentText(item.ns, of: max(1, sum)))",
          "\(decimalText(Double(item.ns) / seconds, digits: 3))", "\(item.how.rawValue)",
        ]
      }
      return table(
        ["CPU time of", "total", "share", "CPUs", "how"], numbers: [1, 2, 3],
        caption: named(parent), rows)
    }
    return Markup(tables)
  }

  static func children(_ whole: CloneSnapshot) -> Markup {
    let rows = whole.children ?? []
    let hasCopies = rows.contains { $0.copyOnWrite != nil }
    let titles = ["parent", "use", "clones took", "children", "exec'd", "exited", "alive"]
    let copies = ["copied by children", "copied by parents", "most per fork"]
    return table(
      titles + (hasCopies ? copies : []), numbers: Set(2..<(titles.count + copies.count)),
      rows.map { parent in
        let fates = parent.fates
        func bytes(_ value: UInt64?) -> Markup { "\(value.map(bytesText) ?? "-")" }
        let copies = parent.copyOnWrite
        return [
          "\(named(parent))", "\(parent.use.text)", "\(durationText(ns: parent.ns))",
          "\(countText(fates.born))", "\(countText(fates.execAfter.count))",
          "\(countText(fates.lived.count))", "\(countText(fates.living))",
        ]
          + (hasCopies
            ? [
              bytes(copies?.children.copiedBytes), bytes(copies?.parents.copiedBytes),
              bytes(copies?.mostBytes),
            ] : [])
      })
  }

  static func slowest(_ whole: CloneSnapshot) -> Markup {
    table(
      ["at", "who", "call", "child", "took", "resident"], numbers: [3, 4, 5],
      whole.slowest.map { clone in
        [
          "\(timeOfDay(clone.at))", "\(clone.comm) (\(clone.pid))", "\(clone.call)",
          "\(clone.child)", "\(durationText(ns: clone.ns))", "\(bytesText(clone.residentBytes))",
        ]
      })
  }

  static func histograms(_ whole: CloneSnapshot) -> Markup {
    HistogramTable.markup([
      ("clone", whole.histograms.clone),
      ("copy of the address space", whole.histograms.addressSpaceCopy),
      ("copy of page tables", whole.histograms.pageTableCopy),
      ("wait of vfork parents", whole.histograms.vforkWait),
    ])
  }

  static func cost(_ whole: CloneSnapshot) -> [[Markup]] {
    let cost = whole.cost
    return [
      cost.bpfNsPerClone.map {
        ["BPF programs, per clone", "\(durationText(ns: UInt64(clamping: $0)))"]
      },
      [
        "CPU time used by cloneprof",
        "\(percentText(cost.consumerNs, of: max(1, whole.intervalNs)))",
      ],
      [
        "memory used",
        "\(bytesText(cost.residentBytes)) resident, \(bytesText(cost.ringBytes)) in ring buffers",
      ],
    ].compactMap { $0 }
  }
}
