public import Histograms
public import Tasks

/// What happened to the tasks that match, over one interval. Times in ns, on the run queue clock.
public struct LoadInterval: Sendable {
  public var start: UInt64
  public var end: UInt64
  /// Context switches, those to and from the idle task too; with a filter, those to matching tasks.
  public var switches: UInt64 = 0
  /// Of these, the switches away from a task that wanted to go on (with a filter, a matching one).
  public var preemptions: UInt64 = 0
  /// From runnable to running. The sum is the growth of the tasks' `run_delay`.
  public var runQueueLatency = Histogram()
  /// From being given a CPU to leaving it.
  public var onCPU = Histogram()
  /// From leaving the CPU in D, or in S, to being runnable again.
  public var blockedUninterruptible = Histogram()
  public var blockedInterruptible = Histogram()
  public var runnable = Occupancy()
  public var uninterruptible = Occupancy()
  /// The task that, at the end, has been in D the longest.
  public var longest: Waiter?
  /// ``runQueueLatency`` by victim and culprit.
  public var culprits = CPUWaits()
  /// What of it was under losses: then tasks are believed where they were before.
  public private(set) var lossy = Lossy()

  public init(start: UInt64, end: UInt64) {
    self.start = start
    self.end = end
  }

  /// How many tasks were in a state.
  public struct Occupancy: Sendable, Equatable {
    /// At the interval's end.
    public var now = 0
    /// Task-nanoseconds over the interval: divided by its length, the mean count.
    public var total: UInt64 = 0
    /// The largest count at any of up to some thousand instants.
    public var maximum = 0

    public init() {}
  }

  /// A task that is still waiting.
  public struct Waiter: Sendable, Equatable {
    public var tid: UInt32
    public var comm: Comm
    /// For how long by the interval's end, ns.
    public var duration: UInt64
  }

  /// Parts in which records were lost.
  public struct Lossy: Sendable, Equatable {
    /// How long they were.
    public var time: UInt64 = 0
    /// The occupancies' task-nanoseconds in them.
    public var runnable: UInt64 = 0
    public var uninterruptible: UInt64 = 0
  }

  /// Records were lost in all of it, as far as is known.
  public mutating func markLossy() {
    lossy = Lossy(
      time: end - start, runnable: runnable.total, uninterruptible: uninterruptible.total)
  }

  /// How many tasks were runnable, and in D, in the mean of the time in which nothing was lost; of all
  /// of it where there is no such time.
  public var means: (runnable: Double, uninterruptible: Double) {
    let length = end - start
    guard length > 0 else { return (0, 0) }
    // A stay that is added late may be taken back.
    func mean(_ total: UInt64, _ lossy: UInt64, _ time: UInt64) -> Double {
      Double(total - min(total, lossy)) / Double(length - time)
    }
    return lossy.time < length
      ? (
        mean(runnable.total, lossy.runnable, lossy.time),
        mean(uninterruptible.total, lossy.uninterruptible, lossy.time)
      )
      : (mean(runnable.total, 0, 0), mean(uninterruptible.total, 0, 0))
  }

  /// Adds the interval that follows this one.
  public mutating func append(_ next: LoadInterval) {
    end = next.end
    switches &+= next.switches
    preemptions &+= next.preemptions
    runQueueLatency.add(next.runQueueLatency)
    onCPU.add(next.onCPU)
    blockedUninterruptible.add(next.blockedUninterruptible)
    blockedInterruptible.add(next.blockedInterruptible)
    for occupancy in [\LoadInterval.runnable, \LoadInterval.uninterruptible] {
      let total = self[keyPath: occupancy].total &+ next[keyPath: occupancy].total
      let maximum = max(self[keyPath: occupancy].maximum, next[keyPath: occupancy].maximum)
      self[keyPath: occupancy] = next[keyPath: occupancy]
      self[keyPath: occupancy].total = total
      self[keyPath: occupancy].maximum = maximum
    }
    longest = next.longest
    culprits.append(next.culprits)
    lossy.time &+= next.lossy.time
    lossy.runnable &+= next.lossy.runnable
    lossy.uninterruptible &+= next.lossy.uninterruptible
  }
}
