extension CloneSnapshot {
  /// Adds another host's or another run's snapshot, or the same run's next interval.
  ///
  /// Counts, sums and buckets are exact; shares follow from the sums. Rates are weighted by what
  /// they are rates of. Of the lists of the costliest and slowest each snapshot holds only the
  /// first: so does the sum, and of something that stood in one list only, it has only that.
  /// - Throws: `MergeError` where the two are not of this form, are not about the same kind of
  ///   tasks, or the sum exceeds 64 bits.
  public func merged(with other: CloneSnapshot) throws -> CloneSnapshot {
    var merged = try headMerged(with: other)
    merged.calls.failed = try calls.failed.merging(other.calls.failed) { try $0.adding($1) }
    merged.calls.straddled =
      try calls.straddled.map { try $0.adding(other.calls.straddled ?? 0) } ?? other.calls.straddled
    merged.phases = try phases.merged(with: other.phases, of: merged.histograms.clone.sum)
    merged.steps = try steps.merged(with: other.steps, of: merged.histograms.clone.sum)
    merged.mappingTypes = try mappingTypes.merged(with: other.mappingTypes)
    merged.mappings = try mappings.merged(with: other.mappings)
    merged.pageTables.setSpeed(of: pageTables, other.pageTables)
    merged.slowest = slowest.merged(with: other.slowest)
    merged.stacks = try stacks.merged(with: other.stacks)
    try merged.setChildren(self, other)
    merged.bill = try [BillItemPart].sum(bill, other.bill)
    merged.pageCopies = try PageCopiesPart.sum(pageCopies, other.pageCopies)
    merged.advice = try advice.joined(
      with: other.advice, same: { ($0.kind, $0.text) == ($1.kind, $1.text) },
      adding: {
        AdvicePart(kind: $0.kind, text: $0.text, evidence: $0.evidence.union($1.evidence))
      })
    return merged
  }

  /// Makes a sum of one host's intervals say what a merge can't know of: of each kind the last advice, and the
  /// most parents that there were in an interval.
  public mutating func describe(_ intervals: [CloneSnapshot]) {
    advice = []
    var known: Set<AdvicePart.Kind> = []
    for interval in intervals.reversed() {
      let new = interval.advice.filter { !known.contains($0.kind) }
      advice += new
      known.formUnion(new.map(\.kind))
    }
    let rows = intervals.flatMap { $0.children ?? [] }
    for (index, row) in (children ?? []).enumerated() {
      let same = rows.filter { ($0.comm, $0.use) == (row.comm, row.use) }
      children?[index].processes = same.map(\.processes).max() ?? row.processes
    }
  }

  /// Numbers from a file may be anything.
  /// - Throws: `MergeError` where they are of another form or contradict each other.
  public func check() throws {
    try checkHead()
    try checkRate("cost.bpf_ns_per_clone", cost.bpfNsPerClone)
    try checkRate("page_tables.ns_per_entry", pageTables.nsPerEntry)
    try checkRate("page_tables.ms_per_gib", pageTables.msPerGiB)
    try checkRate("page_tables.gb_per_s", pageTables.gbPerS)
    // What the mean of speeds divides by.
    guard pageTables.gbPerS.map({ $0 > 0 }) ?? true else {
      throw MergeError(description: "page_tables.gb_per_s: must be positive")
    }
    do {
      _ = try histograms.clone.histogram()
      _ = try histograms.addressSpaceCopy.histogram()
      _ = try histograms.pageTableCopy.histogram()
      _ = try histograms.vforkWait.histogram()
      try childFates?.check()
      for part in children ?? [] { try part.fates.check() }
    } catch {
      throw MergeError(description: "\(error)")
    }
  }
}

extension [PhasePart] {
  /// - Parameter total: the time of all clones, ns.
  fileprivate func merged(with other: Self, of total: UInt64) throws(MergeError) -> Self {
    var all = try joined(with: other, same: { $0.phase == $1.phase }, adding: PhasePart.sum)
    // Also of a phase that only one of the two has: the whole has grown.
    for index in all.indices where all[index].share != nil {
      all[index].share = total == 0 ? 0 : Double(all[index].ns) / Double(total)
    }
    return all
  }
}

extension PhasePart {
  /// With the share of either, for it to be there.
  fileprivate static func sum(_ one: Self, _ two: Self) throws(MergeError) -> Self {
    PhasePart(
      phase: one.phase, ns: try one.ns.adding(two.ns), share: one.share ?? two.share,
      count: try one.count.adding(two.count), how: .ofBoth(one.how, two.how),
      uncertaintyNs: try uncertainty(one.uncertaintyNs, two.uncertaintyNs))
  }
}

extension [StepPart] {
  /// - Parameter total: the time of all clones, ns.
  fileprivate func merged(with other: Self, of total: UInt64) throws(MergeError) -> Self {
    var all = try joined(with: other, same: { $0.function == $1.function }) {
      one, two throws(MergeError) in
      StepPart(
        function: one.function, ns: try one.ns.adding(two.ns), share: 0,
        count: try one.count.adding(two.count))
    }
    for index in all.indices {
      all[index].share = total == 0 ? 0 : Double(all[index].ns) / Double(total)
    }
    return all
  }
}

extension [MappingTypePart] {
  fileprivate func merged(with other: Self) throws(MergeError) -> Self {
    try joined(with: other, same: { $0.type == $1.type }) { one, two throws(MergeError) in
      MappingTypePart(
        type: one.type, count: try one.count.adding(two.count),
        bytes: try one.bytes.adding(two.bytes), ns: try one.ns.adding(two.ns))
    }
  }
}

extension [MappingPart] {
  fileprivate func merged(with other: Self) throws(MergeError) -> Self {
    let all = try joined(
      with: other, same: { ($0.pid, $0.comm, $0.range) == ($1.pid, $1.comm, $1.range) }
    ) { one, two throws(MergeError) in
      MappingPart(
        pid: one.pid, comm: one.comm, type: one.type, range: one.range,
        name: one.name ?? two.name, bytes: Swift.max(one.bytes, two.bytes),
        count: try one.count.adding(two.count), ns: try one.ns.adding(two.ns))
    }
    // By more than the time, for the order of merging not to matter.
    return all.first(10) {
      ($1.ns, $0.pid, $0.comm, $0.range) < ($0.ns, $1.pid, $1.comm, $1.range)
    }
  }
}

extension [SlowClonePart] {
  fileprivate func merged(with other: Self) -> Self {
    (self + other).first(10) {
      ($1.ns, $0.at, $0.pid, $0.tid, $0.child) < ($0.ns, $1.at, $1.pid, $1.tid, $1.child)
    }
  }
}

extension [StackPart] {
  fileprivate func merged(with other: Self) throws(MergeError) -> Self {
    let all = try joined(
      with: other, same: { ($0.comm, $0.frames) == ($1.comm, $1.frames) }
    ) { one, two throws(MergeError) in
      StackPart(
        comm: one.comm, frames: one.frames, count: try one.count.adding(two.count),
        ns: try one.ns.adding(two.ns), use: ChildUse.ofBoth(one.use, two.use),
        discardedCopies: try DiscardedCopiesPart.sum(one.discardedCopies, two.discardedCopies))
    }
    return all.first(20) {
      if ($0.ns, $0.comm) != ($1.ns, $1.comm) { return ($1.ns, $0.comm) < ($0.ns, $1.comm) }
      return $0.frames.lexicographicallyPrecedes($1.frames)
    }
  }
}

extension Array {
  /// The first so many by an order.
  fileprivate func first(_ count: Int, by order: (Element, Element) -> Bool) -> [Element] {
    [Element](sorted(by: order).prefix(count))
  }
}

extension PageTablesPart {
  /// The times add up and not the speeds.
  fileprivate mutating func setSpeed(of one: Self, _ two: Self) {
    let slowness = weighted(
      one.gbPerS.map { 1 / $0 }, one.residentBytes, two.gbPerS.map { 1 / $0 }, two.residentBytes)
    gbPerS = slowness.map { 1 / $0 }
    grade = gbPerS.map(Self.grade(gbPerS:))
  }

  /// Redis' word for a rate (`LATENCY DOCTOR`).
  public static func grade(gbPerS rate: Double) -> String {
    switch rate {
    case ..<10: "terrible"
    case ..<25: "poor"
    case ..<100: "good"
    default: "excellent"
    }
  }
}
