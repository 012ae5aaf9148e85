extension [CPUWaitPart] {
  /// Those of several intervals of one host as one list.
  ///
  /// - Parameters:
  ///   - rows: how many the largest are listed; the others are in the row of the rest.
  ///   - culprits: how many processes or places each row has; the others are `.others`.
  public static func sum(
    of intervals: some Sequence<[CPUWaitPart]>, rows: Int = 64, culprits: Int = 16
  ) -> [CPUWaitPart] {
    var sums: [CPUWaitPart: WaitSum] = [:]
    for wait in intervals.joined() { sums[wait.identity, default: WaitSum()].add(wait) }
    let order = sums.filter { !$0.key.isRest }.sorted {
      ($1.value.ns, $0.key.label) < ($0.value.ns, $1.key.label)
    }
    var rest = sums.first { $0.key.isRest }?.value ?? WaitSum()
    for (_, sum) in order.dropFirst(rows) { rest.fold(sum) }
    let listed = order.prefix(rows).map { $1.part($0, culprits: culprits) }
    let last = CPUWaitPart(process: nil, pid: nil, waitNs: 0, culprits: [])
    return listed + (rest.ns > 0 ? [rest.part(last, culprits: culprits)] : [])
  }
}

private struct WaitSum {
  var ns: UInt64 = 0
  var culprits: [CulpritPart: UInt64] = [:]

  mutating func add(_ wait: CPUWaitPart) {
    ns &+= wait.waitNs
    for culprit in wait.culprits { culprits[culprit.identity, default: 0] &+= culprit.ns }
  }

  /// Of the rest, nobody is the victim itself.
  mutating func fold(_ other: Self) {
    ns &+= other.ns
    for (culprit, ns) in other.culprits {
      let isItself = culprit.kind == .samePlace || culprit.kind == .sameProcess
      culprits[isItself ? CulpritPart(kind: .others, ns: 0) : culprit, default: 0] &+= ns
    }
  }

  func part(_ identity: CPUWaitPart, culprits limit: Int) -> CPUWaitPart {
    let others = CulpritPart(kind: .others, ns: 0)
    let order = culprits.filter { $0.key != others }.sorted {
      ($1.value, $0.key.label) < ($0.value, $1.key.label)
    }
    var (named, rest) = (0, culprits[others] ?? 0)
    var row = identity
    row.waitNs = ns
    for (culprit, ns) in order {
      if [.process, .kernelThread, .place].contains(culprit.kind) { named += 1 }
      guard named <= limit || ![.process, .kernelThread, .place].contains(culprit.kind) else {
        rest &+= ns
        continue
      }
      var part = culprit
      part.ns = ns
      row.culprits.append(part)
    }
    if rest > 0 { row.culprits.append(CulpritPart(kind: .others, ns: rest)) }
    row.culprits.sort { ($1.ns, $0.label) < ($0.ns, $1.label) }
    return row
  }
}

extension CPUWaitPart {
  /// Whose waits these are.
  fileprivate var identity: Self {
    CPUWaitPart(process: process, pid: pid, place: place, waitNs: 0, culprits: [])
  }
}

extension CulpritPart {
  fileprivate var identity: Self {
    var identity = self
    identity.ns = 0
    return identity
  }
}
