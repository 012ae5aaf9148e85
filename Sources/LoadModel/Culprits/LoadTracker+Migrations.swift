import Records

extension LoadTracker {
  /// The part of a wait on a CPU that the task was migrated from.
  struct Migration {
    var cpu: Int
    /// By the clock of that CPU's run queue.
    var at: UInt64
    /// How much of the wait was over by then; ns.
    var waited: UInt64
  }

  /// Migrations beyond this many are ignored: the rest of the wait is charged as if it had all been spent on
  /// the last CPU.
  private static let mostMigrations = 64

  /// A task was migrated while it waited.
  mutating func migrated(_ event: sonde_migrate) {
    guard let slot = tasks.find(event.header.tid), tasks[slot].hasBaseline,
      tasks[slot].phase != .running, running.indices.contains(Int(event.header.aux))
    else { return }
    let waited = event.run_delay &- tasks[slot].runDelay
    let before = migrations[event.header.tid]?.last?.waited ?? 0
    guard waited > before, isPossible(slot, 0, waited: waited, at: event.clock),
      !tasks[slot].isSleep(waited, until: event.clock),
      migrations[event.header.tid]?.count ?? 0 < Self.mostMigrations
    else { return }
    tasks[slot].wasMigrated = true
    migrations[event.header.tid, default: []].append(
      Migration(cpu: Int(event.header.aux), at: event.clock, waited: waited))
  }

  /// Of a wait that has ended, charges the parts spent on other CPUs.
  ///
  /// - Returns: the part spent on the CPU that it got.
  mutating func chargeMigrations(_ slot: TaskTable.Slot, waited: UInt64) -> UInt64 {
    var charged: UInt64 = 0
    for migration in migrations[tasks[slot].tid] ?? []
    where migration.waited <= waited && migration.waited > charged {
      culprits.charge(
        tasks[slot], waited: migration.waited - charged, for: migration.cpu, until: migration.at)
      charged = migration.waited
    }
    return waited - charged
  }

  mutating func forgetMigrations(_ slot: TaskTable.Slot) {
    guard tasks[slot].wasMigrated else { return }
    migrations[tasks[slot].tid] = nil
    tasks[slot].wasMigrated = false
  }
}
