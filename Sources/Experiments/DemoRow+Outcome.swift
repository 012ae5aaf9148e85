import CExperiment
import Proc
import Reports

extension DemoRow.Memory {
  var layout: sonde_layout {
    switch self {
    case .empty: SONDE_LAYOUT_EMPTY
    case .libraries: SONDE_LAYOUT_LIBRARIES
    case .small: SONDE_LAYOUT_SMALL
    case .folios: SONDE_LAYOUT_MTHP
    case .transparent: SONDE_LAYOUT_THP
    case .collapsed: SONDE_LAYOUT_COLLAPSED
    case .hugetlb, .exhaustedPool: SONDE_LAYOUT_HUGETLB
    case .mappings: SONDE_LAYOUT_MANY
    case .shared: SONDE_LAYOUT_SHARED
    case .dontFork: SONDE_LAYOUT_DONTFORK
    }
  }
}

extension DemoRow.Child {
  var how: sonde_child {
    switch self {
    case .fork: SONDE_CHILD_FORK
    case .vfork: SONDE_CHILD_VFORK
    case .spawn: SONDE_CHILD_SPAWN
    case .sharedMemory: SONDE_CHILD_VM
    }
  }
}

extension DemoRow {
  /// Whether there is something to be had from writing to it after a fork: memory that both share until
  /// then.
  var isWrittenTo: Bool {
    child == .fork && ![.empty, .libraries, .shared, .dontFork].contains(memory)
  }

  mutating func describe(_ use: MemoryUse, mappings: Int, of bytes: UInt64) {
    self.mappings = UInt64(mappings)
    pageTableBytes = use.pageTables
    residentBytes = use.resident
    hugeBytes = use.anonymousHuge ?? 0
    hugetlbBytes = use.hugetlb
    guard hasMemory else { return }
    let small = bytes - min(bytes, hugeBytes + hugetlbBytes)
    entries =
      small / 4096 + hugeBytes / (2 << 20) + (hugetlbBytes > 0 ? hugetlbBytes / pageBytes : 0)
  }

  var hasMemory: Bool { ![.empty, .libraries].contains(memory) }

  mutating func take(_ result: sonde_outcome) {
    fork = DurationsPart(of: values(result.fork_ns, result.forks))
    let exits = values(result.exit_ns, result.forks).filter { $0 > 0 }
    exit = DurationsPart(of: exits)
    touchNs = result.touch_ns
    if memory == .collapsed {
      collapseNs = result.collapse_ns
      longestCollapseNs = result.longest_collapse_ns
    }
    parentWrite = DurationsPart(of: values(result.parent_write_ns, result.parent_writes))
    childWrite = DurationsPart(of: values(result.child_write_ns, result.child_writes))
    laterFork = DurationsPart(of: values(result.later_fork_ns, result.later_forks))
    if result.child_signal != 0 { childSignal = Int(result.child_signal) }
  }

  /// For a message.
  var name: String { "\(memory.rawValue), \(pageBytes >> 10) KiB" }
}

/// The first of an array of C.
private func values<Array: BitwiseCopyable>(_ array: Array, _ count: UInt32) -> [UInt64] {
  unsafe withUnsafeBytes(of: array) { bytes in
    unsafe Swift.Array(bytes.bindMemory(to: UInt64.self).prefix(Int(count)))
  }
}

extension DemoReport {
  /// What needs several rows: factors, and what an entry takes beside an empty process.
  mutating func complete() {
    let empty = row(.empty)?.fork?.median
    let small = row(.small)?.fork?.median
    for index in rows.indices {
      guard let fork = rows[index].fork?.median, fork > 0, rows[index].hasMemory else {
        continue
      }
      if let small, rows[index].memory != .small || rows[index].child != .fork {
        rows[index].factor = Double(small) / Double(fork)
      }
      let copies = ![.shared, .dontFork].contains(rows[index].memory)
      if let empty, copies, rows[index].child == .fork, rows[index].entries > 0 {
        rows[index].nsPerEntry =
          (Double(fork) - Double(min(empty, fork))) / Double(rows[index].entries)
      }
    }
  }
}
