import Reports

/// SIGBUS of man signal(7), on x86 and Arm.
private let sigbus = 7

/// What a demo's figures say, in sentences: why huge pages help as much as they do and no more, and
/// what they cost.
struct DemoFindings {
  private let report: DemoReport

  init(_ report: DemoReport) { self.report = report }

  var sentences: [String] {
    [whole, notFiveHundredFold, pools, collapse, splits, small, other].compactMap { $0 }
  }

  private func time(_ ns: Double) -> String { durationText(ns: UInt64(max(0, ns).rounded())) }

  private func times(_ factor: Double) -> String {
    "\(decimalText(factor, digits: factor < 10 ? 1 : 0)) times faster"
  }

  private var whole: String? {
    guard let row = report.row(.small), let fork = row.fork, let each = row.nsPerEntry,
      let empty = report.row(.empty)?.fork
    else { return nil }
    return
      "With 4 KiB pages a fork copies \(countText(row.entries)) entries at "
      + "\(decimalText(each, digits: 1)) ns each: \(time(each * Double(row.entries))) of its "
      + "\(durationText(ns: fork.median)). A fork of a process with no memory takes "
      + "\(durationText(ns: empty.median))."
  }

  private var notFiveHundredFold: String? {
    guard let huge = report.row(.transparent) ?? report.row(.collapsed), let factor = huge.factor,
      let each = huge.nsPerEntry, let small = report.row(.small)?.nsPerEntry, small > 0,
      let empty = report.row(.empty)?.fork, let fork = huge.fork
    else { return nil }
    return
      "Transparent huge pages make it \(times(factor)), not 512 times: an entry of 2 MiB takes "
      + "\(time(each)), \(decimalText(each / small, digits: 0)) times one of 4 KiB, since the kernel "
      + "sets aside a page table for each, for when it is split; and "
      + "\(percentText(empty.median, of: fork.median)) of the time is the fixed cost of any fork."
  }

  private var pools: String? {
    let rows = report.rows.filter { $0.memory == .hugetlb && $0.fork != nil }
    guard !rows.isEmpty else { return nil }
    let factors = rows.map { row in "\(row.label): \(times(row.factor ?? 1))" }
      .joined(separator: ", ")
    let writes = rows.compactMap { row in
      row.parentWrite.map { "\(durationText(ns: $0.median)) with \(row.label)" }
    }.joined(separator: ", ")
    return
      "A pool needs no such tables (\(factors)), and its pages don't count as resident, so the RSS "
      + "seems to shrink. But the first write to a page after a fork copies all of it (\(writes)), and "
      + "a page of the pool must be free for that." + (tooSmall ?? "")
  }

  private var tooSmall: String? {
    guard let row = report.rows.first(where: { $0.memory == .exhaustedPool }),
      row.childSignal == sigbus
    else { return nil }
    return " If none is, the child is killed by SIGBUS."
  }

  private var collapse: String? {
    guard let row = report.row(.collapsed), let all = row.collapseNs, let factor = row.factor,
      let longest = row.longestCollapseNs
    else { return nil }
    return
      "MADV_COLLAPSE does the same to memory that is already in use: \(times(factor)) after "
      + "\(durationText(ns: all)), of which no step took longer than \(durationText(ns: longest))."
  }

  private var splits: String? {
    guard let row = report.row(.collapsed) ?? report.row(.transparent), let fork = row.fork,
      let later = row.laterFork, later.median > fork.median * 3 / 2,
      let count = row.parentWrite?.count
    else { return nil }
    return
      "It doesn't last: the first write to a huge page after a fork splits its entry into 512 again. "
      + "After \(countText(UInt64(count))) such writes forks take \(durationText(ns: later.median)) "
      + "instead of \(durationText(ns: fork.median))."
  }

  private var small: String? {
    guard let row = report.row(.mappings), let factor = row.factor, factor < 0.95 else {
      return nil
    }
    return
      "Many mappings cost extra: the same memory in \(countText(report.bytes / row.pageBytes)) of them "
      + "takes \(decimalText(1 / factor, digits: 1)) times as long."
  }

  private var other: String? {
    guard let row = report.row(.small, .vfork) ?? report.row(.small, .spawn),
      let fork = row.fork
    else { return nil }
    return
      "A child that only execs needs no copy: \(row.label) takes \(durationText(ns: fork.median)), "
      + "whatever the memory."
  }
}
