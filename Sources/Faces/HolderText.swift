import Reports

/// Tasks in uninterruptible sleep that others block: a tree, the root of each chain first.
struct HolderText {
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

  /// - Parameter limit: how many lines there is room for.
  func lines(_ held: [BlockedPart], limit: Int) -> [Line] {
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
    var lines: [Line] = []
    add(top, depth: 0, to: &lines)
    guard !lines.isEmpty else { return [] }
    let shown = lines.prefix(max(1, limit - 1))
    return [Line(left("blocked by", width) + right("load1", 9), .heading)] + shown
  }

  /// A holder that waits itself is one line with those that wait for it.
  private func addOwnWaits(_ node: Node) {
    for child in node.children {
      child.load += node.waiters.filter { isHolder($0, among: [child]) }.reduce(0) { $0 + $1.load1 }
      addOwnWaits(child)
    }
  }

  private func isHolder(_ row: BlockedPart, among nodes: [Node]) -> Bool {
    nodes.contains { node in
      row.pid != nil && row.pid == node.holder?.pid && row.site == node.holder?.site
    }
  }

  private var width: Int { max(20, columns - 11) }

  private func add(_ node: Node, depth: Int, to lines: inout [Line]) {
    if let holder = node.holder {
      lines.append(line(holderText(holder, node.tids.count), node.load, depth: depth - 1, .strong))
      for row in node.waiters where !isHolder(row, among: node.children) {
        lines.append(line(waiterText(row), row.load1, depth: depth, .plain))
      }
    }
    for child in node.children.sorted(by: { $0.load > $1.load }) {
      add(child, depth: depth + 1, to: &lines)
    }
  }

  private func line(_ text: String, _ load: Double, depth: Int, _ style: Line.Style) -> Line {
    let indented = String(repeating: "  ", count: max(0, depth)) + text
    var line = Line(left(clipped(indented, to: width, mark: bars.mark), width), style)
    line.add(right(decimalText(load, digits: 2), 9))
    return line
  }

  private func holderText(_ holder: BlockerPart, _ count: Int) -> String {
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

  private func stateText(_ holder: BlockerPart) -> String {
    switch holder.state {
    case .running: "running"
    case .runnable: "waiting for a CPU"
    case .throttled: "throttled by cgroup \(escaped(holder.cgroup ?? "(unknown)"))"
    case .uninterruptible: "D in \(escaped(Self.function(holder.site) ?? "(unknown)"))"
    case .interruptible: "asleep" + (holder.site.map { " in \(escaped($0))" } ?? "")
    case .stopped: "stopped or frozen"
    case .deadlocked: "in a deadlock"
    case .unknown: "state unknown"
    }
  }

  private func waiterText(_ row: BlockedPart) -> String {
    let tasks = row.active > UInt64(clamping: row.count) ? "\(row.active) tasks of " : ""
    return "\(tasks)\(escaped(row.label)) in \(escaped(row.site ?? "(unknown)"))"
  }
}
