public import Tasks

/// Sleeps in D by where they were, over a whole run.
public struct WaitStacks: Sendable {
  public struct Key: Sendable, Hashable {
    public var comm: Comm
    /// The kernel side's number of the stack, or one made up for it; negative for unknown.
    public var stack: Int32
  }

  public struct Sum: Sendable {
    public var count: UInt64 = 0
    public var ns: UInt64 = 0

    public init() {}
  }

  public private(set) var sums: [Key: Sum] = [:]
  /// Beyond that, those to come are put together: memory stays bounded.
  private static let most = 16384

  public init() {}

  mutating func add(_ comm: Comm, _ stack: Int32, ns: UInt64) {
    var key = Key(comm: comm, stack: stack)
    if sums.count >= Self.most, sums[key] == nil { key = Key(comm: Comm("others"), stack: -1) }
    sums[key, default: Sum()].count += 1
    sums[key]!.ns &+= ns
  }
}

extension LoadTracker {
  /// A task was in D until `time`.
  @inline(never)
  mutating func noteWait(_ slot: TaskTable.Slot, until time: UInt64) {
    let since = max(tasks[slot].since, countsFrom)
    guard tasks[slot].matches, since < time else { return }
    let (comm, stack) = (tasks[slot].comm, tasks[slot].stack)
    waitStacks?.add(comm, stack, ns: time &- min(since, time))
  }

  /// The run is over: this is how far those come that are still in D.
  public mutating func endWaits(at time: UInt64) {
    for slot in tasks.slots
    where tasks[slot].tid != 0 && tasks[slot].phase == .blocked
      && tasks[slot].sleep == .uninterruptible
    {
      noteWait(slot, until: time)
    }
  }
}
