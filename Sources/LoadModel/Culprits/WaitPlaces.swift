import Reports

/// Waits for a CPU by cgroup, container or unit: the names that they are shown by.
struct WaitPlaces {
  private let by: Grouping
  private var places: [UInt64: PlacePart] = [:]
  /// Cgroups whose path could not be had since the last report: their processes may have ended.
  private var failed: Set<UInt64> = []

  /// Nil where the report is by none of these.
  init?(_ by: [Grouping]) {
    guard let first = by.first(where: { [.cgroup, .container, .unit].contains($0) }) else {
      return nil
    }
    self.by = first
  }

  /// The paths that are still to be asked for.
  func missing(_ cgroups: [UInt64: UInt32]) -> [Lookup] {
    cgroups.filter { places[$0.key] == nil && !failed.contains($0.key) }
      .map { .cgroup($0.key, process: $0.value) }
  }

  mutating func take(_ answer: Answer) {
    guard case .cgroup(let id, _) = answer.lookup else { return }
    guard let path = answer.text else {
      failed.insert(id)
      return
    }
    // 0 stands for whatever cgroup a task is in that wasn't seen.
    if id != 0 { places[id] = part(path) } else { failed.insert(id) }
  }

  private func part(_ path: String) -> PlacePart {
    guard by != .cgroup else { return PlacePart(cgroup: path) }
    let place = CgroupPlace(path: path)
    return by == .unit
      ? PlacePart(unit: place.unit ?? GroupNames.noUnit)
      : PlacePart(container: place.container ?? GroupNames.noContainer, pod: place.pod)
  }

  func path(ofCgroup id: UInt64) -> String? { places[id]?.cgroup }

  /// A report has been made. Forgets those that no process is in any more.
  mutating func prune(_ cgroups: [UInt64: UInt32]) {
    failed = []
    if places.count > 2 * cgroups.count + 1000 {
      places = places.filter { cgroups[$0.key] != nil }
    }
  }

  /// The rows of a report: the longest wait first, the rest last.
  ///
  /// - Parameters:
  ///   - victims: how many places to list.
  ///   - culprits: how many other places each.
  func parts(
    _ waits: CPUWaits, victims: Int, culprits: Int
  ) -> [CPUWaitPart] {
    // Several cgroups may be one container, and what isn't known is one.
    var sums: [PlacePart: [CulpritPart: UInt64]] = [:]
    var rest: [CulpritPart: UInt64] = [:]
    for (victim, row) in waits.byCgroup {
      let place = victim == .others ? nil : places[victim.cgroup] ?? PlacePart()
      for (culprit, ns) in row {
        let key = key(of: culprit, for: place)
        if let place {
          sums[place, default: [:]][key, default: 0] &+= ns
        } else {
          rest[key, default: 0] &+= ns
        }
      }
    }
    let sorted = sums.map { (place: $0, row: $1, ns: $1.values.reduce(0, &+)) }
      .sorted { ($0.ns, $1.place.label) > ($1.ns, $0.place.label) }
    for folded in sorted.dropFirst(victims) {
      rest.merge(folded.row.map { (Self.folded($0.key), $0.value) }) { $0 &+ $1 }
    }
    var parts = sorted.prefix(victims).map { place, row, ns in
      CPUWaitPart(
        process: nil, pid: nil, place: place, waitNs: ns, culprits: Self.culprits(row, culprits))
    }
    let left = rest.values.reduce(0, &+)
    if left > 0 {
      parts.append(
        CPUWaitPart(
          process: nil, pid: nil, waitNs: left, culprits: Self.culprits(rest, culprits)))
    }
    return parts
  }

  private func key(of culprit: Party, for victim: PlacePart?) -> CulpritPart {
    switch culprit {
    case .idle: return CulpritPart(kind: .idle, ns: 0)
    case .unknown: return CulpritPart(kind: .unknown, ns: 0)
    case .quota: return CulpritPart(kind: .quota, ns: 0)
    case .others: return CulpritPart(kind: .others, ns: 0)
    default:
      let place = places[culprit.cgroup] ?? PlacePart()
      return place == victim && place != PlacePart()
        ? CulpritPart(kind: .samePlace, ns: 0) : CulpritPart(kind: .place, place: place, ns: 0)
    }
  }

  /// As a culprit of several.
  private static func folded(_ key: CulpritPart) -> CulpritPart {
    key.kind == .samePlace ? CulpritPart(kind: .others, ns: 0) : key
  }

  /// The largest first; of places as many as are wanted, the others together.
  private static func culprits(_ row: [CulpritPart: UInt64], _ most: Int) -> [CulpritPart] {
    var parts: [CulpritPart] = []
    var (places, others) = (0, UInt64(0))
    for (key, ns) in row.sorted(by: { ($0.value, $1.key.label) > ($1.value, $0.key.label) }) {
      if key.kind == .others {
        others &+= ns
        continue
      }
      if key.kind == .place {
        places += 1
        if places > most {
          others &+= ns
          continue
        }
      }
      var part = key
      part.ns = ns
      parts.append(part)
    }
    if others > 0 { parts.append(CulpritPart(kind: .others, ns: others)) }
    return parts.sorted { ($0.ns, $1.label) > ($1.ns, $0.label) }
  }
}
