import Input
import Records
import Reports

/// What no run records, though its form is right: a recording may come from anywhere, and the model
/// counts on what the kernel guarantees.
struct LoadInputCheck {
  /// The first thing that can't be; nothing more is accepted then.
  private(set) var fault: String?
  private var isSetUp = false
  private var hasBegun = false
  private var counters = LoadCounters()
  private var own: [UInt64] = [0, 0, 0]
  private var at: UInt64 = 0

  /// CONFIG_NR_CPUS is at most that.
  private static let mostCPUs = 8192
  /// 36 years in ns; counters stay below it, and sums of a few of them in 64 bits.
  private static let most: UInt64 = 1 << 60

  mutating func accepts(_ observation: LoadObservation) -> Bool {
    guard fault == nil else { return false }
    fault = reason(observation)
    return fault == nil
  }

  /// Nothing more is accepted, for a reason that isn't in the input.
  mutating func refuse(_ reason: String) { fault = fault ?? reason }

  private mutating func reason(_ observation: LoadObservation) -> String? {
    if case .setUp(let setup) = observation {
      isSetUp = true
      return setup.isPossible(mostCPUs: Self.mostCPUs) ? nil : "an impossible set-up"
    }
    guard isSetUp else { return "input without a set-up" }
    switch observation {
    case .begins(let reading, let load):
      (hasBegun, counters, own, at) = (true, LoadCounters(), [0, 0, 0], 0)
      return check(reading) ?? check(load)
    case .closes(let reading):
      return hasBegun ? check(reading) : "an interval that never began"
    case .sample(let reading):
      guard reading.time < Self.most, reading.delayed ?? 0 < 1 << 32 else {
        return "an impossible load sample"
      }
      return reading.counters.flatMap { check($0) } ?? reading.system.flatMap { check($0) }
    case .settles(let reading, _, _), .averages(let reading): return check(reading)
    case .ticks(let monotonic, let jiffies, let now):
      return max(monotonic, jiffies, now) < Self.most ? nil : "impossible ticks"
    case .holders(let waits):
      return waits.count <= 1 << 22 ? nil : "impossibly many waits"
    case .waiter(_, let frames):
      return frames.count <= 128 ? nil : "an impossible stack"
    case .names(let answers):
      let arePossible = answers.allSatisfy { answer in
        max(answer.quota?.periods ?? 0, answer.quota?.throttled ?? 0) < Self.most
          && (0...Self.mostCPUs).contains(answer.count ?? 0)
      }
      return arePossible ? nil : "impossible names"
    default: return nil
    }
  }

  private mutating func check(_ reading: IntervalReading) -> String? {
    let used = [reading.own.cpuNs, reading.own.scanNs, reading.own.namesLeftOut]
    guard reading.at >= at, reading.at < Self.most,
      zip(used, own).allSatisfy({ $0 >= $1 && $0 < Self.most }),
      (0...Self.mostCPUs).contains(reading.onlineCPUs)
    else { return "impossible times" }
    (at, own) = (reading.at, used)
    return check(reading.counters) ?? check(reading.system) ?? checkLoads(reading.load)
  }

  /// Whether a ring's record has a time that there is; what else is in it the tracker makes the best of.
  static func isPossible(record: RawSpan) -> Bool {
    guard record.byteCount >= MemoryLayout<sonde_header>.size else { return false }
    return unsafe record.unsafeLoadUnaligned(as: UInt64.self) < most
  }

  static func isPossible(scanned record: RawSpan) -> Bool {
    guard record.byteCount == MemoryLayout<sonde_task>.size else { return false }
    let task = unsafe record.unsafeLoadUnaligned(as: sonde_task.self)
    return max(
      task.monotonic, task.run_delay, task.last_queued, task.last_arrival, task.last_ran) < most
  }

  /// They only grow; delivered are at most those there were.
  private mutating func check(_ new: LoadCounters) -> String? {
    func list(_ counters: LoadCounters) -> [UInt64] {
      [
        counters.records, counters.delivered, counters.ringFull, counters.noRing,
        counters.recursion, counters.runTime, counters.runs,
      ]
    }
    guard zip(list(new), list(counters)).allSatisfy({ $0 >= $1 && $0 < Self.most }),
      new.untraced < Self.most
    else { return "impossible counters" }
    counters = new
    return nil
  }

  private func check(_ system: SystemCounters) -> String? {
    let isPossible =
      system.cpus.count <= Self.mostCPUs
      && system.cpus.values.allSatisfy {
        max($0.total, $0.idle, $0.stolen, $0.irq ?? 0, $0.softirq ?? 0) < 1 << 50
      }
      && system.cpus.keys.allSatisfy { (0..<Self.mostCPUs).contains($0) }
      && (system.offline ?? []).count <= Self.mostCPUs
      && (system.offline ?? []).allSatisfy { (0..<Self.mostCPUs).contains($0) }
      && system.capped.map { (0...Self.mostCPUs).contains($0.cpus) && (0...1).contains($0.limit) }
        ?? true
    return isPossible ? nil : "impossible counters of the system"
  }

  private func check(_ reading: LoadReading) -> String? {
    if let exact = reading.exact {
      let values = exact.averages.averages
      guard abs(exact.active) < 1 << 32, (0..<3).allSatisfy({ values[$0] < 1 << 50 }) else {
        return "impossible load averages"
      }
    }
    return checkLoads(reading.shown)
  }

  private func checkLoads(_ loads: [Double]) -> String? {
    loads.count == 3 && loads.allSatisfy { (0...0x1p40).contains($0) }
      ? nil : "impossible load averages"
  }
}

extension LoadSetup {
  fileprivate func isPossible(mostCPUs: Int) -> Bool {
    (1...mostCPUs).contains(cpus) && (0...mostCPUs).contains(host.cpus)
      && (1...2).contains(by.count) && (1...(1 << 50)).contains(interval)
  }
}
