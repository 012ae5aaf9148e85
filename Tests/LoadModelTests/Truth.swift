import Histograms
import LoadModel

/// What really happened, as the simulated scheduler knows it, over one interval.
struct Truth {
  /// `runnable.maximum` and `uninterruptible.maximum` are the true ones, at any time.
  private(set) var interval = LoadInterval(start: 0, end: 0)
  /// The largest counts at the instants that a gauge looks at.
  private(set) var sampled = (runnable: 0, uninterruptible: 0)
  /// What counts is what happens from here on.
  private(set) var countsFrom: UInt64 = .max
  /// How many tasks are runnable, and in D.
  var runnable = 0
  var uninterruptible = 0

  /// What ran while a process waited: ns by both, 0 for nobody.
  private(set) var culprits: [UInt32: [UInt32: UInt64]] = [:]

  static let instantShift: UInt64 = 20

  mutating func begin(at time: UInt64) {
    countsFrom = time
    interval = LoadInterval(start: time, end: time)
    sampled = (0, 0)
    culprits = [:]
  }

  /// The counts stay as they are from `begin` to `end`.
  mutating func pass(from begin: UInt64, to end: UInt64) {
    guard begin >= countsFrom, end > begin else { return }
    interval.runnable.total += UInt64(runnable) * (end - begin)
    interval.uninterruptible.total += UInt64(uninterruptible) * (end - begin)
    interval.runnable.maximum = max(interval.runnable.maximum, runnable)
    interval.uninterruptible.maximum = max(interval.uninterruptible.maximum, uninterruptible)
    let mask: UInt64 = 1 << Self.instantShift - 1
    let instant = (begin - interval.start + mask) & ~mask
    if instant < end - interval.start {
      sampled.runnable = max(sampled.runnable, runnable)
      sampled.uninterruptible = max(sampled.uninterruptible, uninterruptible)
    }
  }

  mutating func close(
    at end: UInt64
  ) -> (interval: LoadInterval, sampled: (runnable: Int, uninterruptible: Int)) {
    interval.end = end
    interval.runnable.now = runnable
    interval.uninterruptible.now = uninterruptible
    interval.runnable.maximum = max(interval.runnable.maximum, runnable)
    interval.uninterruptible.maximum = max(interval.uninterruptible.maximum, uninterruptible)
    let closed = (interval, sampled)
    let from = countsFrom
    begin(at: end)
    countsFrom = from
    return closed
  }

  // MARK: - What happens

  mutating func switched(counts: Bool) {
    if counts, interval.start >= countsFrom { interval.switches += 1 }
  }

  mutating func preempted() {
    if interval.start >= countsFrom { interval.preemptions += 1 }
  }

  mutating func waited(_ duration: UInt64) {
    if interval.start >= countsFrom { interval.runQueueLatency.record(duration) }
  }

  mutating func ran(while victim: UInt32, waited row: [UInt32: UInt64]) {
    guard interval.start >= countsFrom else { return }
    for (culprit, ns) in row where ns > 0 {
      culprits[victim, default: [:]][culprit, default: 0] += ns
    }
  }

  mutating func ran(_ duration: UInt64) {
    if interval.start >= countsFrom { interval.onCPU.record(duration) }
  }

  mutating func slept(_ duration: UInt64, in state: SleepState.Kind) {
    guard interval.start >= countsFrom else { return }
    switch state {
    case .uninterruptible: interval.blockedUninterruptible.record(duration)
    case .interruptible: interval.blockedInterruptible.record(duration)
    case .neither: break
    }
  }
}

/// A state word to sleep in, and what the kernel makes of it (`include/linux/sched.h`,
/// `task_contributes_to_load`), written down by hand.
struct SleepState {
  enum Kind {
    case uninterruptible, interruptible, neither
  }

  var name: String
  var bits: UInt16
  var kind: Kind

  static let all = [
    SleepState(name: "TASK_INTERRUPTIBLE", bits: 0x0001, kind: .interruptible),
    SleepState(name: "TASK_UNINTERRUPTIBLE", bits: 0x0002, kind: .uninterruptible),
    SleepState(name: "TASK_KILLABLE", bits: 0x0102, kind: .uninterruptible),
    SleepState(name: "a vfork parent, since 6.1", bits: 0x2102, kind: .uninterruptible),
    SleepState(name: "freezable D", bits: 0x2002, kind: .uninterruptible),
    SleepState(name: "freezable S", bits: 0x2001, kind: .interruptible),
    SleepState(name: "freezable S, unsafe", bits: 0x6001, kind: .interruptible),
    SleepState(name: "TASK_IDLE", bits: 0x0402, kind: .neither),
    SleepState(name: "freezable TASK_IDLE", bits: 0x2402, kind: .neither),
    SleepState(name: "__TASK_STOPPED", bits: 0x0004, kind: .neither),
    SleepState(name: "TASK_STOPPED", bits: 0x0104, kind: .neither),
    SleepState(name: "TASK_TRACED", bits: 0x0108, kind: .neither),
    SleepState(name: "TASK_PARKED", bits: 0x0040, kind: .neither),
    SleepState(name: "TASK_FROZEN", bits: 0x8000, kind: .neither),
    SleepState(name: "TASK_FROZEN in D", bits: 0x8002, kind: .neither),
    SleepState(name: "TASK_RTLOCK_WAIT", bits: 0x1000, kind: .neither),
  ]
}
