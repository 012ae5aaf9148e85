import Records

extension LoadTracker {
  /// A task that waits was moved to another CPU: what it waited for the one that it leaves is known.
  mutating func moved(_ event: sonde_moved) {
    guard let slot = tasks.find(event.header.tid), tasks[slot].hasBaseline,
      tasks[slot].phase != .running, running.indices.contains(Int(event.header.aux)),
      event.clock >= countsFrom, tasks[slot].matches
    else { return }
    let waited = event.run_delay &- tasks[slot].runDelay
    guard waited > tasks[slot].charged, isPossible(slot, 0, waited: waited, at: event.clock),
      !tasks[slot].isSleep(waited, until: event.clock)
    else { return }
    culprits.charge(
      tasks[slot].party, in: tasks[slot].cgroup, waited: waited - tasks[slot].charged,
      for: Int(event.header.aux), until: event.clock)
    tasks[slot].charged = waited
  }
}
