package import Reports

/// What forks cost in all, and which of their copies were for nothing.
extension CloneText {
  /// How many parents' bills are shown.
  private static let shownBills = 2
  private static let shownCopies = 5
  /// Columns of "per second" and the gap before it.
  private static let figureWidth = 12

  static func total(_ bill: [BillItemPart]?) -> UInt64 { sum((bill ?? []).map(\.ns)) }

  func bill(_ snapshot: CloneSnapshot) -> [Line] {
    let parents = (snapshot.children ?? []).map { (parent: $0, items: $0.forkBill) }
      .filter { Self.total($0.items) > 0 }
      .sorted { Self.total($0.items) > Self.total($1.items) }
    return parents.prefix(Self.shownBills).enumerated().flatMap { index, row in
      (index > 0 ? [Line()] : []) + bill(of: row.parent, row.items, snapshot)
    }
  }

  private func bill(
    of parent: ChildrenPart, _ items: [BillItemPart], _ snapshot: CloneSnapshot
  ) -> [Line] {
    let total = Self.total(items)
    let forks = items.first { $0.item == .clone }?.count ?? 0
    func cpus(_ ns: UInt64) -> String {
      guard snapshot.intervalNs > 0 else { return "-" }
      let share = Double(ns) / Double(snapshot.intervalNs)
      return share < 999.9995
        ? decimalText(share, digits: 3) : compactCountText(UInt64(clamping: share))
    }
    func perFork(_ ns: UInt64) -> String { forks > 0 ? durationText(ns: ns / forks) : "-" }
    var heading = Line("bill of forks: ", .heading)
    heading.add(name(of: parent))
    heading.add(
      "  \(compactCountText(forks)) \(forks == 1 ? "fork" : "forks"), \(cpus(total)) CPUs", .strong)
    var rows = items.map { item in
      let unsure = item.uncertaintyNs.map { " \(bars.plusMinus) \(cpus($0))" } ?? ""
      return Row(
        name: item.item.text, time: perFork(item.ns),
        share: Double(item.ns) / Double(max(1, total)), note: cpus(item.ns) + unsure)
    }
    rows.append(
      Row(name: "total", time: perFork(total), share: 1, hasBar: false, note: cpus(total)))
    return [heading] + table("CPU time of", unit: "per fork", note: "CPUs", rows, snapshot)
  }

  /// By the calls' stacks, where these are known.
  func discardedCopies(_ snapshot: CloneSnapshot) -> [Line] {
    var rows = snapshot.stacks.compactMap { stack in
      stack.discardedCopies.map { (name: escaped(stack.comm) + caller(stack), copies: $0) }
    }
    if rows.isEmpty {
      rows = (snapshot.children ?? []).compactMap { parent in
        parent.discardedCopies.map { (name: name(of: parent), copies: $0) }
      }
    }
    rows = rows.filter { $0.copies.ns > 0 }.sorted { $0.copies.ns > $1.copies.ns }
    guard !rows.isEmpty else { return [] }
    let width = max(20, columns - 4 * Self.figureWidth)
    func line(_ cells: [String], name: Line.Style, figures: Line.Style) -> Line {
      var line = Line(left(clipped(cells[0], to: width, mark: bars.mark), width), name)
      for cell in cells[1...] { line.add(right(cell, Self.figureWidth), figures) }
      return line
    }
    let heading = line(
      ["address space copied for exec", "forks", "per fork", "per second", "total"],
      name: .heading, figures: .heading)
    return [heading]
      + rows.prefix(Self.shownCopies).map { row in
        let copies = row.copies
        let seconds = Double(max(1, snapshot.intervalNs)) / 1e9
        return line(
          [
            row.name, compactCountText(copies.count),
            durationText(ns: copies.ns / max(1, copies.count)),
            durationText(ns: UInt64(clamping: Double(copies.ns) / seconds)),
            durationText(ns: copies.ns),
          ], name: .plain, figures: .strong)
      }
  }

  private func caller(_ stack: StackPart) -> String {
    stack.caller.map { " in " + escaped($0) } ?? ""
  }
}

extension BillItem {
  package var text: String {
    switch self {
    case .clone: "clone"
    case .copyOnWrite: "copy-on-write, child"
    case .parentCopyOnWrite: "copy-on-write, parent"
    case .otherFaults: "other page faults"
    case .protection: "mprotect, NUMA"
    case .reverseMapping: "reverse mapping"
    case .teardown: "teardown"
    case .exec: "exec"
    case .exit: "exit"
    case .otherKernel: "other, kernel"
    case .user: "user space"
    }
  }
}
