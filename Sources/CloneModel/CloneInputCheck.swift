import Input
import Reports

/// What no run records, though its form is right: a recording may come from anywhere, and the model
/// counts on what the kernel guarantees.
struct CloneInputCheck {
  /// The first thing that can't be; nothing more is accepted then.
  private(set) var fault: String?
  private var isSetUp = false
  private var hasBegun = false
  private var counters: [UInt64] = []
  private var own: [UInt64] = [0, 0]
  private var at: UInt64 = 0

  /// 36 years in ns; counters stay below it, and sums of a few of them in 64 bits.
  private static let most: UInt64 = 1 << 60

  mutating func accepts(_ observation: CloneObservation) -> Bool {
    guard fault == nil else { return false }
    fault = reason(observation)
    return fault == nil
  }

  /// Nothing more is accepted, for a reason that isn't in the input.
  mutating func refuse(_ reason: String) { fault = fault ?? reason }

  private mutating func reason(_ observation: CloneObservation) -> String? {
    if case .setUp(let setup) = observation {
      isSetUp = true
      return (1...(1 << 24)).contains(setup.pageSize) && (0...8192).contains(setup.host.cpus)
        && setup.kernelPhases.isConsistent && setup.afterFork?.isConsistent ?? true
        && setup.afterForkPeriod ?? 0 < Self.most
        ? nil : "an impossible set-up"
    }
    guard isSetUp else { return "input without a set-up" }
    switch observation {
    case .begins(let reading):
      (hasBegun, counters, own, at) = (true, [], [0, 0], 0)
      return check(reading)
    case .closes(let reading):
      return hasBegun ? check(reading) : "an interval that never began"
    case .ends(let time):
      guard time >= at, time < Self.most else { return "impossible counters or times" }
      at = time
      return nil
    case .names(let answers):
      return answers.compactMap(\.memory).allSatisfy(\.isPlausible) ? nil : "impossible names"
    default: return nil
    }
  }

  private mutating func check(_ reading: CloneReading) -> String? {
    let used = [reading.own.cpuNs, reading.own.namesLeftOut]
    let all = reading.counters
    let new = [
      all.records, all.delivered, all.ringFull, all.noRing, all.mapFull, all.missedEnds,
      all.straddled, all.recursion, all.runTime, all.begun,
    ]
    let grow = { (new: [UInt64], old: [UInt64]) in
      old.isEmpty || zip(new, old).allSatisfy { $0 >= $1 }
    }
    guard reading.at >= at, reading.at < Self.most, reading.wall < Self.most << 3,
      (0...8192).contains(reading.onlineCPUs), (new + used).allSatisfy({ $0 < Self.most }),
      grow(new, counters), grow(used, own)
    else { return "impossible counters or times" }
    (at, own, counters) = (reading.at, used, new)
    return nil
  }
}
