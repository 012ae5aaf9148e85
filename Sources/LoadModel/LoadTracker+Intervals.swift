// The end of an interval.

extension LoadTracker {
  /// Ends the interval at `end`, up to which all records were consumed, and begins the next.
  ///
  /// - Parameter clockOffset: what the run queue clock is ahead of CLOCK_MONOTONIC, ns.
  public mutating func close(at end: UInt64, clockOffset: UInt64 = 0) -> LoadInterval {
    var closing = current
    let end = max(end, closing.start)
    closing.end = end
    var alive: Set<UInt32> = []
    for slot in tasks.slots where tasks[slot].tid != 0 {
      alive.insert(tasks[slot].party)
      guard tasks[slot].matches else { continue }
      // A task scan may have shown what came after the end.
      switch tasks[slot].phase {
      case .running, .waiting:
        guard tasks[slot].runnableSince <= end else { continue }
        closing.runnable.now += 1
        runnable.add(from: tasks[slot].runnableSince, to: end)
      case .blocked where tasks[slot].sleep == .uninterruptible:
        let since = tasks[slot].since
        guard since <= end else { continue }
        closing.uninterruptible.now += 1
        uninterruptible.add(from: since, to: end)
        if closing.longest.map({ $0.duration < end - since }) ?? true {
          closing.longest = LoadInterval.Waiter(
            tid: tasks[slot].tid, comm: tasks[slot].comm, duration: end - since)
        }
      default:
        break
      }
    }
    let length = end - closing.start
    activeBefore.runnable &+= runnable.total
    activeBefore.uninterruptible &+= uninterruptible.total
    closing.runnable.total = runnable.total
    closing.runnable.maximum = max(runnable.maximum(over: length), closing.runnable.now)
    closing.uninterruptible.total = uninterruptible.total
    closing.uninterruptible.maximum = max(
      uninterruptible.maximum(over: length), closing.uninterruptible.now)
    let parties = culprits.parties
    trains.add(burstLog.stays, until: end, clockOffset: clockOffset) { parties.party($0) }
    burstLog.removeAll()
    closing.culprits = culprits.close(at: end, alive: alive)
    beginInterval(at: end)
    return closing
  }
}
