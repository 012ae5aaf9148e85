import Reports
import Testing

struct ConditionTests {
  @Test(
    arguments: [
      ("load1 > 4", true), ("load1 > 2*cpus", true), ("load1 > cpus * 3", false),
      ("load5 < 3.8", false), ("load.kernel[2] = 2.11", true),
      ("switches >= 104 and preemptions != 7", false),
      ("switches >= 104 and preemptions != 8", true),
      ("load1 > 100 or lost > 0", true), ("load1 > 100 or lost > 0 and cpus > 100", false),
      ("lost > 0 and cpus > 100 or load1 > 1", true),
      ("run_queue_latency.max > 5ms", false), ("run_queue_latency.max>=0ns", true),
      ("histograms.on_cpu.count >= 1", true), ("on_cpu.p99 > 1h", false),
      // Empty: it has no percentiles.
      ("blocked_interruptible.p99 > 0", false), ("blocked_interruptible.p99 <= 0", false),
      ("uninterruptible = 2", true), ("uninterruptible.max = 3", true), ("runnable > 450%", false),
      ("runnable >= 450%", true), ("resident_bytes > 20M", true), ("verdict = disk", true),
      ("verdict != disk", false), ("verdict = memory", false),
    ])
  func holds(text: String, expected: Bool) throws {
    let condition = try Condition<LoadSnapshot>(text)
    #expect(condition.holds(sample().complete()) == expected)
  }

  @Test func ofClones() throws {
    #expect(try Condition<CloneSnapshot>("clone.max > 100ms").holds(CloneFormTests.sample()))
    #expect(
      !(try Condition<CloneSnapshot>("clone3 > 4 or fork = 0").holds(CloneFormTests.sample())))
  }

  @Test(
    arguments: [
      ("", "unexpected end"), ("load1", "at the end"), ("load1 >", "unexpected end"),
      ("load1 > 3 4", "unexpected '4'"), ("load1 > 3 and", "unexpected end"),
      ("nonsense > 3", "valid names: load1, load5,"), ("now > 3", "unknown figure 'now'"),
      ("load1 > 3x", "'3x' is not a number"), ("load1 ~ 3", "expected one of"),
      ("verdict > disk", "takes only = and !="), ("verdict = dosk", "cpu_saturated, one_cpu"),
      ("load1 > 2cpus", "'2cpus' is not a number"), ("> 3", "unknown figure"),
    ])
  func refused(text: String, reason: String) {
    let error = #expect(throws: ConditionError.self) { try Condition<LoadSnapshot>(text) }
    #expect(error?.description.hasPrefix("\"\(text)\": ") == true)
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  /// Every name that is listed can be used.
  @Test func allNamesAreNames() throws {
    for name in LoadSnapshot.figureNames {
      _ = try Condition<LoadSnapshot>("\(name) > 0")
    }
    for name in CloneSnapshot.figureNames { _ = try Condition<CloneSnapshot>("\(name) > 0") }
    #expect(LoadSnapshot.figureNames.count > 50)
  }
}
