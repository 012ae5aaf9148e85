import LoadModel
import Records
import Tasks
import Testing

/// Load samples where the switch by which a task left its CPU was lost or never traced.
struct DoubtTests {
  /// One task, 7, that is given CPU 0 at 10, and a sample at 100 that takes it to be runnable.
  private static func sampled() -> Script {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7, comm: "seven")
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    var seen: [UInt32] = []
    script.tracker.beginSample(at: Script.start + 100) { seen.append($0.tid) }
    #expect(seen == [7])
    return script
  }

  /// Its CPU turns out to have been idle.
  @Test func leftUnseen() {
    var script = Self.sampled()
    script.switched(at: 200, to: Script.next(8, pcount: 5), flags: SONDE_SWITCH_GAP)
    #expect(script.tracker.endSample().isEmpty)
    #expect(script.tracker.doubtful.map(\.tid) == [7])
    #expect(script.tracker.doubtful.map(\.comm.text) == ["seven"])
  }

  /// Nothing is heard of its CPU at all, and the iterator doesn't show it.
  @Test func neverHeardOfAgain() {
    var script = Self.sampled()
    _ = script.tracker.endSample()
    #expect(script.tracker.doubtful.map(\.tid) == [7])
  }

  /// Two task scans have not found it: it is gone.
  @Test func goneBeforeTheSampleIsOver() {
    var script = Self.sampled()
    script.survey(at: 150, [])
    script.survey(at: 160, [])
    #expect(script.tracker.taskCount == 0)
    _ = script.tracker.endSample()
    #expect(script.tracker.doubtful.map(\.tid) == [7])
  }

  /// A task scan shows when it left.
  @Test(arguments: [90, 120] as [UInt64]) func foundAsleep(since: UInt64) {
    var script = Self.sampled()
    script.survey(at: 150, [.asleep(7, 1, since: since)])
    _ = script.tracker.endSample()
    #expect(script.tracker.doubtful.map(\.tid) == (since < 100 ? [7] : []))
  }

  @Test func foundRunning() {
    var script = Self.sampled()
    script.survey(at: 150, [.running(7, since: 10)])
    _ = script.tracker.endSample()
    #expect(script.tracker.doubtful.isEmpty)
  }

  /// It leaves by a switch that follows the one by which it came.
  @Test(arguments: [0, 1, 2, 0x80] as [UInt16]) func leftLater(state: UInt16) {
    var script = Self.sampled()
    script.switched(at: 200, from: 7, state)
    _ = script.tracker.endSample()
    #expect(script.tracker.doubtful.isEmpty)
  }

  /// It waited in the queue as the sample came, and was given a CPU later.
  @Test func waitedMeanwhile() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 50, from: 7, 0)
    script.tracker.beginSample(at: Script.start + 100) { #expect($0.tid == 7) }
    script.switched(at: 150, to: Script.next(7, pcount: 2, runDelay: 100))
    _ = script.tracker.endSample()
    #expect(script.tracker.doubtful.isEmpty)
  }

  /// A task that no record has named is named by whoever knows it.
  @Test func unnamed() {
    var script = Script()
    script.switched(at: 10, to: Script.next(9, pcount: 3))
    #expect(script.tracker.unnamed(at: Script.start + 100) == [9])
    script.tracker.name(9, tgid: 5, comm: Comm("nine"))
    #expect(script.tracker.unnamed(at: Script.start + 100).isEmpty)
    script.tracker.beginSample(at: Script.start + 100) { task in
      #expect(task.tgid == 5 && task.comm.text == "nine")
    }
  }
}
