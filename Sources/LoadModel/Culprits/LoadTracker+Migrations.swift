import Records

extension LoadTracker {
  /// The part of a wait on a CPU that the task was migrated from.
  struct Migration {
    /// Negative where it isn't known.
    var cpu: Int
    /// By the clock of that CPU's run queue.
    var at: UInt64
    /// How much of the wait was over by then; ns.
    var waited: UInt64
  }

  /// What a wait has had on other CPUs after this many migrations is charged to nobody by name.
  private static let mostMigrations = 64
  private static let mostTasks = 1 << 16

  /// A task was migrated while it waited.
  mutating func migrated(_ event: sonde_migrate) {
    guard let slot = tasks.find(event.header.tid), tasks[slot].hasBaseline,
      tasks[slot].phase != .running, running.indices.contains(Int(event.header.aux))
    else { return }
    let waited = event.run_delay &- tasks[slot].runDelay
    if !tasks[slot].wasMigrated { migrations[event.header.tid] = nil }
    tasks[slot].wasMigrated = true
    let known = migrations[event.header.tid] ?? []
    guard waited > known.last?.waited ?? 0,
      isPossible(slot, 0, waited: waited, at: event.clock),
      !tasks[slot].isSleep(waited, until: event.clock),
      migrations.count < Self.mostTasks || !known.isEmpty
    else { return }
    let isOneOfMany = known.count > Self.mostMigrations
    let migration = Migration(
      cpu: isOneOfMany ? -1 : Int(event.header.aux), at: event.clock, waited: waited)
    if isOneOfMany { migrations[event.header.tid]?.removeLast() }
    migrations[event.header.tid, default: []].append(migration)
  }

  /// Of a wait that has ended, charges the parts spent on other CPUs.
  ///
  /// - Returns: the part spent on the CPU that it got.
  mutating func chargeMigrations(_ slot: TaskTable.Slot, waited: UInt64) -> UInt64 {
    var charged: UInt64 = 0
    for migration in migrations[tasks[slot].tid] ?? []
    where migration.waited <= waited && migration.waited > charged {
      let part = migration.waited - charged
      if migration.cpu < 0 {
        culprits.chargeUnknown(tasks[slot].party, waited: part)
      } else {
        culprits.charge(tasks[slot], waited: part, for: migration.cpu, until: migration.at)
      }
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
