import Reports
import Tasks

extension CPUWaits {
  private static let mostVictims = 10
  private static let mostCulprits = 3

  /// By cgroup, container or unit.
  func parts(all: Bool, by places: WaitPlaces) -> [CPUWaitPart] {
    places.parts(
      self, victims: all ? 64 : Self.mostVictims, culprits: all ? 16 : Self.mostCulprits)
  }

  /// The rows of a report: the longest wait first, the rest last.
  ///
  /// - Parameter all: whether to list all that were kept, or only the largest.
  func parts(all: Bool) -> [CPUWaitPart] {
    var waits = self
    waits.joinCgroups()
    if !all {
      waits.joinNames(victims: Self.mostVictims, culprits: Self.mostCulprits)
      waits.fold(victims: Self.mostVictims, culprits: Self.mostCulprits)
    }
    return waits.rows.map { victim, row in
      let culprits = row.map { culprit, ns in part(culprit, of: victim, ns) }
        .sorted { ($0.ns, $1.pid ?? 0) > ($1.ns, $0.pid ?? 0) }
      let isNamed = victim.number >= Party.firstNumber
      return CPUWaitPart(
        process: isNamed ? victim.comm.text : nil, pid: victim.pid == 0 ? nil : victim.pid,
        waitNs: row.values.reduce(0, &+), culprits: culprits)
    }
    .sorted { one, two in
      if (one.process == nil) != (two.process == nil) { return two.process == nil }
      return (one.waitNs, two.pid ?? 0) > (two.waitNs, one.pid ?? 0)
    }
  }

  private func part(_ culprit: Party, of victim: Party, _ ns: UInt64) -> CulpritPart {
    switch culprit {
    case .idle: CulpritPart(kind: .idle, ns: ns)
    case .unknown: CulpritPart(kind: .unknown, ns: ns)
    case .quota: CulpritPart(kind: .quota, ns: ns)
    case .others: CulpritPart(kind: .others, ns: ns)
    case victim where victim.pid != 0: CulpritPart(kind: .sameProcess, ns: ns)
    default:
      CulpritPart(
        kind: culprit.isKernelThread ? .kernelThread : .process, process: culprit.comm.text,
        pid: culprit.pid == 0 ? nil : culprit.pid, ns: ns)
    }
  }
}
