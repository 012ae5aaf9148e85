import Records

extension LoadTracker {
  /// A part of a wait, on a CPU that the task was taken from.
  struct Move {
    var cpu: Int
    /// By the clock of that CPU's run queue.
    var at: UInt64
    /// `run_delay` by then, less what it was before the wait; ns.
    var waited: UInt64
  }

  /// A wait that is moved more often than that is charged to nobody before.
  private static let mostMoves = 64

  /// A task that waits was moved to another CPU.
  mutating func moved(_ event: sonde_moved) {
    guard let slot = tasks.find(event.header.tid), tasks[slot].hasBaseline,
      tasks[slot].phase != .running, running.indices.contains(Int(event.header.aux))
    else { return }
    let waited = event.run_delay &- tasks[slot].runDelay
    let before = moves[event.header.tid]?.last?.waited ?? 0
    guard waited > before, isPossible(slot, 0, waited: waited, at: event.clock),
      !tasks[slot].isSleep(waited, until: event.clock),
      moves[event.header.tid]?.count ?? 0 < Self.mostMoves
    else { return }
    tasks[slot].isMoved = true
    moves[event.header.tid, default: []].append(
      Move(cpu: Int(event.header.aux), at: event.clock, waited: waited))
  }

  /// Charges what the task waited for other CPUs, of a wait that has ended.
  ///
  /// - Returns: what is left of it for the CPU that it has been given.
  mutating func chargeMoved(_ slot: TaskTable.Slot, waited: UInt64) -> UInt64 {
    var charged: UInt64 = 0
    for move in moves[tasks[slot].tid] ?? [] where move.waited <= waited && move.waited > charged {
      culprits.charge(
        tasks[slot], waited: move.waited - charged, for: move.cpu, until: move.at)
      charged = move.waited
    }
    return waited - charged
  }

  mutating func forgetMoves(_ slot: TaskTable.Slot) {
    guard tasks[slot].isMoved else { return }
    moves[tasks[slot].tid] = nil
    tasks[slot].isMoved = false
  }
}
