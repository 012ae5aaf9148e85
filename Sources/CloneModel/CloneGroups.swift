package import Reports
import Tasks

// Mappings and stacks of an interval, as reports group them.

private let mappingCount = 10
private let stackCount = 10
private let childrenCount = 10

extension Clone.MappingKind {
  /// As reports have it.
  package var reported: MappingType {
    switch self {
    case .heap: .heap
    case .stack: .stack
    case .anonymous: .anonymous
    case .hugetlb: .hugetlb
    case .filePrivate: .filePrivate
    case .shared: .shared
    }
  }
}

/// What was copied by type of mapping, the costliest first.
package func mappingTypeParts(_ interval: CloneInterval) -> [MappingTypePart] {
  Clone.MappingKind.allCases.compactMap { kind in
    let sum = interval.kinds[kind.rawValue]
    guard sum.count > 0 else { return nil }
    return MappingTypePart(
      type: kind.reported, count: sum.count, bytes: sum.bytes, ns: sum.ns)
  }.sorted { ($0.ns, $0.bytes) > ($1.ns, $1.bytes) }
}

/// The costliest mappings.
///
/// - Parameter name: what /proc/PID/maps calls it; nil where it has no name, or none is known.
package func mappingParts(
  _ interval: CloneInterval, name: (CloneInterval.MappingKey) -> String?
) -> [MappingPart] {
  interval.mappings.sorted {
    ($0.value.ns, $1.key.tgid, $1.key.start) > ($1.value.ns, $0.key.tgid, $0.key.start)
  }.prefix(mappingCount).map { key, sum in
    MappingPart(
      pid: Int(key.tgid), comm: sum.comm.text, type: sum.kind.reported,
      range: String(key.start, radix: 16) + "-" + String(key.end, radix: 16), name: name(key),
      bytes: key.end - key.start, count: sum.count, ns: sum.ns)
  }
}

/// The interval's strata, those without any stack added to the nearest that has one.
private func withStacks(_ interval: CloneInterval) -> [CloneInterval.Stratum] {
  var strata = interval.strata.indices.map { interval.strata[$0] }
  let known = strata.indices.filter { strata[$0].stackCount > 0 }
  for index in strata.indices where strata[index].stackCount == 0 {
    guard let nearest = known.min(by: { abs($0 - index) < abs($1 - index) }) else { break }
    strata[nearest].count &+= strata[index].count
    strata[nearest].ns &+= strata[index].ns
  }
  return strata
}

/// An interval's stacks by their names: the same of many processes become one.
///
/// Not each clone's stack was taken: among those of about the same length, the ones without are assumed
/// to be like the ones with; where there are none with, like those of the nearest length.
///
/// - Parameters:
///   - coverage: what is seen.
///   - names: nil for a stack to leave out.
package func stackParts(
  _ interval: CloneInterval, _ coverage: CloneCoverage,
  names: (CloneInterval.StackKey) -> [String]?
) -> [StackPart] {
  struct Key: Hashable {
    var comm: Comm
    var frames: [String]
  }
  func scaled(_ part: UInt64, _ all: UInt64, _ taken: UInt64) -> Double {
    taken == 0 ? 0 : Double(part) * Double(all) / Double(taken)
  }
  let strata = withStacks(interval)
  var sums: [Key: (count: Double, ns: Double, children: ChildSum)] = [:]
  // In an order of their own: sums of the same parts are the same in every bit.
  for (key, sum) in interval.stacks.sorted(by: { CloneInterval.StackKey.precedes($0.key, $1.key) })
  {
    guard let frames = names(key) else { continue }
    var (count, ns) = (0.0, 0.0)
    for (index, stratum) in strata.enumerated() {
      count += scaled(sum.counts[index], stratum.count, stratum.stackCount)
      ns += scaled(sum.times[index], stratum.ns, stratum.stackNs)
    }
    let named = Key(comm: sum.comm, frames: frames)
    var all = sums[named] ?? (0, 0, ChildSum())
    all.count += count
    all.ns += ns
    all.children.add(sum.children)
    sums[named] = all
  }
  // Of some only children are left, of clones of before.
  return sums.filter { $0.value.count >= 0.5 }.sorted {
    $0.value.ns != $1.value.ns
      ? $0.value.ns > $1.value.ns : $0.key.frames.lexicographicallyPrecedes($1.key.frames)
  }.prefix(stackCount).map { key, sum -> StackPart in
    let taken = Double(max(1, sum.children.born))
    return StackPart(
      comm: key.comm.text, frames: key.frames, count: clamped(sum.count), ns: clamped(sum.ns),
      use: coverage.children ?? false ? sum.children.use : nil,
      discardedCopies: discardedCopiesPart(
        sum.children.discardedCopies, interval, coverage, scale: max(1, sum.count / taken)))
  }
}

/// What became of the children, by their parents' names and by what they are for: those whose clones
/// took longest first.
///
/// - Parameters:
///   - period: the CPU time that a sample after a fork stands for, ns; nil where there are none.
///   - memory: of a process, where it was read.
package func childrenParts(
  _ interval: CloneInterval, _ coverage: CloneCoverage, period: UInt64?, pageSize: UInt64 = 4096,
  memory: (UInt32) -> ForkedMemory? = { _ in nil }
) -> [ChildrenPart] {
  interval.childGroups.map { group, all in
    ChildrenPart(
      comm: group.comm.text, pid: all.processes == 1 ? Int(all.tgid) : nil,
      processes: all.processes, use: group.use, atATime: all.sum.most, ns: all.sum.cloneNs,
      fates: all.sum.fates,
      discardedCopies: discardedCopiesPart(all.sum.discardedCopies, interval, coverage),
      bill: period.map { billParts(all.sum, period: $0) },
      copyOnWrite: coverage.countsFaults ?? false
        ? copyOnWritePart(
          all.sum, pageSize: pageSize, memory: all.processes == 1 ? memory(all.tgid) : nil)
        : nil)
  }.sorted(by: ChildrenPart.precedes).prefix(childrenCount).map { $0 }
}

extension NativeCloneHistograms {
  /// - Parameter period: as in ``childrenParts(_:_:period:pageSize:memory:)``.
  mutating func describe(_ interval: CloneInterval, period: UInt64?) {
    (callers, served) = ([:], [:])
    for (group, all) in interval.childGroups {
      callers[group.comm.text, default: 0] &+= all.sum.cloneNs
      guard group.use == .serve, let period else { continue }
      for part in billParts(all.sum, period: period) where part.item.isOwnWork {
        served[part.item, default: 0] &+= part.ns
      }
    }
  }
}
