package import Reports

/// Tasks in uninterruptible sleep that others block: a tree, the root of each chain first.
package struct HolderText {
  let columns: Int
  let bars: BarStyle

  private final class Node {
    let holder: BlockerPart?
    /// Those of its name that have held the same lock.
    var tids: Set<UInt32> = []
    var load = 0.0
    var children: [Node] = []
    var waiters: [BlockedPart] = []

    init(_ holder: BlockerPart?) {
      self.holder = holder
      if let tid = holder?.tid { tids.insert(tid) }
    }

    func child(_ holder: BlockerPart) -> Node {
      let known = children.first { node in
        guard let one = node.holder else { return false }
        // One mmap_lock is one lock, whoever holds it.
        if let lock = holder.mmapLockOf, holder.process != nil {
          return one.mmapLockOf == lock && one.process == holder.process
        }
        return one.tid == holder.tid
          && (holder.tid != nil || one.source == holder.source && one.mount == holder.mount)
      }
      if let known {
        if let tid = holder.tid { known.tids.insert(tid) }
        return known
      }
      let node = Node(holder)
      children.append(node)
      return node
    }
  }

  /// A holder, or those who wait for the one above.
  package struct Row {
    /// Escaped.
    package let text: String
    package let load1: Double
    /// 0 for the root of a chain.
    package let depth: Int
    package let isHolder: Bool
  }

  package static func rows(_ held: [BlockedPart]) -> [Row] {
    let top = Node(nil)
    for row in held where row.load1 >= 0.005 && row.chain.last?.isNamed ?? false {
      var node = top
      for holder in row.chain.reversed() {
        node = node.child(holder)
        node.load += row.load1
      }
      node.waiters.append(row)
    }
    addOwnWaits(top)
    var rows: [Row] = []
    add(top, depth: 0, to: &rows)
    return rows
  }

  /// - Parameter limit: how many lines there is room for.
  func lines(_ held: [BlockedPart], limit: Int) -> [Line] {
    let rows = Self.rows(held)
    guard !rows.isEmpty else { return [] }
    return [Line(left("blocked by", width) + right("load1", 9), .heading)]
      + rows.prefix(max(1, limit - 1)).map(line)
  }

  /// A holder that waits itself is one line with those that wait for it.
  private static func addOwnWaits(_ node: Node) {
    for child in node.children {
      child.load += node.waiters.filter { isHolder($0, among: [child]) }.reduce(0) { $0 + $1.load1 }
      addOwnWaits(child)
    }
  }

  private static func isHolder(_ row: BlockedPart, among nodes: [Node]) -> Bool {
    nodes.contains { node in
      row.pid != nil && row.pid == node.holder?.pid && row.site == node.holder?.site
    }
  }

  private var width: Int { max(20, columns - 11) }

  private static func add(_ node: Node, depth: Int, to rows: inout [Row]) {
    if let holder = node.holder {
      rows.append(
        Row(
          text: holderText(holder, node.tids.count), load1: node.load, depth: depth - 1,
          isHolder: true))
      for row in node.waiters where !isHolder(row, among: node.children) {
        rows.append(
          Row(text: waiterText(row), load1: row.load1, depth: depth, isHolder: false))
      }
    }
    for child in node.children.sorted(by: { $0.load > $1.load }) {
      add(child, depth: depth + 1, to: &rows)
    }
  }

  private func line(_ row: Row) -> Line {
    let indented = String(repeating: "  ", count: row.depth) + row.text
    var line = Line(
      left(clipped(indented, to: width, mark: bars.mark), width), row.isHolder ? .strong : .plain)
    line.add(right(decimalText(row.load1, digits: 2), 9))
    return line
  }

  private static func holderText(_ holder: BlockerPart, _ count: Int) -> String {
    let label =
      count > 1
      ? "\(count) \(escaped(holder.process ?? "(unknown)")) tasks, one after another"
      : "\(escaped(holder.label ?? "(unknown)")), \(stateText(holder))"
    let holds =
      switch (holder.uncertain == true, count > 1) {
      case (true, false): "may hold"
      case (true, true): "may have held"
      case (false, false): "holds"
      case (false, true): "have held"
      }
    let what: String
    switch (holder.mmapLockOf, holder.lock) {
    case (let whose?, _): what = "\(holds) the mmap_lock of \(escaped(whose))"
    case (nil, .mutex): what = "\(holds) a mutex"
    case (nil, .semaphore): what = "\(holds) a semaphore"
    case (nil, .rwsemRead), (nil, .rwsemWrite): what = "\(holds) an rwsem"
    case (nil, .vfork): what = "vfork() child"
    case (nil, .fuse) where holder.tid == nil:
      return "FUSE daemon of \(escaped(holder.mount ?? "(unknown)")) (not found)"
    case (nil, .fuse): what = "FUSE daemon of \(escaped(holder.mount ?? "(unknown)"))"
    case (nil, .journal): what = "commits the journal of \(escaped(holder.source ?? "(unknown)"))"
    case (nil, .remote):
      return "server of \(escaped(holder.source ?? "(unknown)")) on \(escaped(holder.mount ?? ""))"
    }
    return "\(label): \(what)"
  }

  /// Without the kind of lock: what blocks it stands above.
  private static func function(_ site: String?) -> String? {
    site.map { site in site.firstRange(of: " (").map { String(site[..<$0.lowerBound]) } ?? site }
  }

  private static func stateText(_ holder: BlockerPart) -> String {
    switch holder.state {
    case .running: "running"
    case .runnable: "waiting for a CPU"
    case .throttled: "throttled by cgroup \(escaped(holder.cgroup ?? "(unknown)"))"
    case .uninterruptible: "D in \(escaped(function(holder.site) ?? "(unknown)"))"
    case .interruptible: "asleep" + (holder.site.map { " in \(escaped($0))" } ?? "")
    case .stopped: "stopped or frozen"
    case .deadlocked: "in a deadlock"
    case .unknown: "state unknown"
    }
  }

  private static func waiterText(_ row: BlockedPart) -> String {
    let tasks = row.active > UInt64(clamping: row.count) ? "\(row.active) tasks of " : ""
    return "\(tasks)\(escaped(row.label)) in \(escaped(row.site ?? "(unknown)"))"
  }
}
