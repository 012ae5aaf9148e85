import Histograms

extension Snapshot {
  /// This one, with the figures and all that every form has added up; the rest is left as it is.
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
    merged.filter = FilterPart(
      pids: filter.pids.union(other.filter.pids), comms: filter.comms.union(other.filter.comms),
      cgroups: filter.cgroups.union(other.filter.cgroups))
    merged.probes = probes.union(other.probes)
    for figure in Self.figures { try figure.merge(&merged, self, other) }
    return merged
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
