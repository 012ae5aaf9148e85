import Histograms
import LoadModel
import Records
import Tasks
import Testing

/// Tasks that come and go, and ids that are used again.
struct LifeTests {
  @Test func aNewTaskWaitsFromItsWakeup() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 10, 7)
    script.survey(at: 40, [.queued(7, since: 30, pcount: 0)])
    let waiting = script.close(at: 40)
    #expect(waiting.runnable.now == 1 && waiting.runnable.total == 10)
    script.switched(at: 60, to: Script.next(7, pcount: 1, runDelay: 30))
    script.switched(at: 70, from: 7, 0x80)
    let gone = script.close(at: 80)
    #expect(gone.runnable.now == 0 && gone.runnable.total == 30)
    #expect(gone.runQueueLatency.sum == 30 && gone.onCPU.sum == 10)
    #expect(script.tracker.taskCount == 0)
  }

  /// A task that is killed while it is in D: woken, it runs to its end.
  @Test(arguments: [false, true]) func deathOfASleeper(arrivalIsLost: Bool) {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 5, 7)
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, 0x0102)
    if !arrivalIsLost { script.switched(at: 60, to: Script.next(7, pcount: 2, runDelay: 10)) }
    script.switched(at: 70, from: 7, 0x80, flags: arrivalIsLost ? SONDE_SWITCH_GAP : nil)
    let interval = script.close(at: 100)
    #expect(interval.uninterruptible.now == 0 && interval.longest == nil)
    #expect(interval.blockedUninterruptible.sum == (arrivalIsLost ? 0 : 30))
    #expect(script.tracker.taskCount == 0)
  }

  /// End and birth were told.
  @Test func anIdUsedAgain() {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 2))
    script.switched(at: 20, from: 7, 0x80)
    script.told(SONDE_KIND_NEW_TASK, at: 30, 7)
    script.switched(at: 50, to: Script.next(7, pcount: 1, runDelay: 20), cpu: 1)
    let interval = script.close(at: 60)
    #expect(interval.runQueueLatency.count == 2 && interval.runQueueLatency.sum == 22)
    #expect(script.tracker.taskCount == 1)
  }

  /// End or birth, or both, were not told. The new one may look like the old.
  @Test(
    arguments: [(1, 20), (2, 3), (5, 1_000), (4, 500_000_000_000)] as [(UInt32, UInt64)],
    [true, false])
  func anIdUsedAgainUnseen(its: (pcount: UInt32, runDelay: UInt64), birthIsTold: Bool) {
    var filter = TaskFilter()
    filter.comms = [Comm("old")]
    func play(_ filter: TaskFilter) -> LoadInterval {
      var script = Script(filter)
      script.told(SONDE_KIND_NEW_TASK, at: 1, 7, comm: "old")
      script.switched(at: 10, to: Script.next(7, pcount: 3, runDelay: 5))
      script.switched(at: 20, from: 7, 2)
      _ = script.close(at: 30)
      if birthIsTold { script.told(SONDE_KIND_NEW_TASK, at: 30_000_000, 7, comm: "new") }
      let next = Script.next(7, pcount: its.pcount, runDelay: its.runDelay)
      script.switched(at: 40_000_000, to: next, cpu: 1, flags: SONDE_SWITCH_GAP)
      return script.close(at: 50_000_000)
    }
    let (old, interval) = (play(filter), play(TaskFilter()))
    // All it can have done, it did since the old one last ran.
    #expect(interval.runQueueLatency.count <= UInt64(its.pcount))
    #expect(interval.runQueueLatency.sum <= its.runDelay)
    #expect((interval.runQueueLatency.max ?? 0) < 50_000_000)
    #expect(interval.runnable.now == 1 && interval.uninterruptible.now == 0)
    if birthIsTold || its.pcount <= 3 || its.runDelay > 50_000_000 {
      #expect(old.runnable.now == 0, "the name went with the old one")
    }
  }

  /// It is given a CPU whose clock is behind that of the CPU where it was created.
  @Test func anArrivalBeforeTheBirth() {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 3))
    script.told(SONDE_KIND_NEW_TASK, at: 12, 7, comm: "seven", cpu: 1)
    script.switched(at: 20, from: 7, 2)
    script.switched(at: 40, to: Script.next(7, pcount: 2, runDelay: 8))
    script.switched(at: 50, from: 7, 2)
    let interval = script.close(at: 60)
    #expect(interval.runQueueLatency.count == 2 && interval.runQueueLatency.sum == 8)
    #expect(interval.blockedUninterruptible.sum == 15 && interval.onCPU.sum == 20)
    #expect(interval.longest?.comm.text == "seven")
  }

  /// Its end was lost. It stays for two surveys that don't see it: one may have missed it as it
  /// took another id.
  @Test func tasksThatSurveysDoNotSee() {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, 2)
    script.survey(at: 30, [.asleep(7, 2, since: 20), .asleep(8, 2, since: 25)])
    #expect(script.close(at: 31).uninterruptible.now == 2)
    script.survey(at: 40, [.asleep(8, 2, since: 25)])
    #expect(script.close(at: 41).uninterruptible.now == 2)
    script.survey(at: 50, [.asleep(8, 2, since: 25)])
    #expect(script.close(at: 51).uninterruptible.now == 1)
    #expect(script.tracker.taskCount == 1)
    // Seen again in time, it stays.
    for time in stride(from: 60, to: 2_000, by: 2) as StrideTo<UInt64> {
      script.survey(at: time, time % 4 == 0 ? [.asleep(8, 2, since: 25)] : [])
    }
    #expect(script.tracker.taskCount == 1)
  }

  /// A zombie is still in the kernel's table, and nobody's load.
  @Test func zombies() {
    var script = Script()
    script.survey(at: 10, [.asleep(7, 0x80, since: 5)])
    #expect(script.tracker.taskCount == 0)
  }

  /// Whatever number of tasks there was, only the living stay: ids from the whole range.
  @Test func aMillionForks() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 0, 1)
    var waits: UInt64 = 0
    for number in 0..<1_000_000 as Range<UInt64> {
      let tid = UInt32(2 + number * 37 % 4_194_302)
      let time = 100 * number
      script.told(SONDE_KIND_NEW_TASK, at: time, tid)
      script.switched(at: time + 10, to: Script.next(tid, pcount: 1, runDelay: number % 10))
      script.switched(at: time + 20, from: tid, 0x80)
      waits += number % 10
      if number % 100_000 == 0 { #expect(script.tracker.taskCount == 1) }
    }
    let interval = script.close(at: 100_000_000)
    #expect(script.tracker.taskCount == 1)
    #expect(interval.runQueueLatency.count == 1_000_000 && interval.runQueueLatency.sum == waits)
    #expect(interval.onCPU.sum == 10_000_000 && interval.runnable.now == 0)
    #expect(interval.switches == 2_000_000)
  }
}

/// A thread that is not the leader calls execve and takes the leader's id.
struct ExecTests {
  /// Thread 11 of process 10; the leader has ended, its last switch told.
  private static func script(_ filter: TaskFilter = TaskFilter()) -> Script {
    var script = Script(filter)
    script.told(SONDE_KIND_NEW_TASK, at: 1, 10, comm: "old")
    script.told(SONDE_KIND_NEW_TASK, at: 2, 11, of: 10, comm: "old")
    script.switched(at: 10, to: Script.next(11, pcount: 1, runDelay: 4))
    script.switched(at: 10, to: Script.next(10, pcount: 1, runDelay: 0), cpu: 1)
    script.switched(at: 20, from: 10, 0x80, cpu: 1)
    return script
  }

  /// - Parameter sleeps: whether it sleeps in execve, under its new id, before that is told.
  @Test(arguments: [false, true], [false, true]) func itsAccountGoesOn(
    sleeps: Bool, isRenamedFirst: Bool
  ) {
    var script = Self.script()
    if isRenamedFirst { script.told(SONDE_KIND_RENAME, at: 30, 10, comm: "new") }
    if sleeps {
      script.switched(at: 40, from: 10, 2)
      script.switched(at: 80, to: Script.next(10, pcount: 2, runDelay: 14), cpu: 1)
    }
    let cpu = sleeps ? 1 : 0
    script.told(SONDE_KIND_EXEC, at: 90, 10, comm: "new", oldTid: 11, cpu: cpu)
    #expect(script.tracker.taskCount == 1)
    let runDelay: UInt64 = sleeps ? 14 : 4
    script.switched(at: 100, from: 10, 2, cpu: cpu)
    script.switched(
      at: 150, to: Script.next(10, pcount: sleeps ? 3 : 2, runDelay: runDelay + 20), cpu: cpu)
    let interval = script.close(at: 200)
    #expect(interval.runQueueLatency.count == (sleeps ? 4 : 3))
    #expect(interval.runQueueLatency.sum == runDelay + 20)
    #expect(interval.onCPU.sum == 10 + (sleeps ? 30 + 20 : 90))
    #expect(interval.blockedUninterruptible.sum == (sleeps ? 30 : 0) + 30)
    #expect(interval.runnable.now == 1 && interval.uninterruptible.now == 0)
    #expect(interval.uninterruptible.total == (sleeps ? 60 : 30))
    #expect(interval.runnable.total == 10 + 94 + 70 - (sleeps ? 30 : 0))
  }

  /// The leader's last switch comes after it gave its id away.
  @Test(arguments: [false, true]) func aLeaderInItsLastBreath(threadIsFirst: Bool) {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 10, comm: "old")
    script.told(SONDE_KIND_NEW_TASK, at: 2, 11, of: 10, comm: "old")
    script.switched(at: 10, to: Script.next(11, pcount: 1, runDelay: 4))
    script.switched(at: 10, to: Script.next(10, pcount: 1, runDelay: 0), cpu: 1)
    // They are 10 and 11 now.
    if threadIsFirst { script.switched(at: 20, from: 10, 2) }
    script.switched(at: 30, from: 11, 0x80, cpu: 1)
    if !threadIsFirst { script.switched(at: 40, from: 10, 2) }
    script.switched(at: 80, to: Script.next(10, pcount: 2, runDelay: 14))
    script.told(SONDE_KIND_EXEC, at: 90, 10, comm: "new", oldTid: 11)
    let interval = script.close(at: 100)
    #expect(interval.runQueueLatency.count == 3 && interval.runQueueLatency.sum == 14)
    #expect(interval.onCPU.count == 2 && interval.onCPU.sum == (threadIsFirst ? 10 : 30) + 20)
    #expect(interval.blockedUninterruptible.sum == (threadIsFirst ? 50 : 30))
    #expect(interval.runnable.now == 1 && script.tracker.taskCount == 1)
  }

  /// One of which only switches were told: not who it is.
  @Test func ofAnUnknownProcess() {
    var script = Script()
    script.switched(at: 10, to: Script.next(11, pcount: 5, runDelay: 70))
    script.switched(at: 30, from: 10, 2)
    #expect(script.close(at: 40).runnable.total == 20)
    script.switched(at: 50, to: Script.next(10, pcount: 6, runDelay: 75))
    script.told(SONDE_KIND_EXEC, at: 60, 10, oldTid: 11)
    let interval = script.close(at: 70)
    #expect(interval.runQueueLatency.sum == 5 && interval.runnable.now == 1)
    #expect(script.tracker.taskCount == 1)
  }

  /// A survey sees it under its new id before that was told, and the next one comes after its end:
  /// what it did in between is on its way and counts.
  @Test func surveysAroundIt() {
    var script = Self.script()
    script.survey(at: 25, [.running(11, since: 10, runDelay: 4)])
    script.told(SONDE_KIND_RENAME, at: 26, 11, of: 10)
    script.survey(at: 60, boundary: 30, [.asleep(10, 2, since: 55, runDelay: 4)])
    script.switched(at: 55, from: 10, 2)
    script.switched(at: 70, to: Script.next(10, pcount: 2, runDelay: 9))
    script.survey(at: 100, boundary: 80, [])
    let interval = script.close(at: 80)
    #expect(interval.runnable.now == 1 && interval.blockedUninterruptible.sum == 10)
    script.switched(at: 90, from: 10, 0x80)
    let last = script.close(at: 110)
    #expect(last.onCPU.sum == 20 && last.runnable.now == 0)
    #expect(script.tracker.taskCount == 0)
  }

  /// The switch under the new id was lost, or all there is is the record of execve.
  @Test func whereSwitchesWereLost() {
    var script = Self.script()
    script.switched(at: 80, from: 12, 1, to: Script.next(13, pcount: 1), flags: SONDE_SWITCH_GAP)
    script.told(SONDE_KIND_EXEC, at: 90, 10, comm: "new", oldTid: 11, cpu: 1)
    script.switched(at: 120, from: 10, 1, cpu: 1, flags: SONDE_SWITCH_GAP)
    script.switched(at: 150, to: Script.next(10, pcount: 5, runDelay: 24), cpu: 1)
    let interval = script.close(at: 200)
    #expect(interval.runQueueLatency.sum == 24 && interval.runQueueLatency.count == 1 + 1 + 4 + 1)
    #expect(interval.runnable.now == 2)
  }

  /// A leader whom a thread renames has not been taken over.
  @Test func renamingTheLeader() {
    var script = Self.script()
    script.told(SONDE_KIND_NEW_TASK, at: 21, 20)
    script.told(SONDE_KIND_NEW_TASK, at: 22, 21, of: 20)
    script.switched(at: 30, to: Script.next(21, pcount: 1), cpu: 1)
    script.told(SONDE_KIND_RENAME, at: 40, 20, comm: "leader", cpu: 1)
    script.switched(at: 50, from: 21, 2, to: Script.next(20, pcount: 1), cpu: 1)
    script.switched(at: 60, from: 20, 1, cpu: 1)
    let interval = script.close(at: 100)
    #expect(interval.longest?.tid == 21)
    #expect(script.tracker.taskCount == 3)
  }

  /// By its new name, and by its new id.
  @Test func filters() {
    var byName = TaskFilter()
    byName.comms = [Comm("new")]
    var byId = TaskFilter()
    byId.threads = [10]
    func play(_ filter: TaskFilter) -> LoadInterval {
      var script = Self.script(filter)
      script.told(SONDE_KIND_EXEC, at: 90, 10, comm: "new", oldTid: 11)
      script.switched(at: 100, from: 10, 2)
      return script.close(at: 200)
    }
    let (one, two) = (play(byName), play(byId))
    #expect(one.onCPU.sum == 90 && one.uninterruptible.now == 1)
    // The leader's own 10 ns before.
    #expect(two.onCPU.sum == 10 + 90 && two.uninterruptible.now == 1)
  }
}
