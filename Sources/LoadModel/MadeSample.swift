import Records

/// A load sample of which the kernel has made its averages, as a probe on `calc_global_load()` saw it.
struct MadeSample {
  /// When it was taken: `calc_load_update`.
  var jiffies: UInt64
  /// calc_load_tasks.
  var active: UInt64
  /// avenrun.
  var before: KernelLoad
  var after: KernelLoad

  /// Nil where it can't be one.
  init?(_ record: sonde_load) {
    let values = [
      record.before.0, record.before.1, record.before.2, record.after.0, record.after.1,
      record.after.2,
    ]
    guard values.allSatisfy({ $0 < 1 << 50 }), record.active < 1 << 32 else { return nil }
    jiffies = record.jiffies
    // While a CPU's count is on its way to the sum, that may be below none.
    active = UInt64(max(0, record.active))
    before = KernelLoad([values[0], values[1], values[2]])
    after = KernelLoad([values[3], values[4], values[5]])
  }
}
