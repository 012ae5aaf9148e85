import Histograms

extension Snapshot {
  /// This one, with all that every form has added up; what is a form's own is left as it is.
  func headMerged(with other: Self) throws -> Self {
    try check()
    try other.check()
    guard filter.isComparable(with: other.filter) else {
      throw MergeError(description: "can't add snapshots with different kinds of filters")
    }
    var merged = self
    merged.final = true
    merged.host = HostPart(
      names: host.names.union(other.host.names), kernels: host.kernels.union(other.host.kernels),
      cpus: try cpus(with: other.host))
    merged.start = Swift.min(start, other.start)
    merged.end = Swift.max(end, other.end)
    merged.intervalNs = try sum(\.intervalNs, with: other)
    merged.filter = FilterPart(
      pids: filter.pids.union(other.filter.pids), comms: filter.comms.union(other.filter.comms),
      cgroups: filter.cgroups.union(other.filter.cgroups))
    merged.probes = probes.union(other.probes)
    merged.loss = LossPart(
      expected: try sum(\.loss.expected, with: other),
      delivered: try sum(\.loss.delivered, with: other),
      pending: try atEnd(\.loss.pending, with: other),
      ringFull: try sum(\.loss.ringFull, with: other),
      noRing: try sum(\.loss.noRing, with: other),
      mapFull: try sum(\.loss.mapFull, with: other),
      missedEnds: try sum(\.loss.missedEnds, with: other),
      recursion: try sum(\.loss.recursion, with: other),
      untraced: try sum(\.loss.untraced, with: other),
      namesLeftOut: try sum(\.loss.namesLeftOut, with: other))
    return merged
  }

  func sum<Number: FixedWidthInteger>(
    _ field: KeyPath<Self, Number>, with other: Self
  ) throws(MergeError) -> Number {
    try self[keyPath: field].adding(other[keyPath: field])
  }

  func sum(
    _ field: KeyPath<Self, HistogramPart>, with other: Self
  ) throws -> HistogramPart {
    let (one, two) = (self[keyPath: field], other[keyPath: field])
    _ = try one.count.adding(two.count)
    var sum = try one.histogram()
    sum.add(try two.histogram())
    return HistogramPart(sum)
  }

  /// What is true at the end: adds up over hosts; of one host it is the later.
  func atEnd<Number: FixedWidthInteger>(
    _ field: KeyPath<Self, Number>, with other: Self
  ) throws(MergeError) -> Number {
    guard host.names == other.host.names else { return try sum(field, with: other) }
    return (other.end >= end ? other : self)[keyPath: field]
  }

  private func cpus(with other: HostPart) throws(MergeError) -> Int {
    let all = host.names.union(other.names).count
    // Several intervals of one of the hosts that are in already.
    if all == host.names.count || all == other.names.count { return max(host.cpus, other.cpus) }
    return try host.cpus.adding(other.cpus)
  }
}

/// The mean of two values, each of some weight; a missing one has none.
func weighted(_ a: Double?, _ aWeight: UInt64, _ b: Double?, _ bWeight: UInt64) -> Double? {
  guard let a else { return b }
  guard let b else { return a }
  let (aWeight, bWeight) = (Double(aWeight), Double(bWeight))
  return aWeight + bWeight > 0 ? (a * aWeight + b * bWeight) / (aWeight + bWeight) : (a + b) / 2
}

extension FilterPart {
  /// Whether each kind of condition was set for both or for neither.
  fileprivate func isComparable(with other: FilterPart) -> Bool {
    pids.isEmpty == other.pids.isEmpty && comms.isEmpty == other.comms.isEmpty
      && cgroups.isEmpty == other.cgroups.isEmpty
  }
}

extension FixedWidthInteger {
  /// The numbers come from files and may be anything.
  func adding(_ other: Self) throws(MergeError) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    guard !overflow else { throw MergeError(description: "the sum exceeds 64 bits") }
    return sum
  }
}

extension Array where Element: Equatable {
  /// What is in either, in order, once.
  func union(_ other: [Element]) -> [Element] {
    self + other.filter { !contains($0) }
  }
}

extension Array {
  /// What is in either, the same things made one. What only the other has comes behind what it
  /// follows there.
  func joined(
    with other: [Element], same: (Element, Element) -> Bool,
    adding: (Element, Element) throws(MergeError) -> Element
  ) throws(MergeError) -> [Element] {
    var all = self
    var place = 0
    for element in other {
      if let index = all.firstIndex(where: { same($0, element) }) {
        all[index] = try adding(all[index], element)
        place = index + 1
      } else {
        all.insert(element, at: place)
        place += 1
      }
    }
    return all
  }
}
