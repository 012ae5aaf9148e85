import Histograms
import LoadModel
import Records
import Testing

/// Surveys, with events before, during and after them on their way.
struct SurveyTests {
  /// A tracker that knows nothing gets a survey in the middle of the stream. Nothing counts twice,
  /// and from when all that was seen has moved on, everything is exact.
  @Test(arguments: 0..<30 as Range<UInt64>, [false, true]) func inTheMiddle(
    seed: UInt64, isTorn: Bool
  ) {
    var options = Simulator.Options()
    options.execs = seed % 2 == 0
    var simulator = Simulator(seed: seed, options)
    simulator.run(steps: 1000)
    simulator.attach()
    var watched = Watched(simulator)
    var (told, truth) = watched.interval(30_000_000, surveyed: nil).pair

    let boundary = watched.simulator.now
    watched.simulator.run(steps: Int.random(in: 0...60, using: &watched.simulator.random))
    let seen =
      isTorn ? watched.simulator.tornSurvey() : watched.simulator.survey(steps: 3)
    let surveyed = watched.simulator.now
    watched.watch.survey(seen, boundary: boundary)
    let runnable = watched.simulator.present.filter { watched.simulator.tasks[$0].isRunnable }

    repeat {
      let next = watched.interval(30_000_000)
      told.append(next.told)
      truth.append(next.truth)
    } while runnable.contains(where: { watched.simulator.tasks[$0].leftAt <= surveyed })
    for (name, histogram) in LosslessTests.histograms {
      let (told, truth) = (told[keyPath: histogram], truth[keyPath: histogram])
      #expect(told.count <= truth.count && told.sum <= truth.sum, "\(name)")
    }
    // Whose process isn't known may seem to run on under the id it had before execve.
    if !options.execs { #expect(told.runnable.total <= truth.runnable.total) }
    #expect(told.preemptions <= truth.preemptions && told.switches == truth.switches)
    for _ in 0..<3 { LosslessTests.expectTrue(watched.interval(50_000_000)) }
  }

  /// The clock without interrupt time is behind: a sleep looks shorter, by that time, and no more.
  @Test(arguments: 0..<10 as Range<UInt64>) func whenItLeftIsKnownButForInterrupts(seed: UInt64) {
    var simulator = Simulator(seed: seed)
    simulator.run(steps: 2000)
    let seen = simulator.survey().map { record in
      var record = record
      let sleeps = record.on_rq == 0 && record.last_ran != 0
      if sleeps { record.last_ran = min(record.last_ran + 40_000, simulator.now) }
      return record
    }
    var watched = Watched(simulator)
    watched.watch.survey(seen, boundary: 0)
    watched.simulator.tells = true
    let both = watched.interval(200_000_000)
    let (told, truth) = (both.told.blockedUninterruptible, both.truth.blockedUninterruptible)
    #expect(told.count == truth.count && told.sum <= truth.sum)
    #expect(told.sum + 40_000 * UInt64(seen.count) >= truth.sum)
  }

  // MARK: - By hand

  /// Found asleep, it is known since when; or only that it is.
  @Test(arguments: [true, false]) func asleep(leftIsKnown: Bool) {
    var script = Script()
    var task = sonde_task.asleep(7, 0x0102, since: 0, pcount: 4, runDelay: 10)
    task.last_ran = leftIsKnown ? Script.start - 500 : 0
    script.survey(at: 10, [task])
    let asleep = script.close(at: 20)
    #expect(asleep.uninterruptible.now == 1)
    #expect(asleep.uninterruptible.total == (leftIsKnown ? 20 : 10))
    #expect(asleep.longest?.duration == (leftIsKnown ? 520 : 10))
    script.switched(at: 50, to: Script.next(7, pcount: 5, runDelay: 25))
    let awake = script.close(at: 60)
    #expect(awake.blockedUninterruptible.count == (leftIsKnown ? 1 : 0))
    #expect(awake.blockedUninterruptible.sum == (leftIsKnown ? 535 : 0))
    #expect(awake.uninterruptible.total == 15 && awake.runnable.total == 25)
    #expect(awake.runQueueLatency.sum == 15)
  }

  /// Found on a run queue; what it waited before it was moved there is no part of what it waits.
  @Test func queued() {
    var script = Script()
    script.survey(at: 30, [.queued(7, since: 20, pcount: 4, runDelay: 100)])
    #expect(script.close(at: 40).runnable.total == 20)
    script.switched(at: 50, to: Script.next(7, pcount: 5, runDelay: 130))
    let interval = script.close(at: 60)
    #expect(interval.runQueueLatency.sum == 30 && interval.runnable.total == 20)
  }

  /// Found with a CPU; its arrival was told, and comes after.
  @Test func running() {
    var script = Script()
    script.survey(at: 30, boundary: 5, [.running(7, since: 20, pcount: 4, runDelay: 100)])
    script.switched(at: 20, to: Script.next(7, pcount: 4, runDelay: 100))
    script.switched(at: 45, from: 7, 1)
    let interval = script.close(at: 60)
    #expect(interval.onCPU.count == 1 && interval.onCPU.sum == 25)
    #expect(interval.runnable.total == 25 && interval.runQueueLatency.count == 0)
  }

  /// Woken by the boundary, and seen in the queue; moved there, what it waited before is part of it.
  @Test(arguments: [0, 15] as [UInt64]) func wokenByTheBoundary(movedAfter: UInt64) {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 0))
    script.switched(at: 20, from: 7, 2)
    let seen = sonde_task.queued(
      7, since: 60 + movedAfter, pcount: 1, runDelay: movedAfter)
    script.survey(at: 120, boundary: 100, [seen])
    let interval = script.close(at: 100)
    #expect(interval.runnable.now == 1 && interval.uninterruptible.now == 0)
    #expect(interval.blockedUninterruptible.sum == 40 && interval.uninterruptible.total == 40)
    #expect(interval.runnable.total == 9 + 10 + 40 - 9)
    script.switched(at: 150, to: Script.next(7, pcount: 2, runDelay: 90))
    let next = script.close(at: 200)
    #expect(next.blockedUninterruptible.count == 0 && next.runQueueLatency.sum == 90)
    #expect(next.runnable.total == 100)
  }

  /// Woken after the boundary, it was asleep at it; woken before, it may have a CPU by now.
  @Test func wokenAroundTheBoundary() {
    var script = Script()
    for tid in [7, 8, 9] as [UInt32] {
      script.told(SONDE_KIND_NEW_TASK, at: 1, tid)
      script.switched(at: 10, to: Script.next(tid, pcount: 1))
      script.switched(at: 20, from: tid, 2)
    }
    script.survey(
      at: 130, boundary: 100,
      [
        .queued(7, since: 110), .running(8, since: 120, pcount: 2, runDelay: 30),
        .running(9, since: 120, pcount: 2, runDelay: 10),
      ])
    let interval = script.close(at: 100)
    #expect(interval.uninterruptible.now == 2 && interval.runnable.now == 1)
    #expect(interval.blockedUninterruptible.sum == 70)
  }

  /// What came to be after the boundary was not there at it.
  @Test func afterTheBoundary() {
    var script = Script()
    script.survey(
      at: 130, boundary: 100,
      [.running(7, since: 110), .asleep(8, 2, since: 120), .queued(9, since: 125)])
    let interval = script.close(at: 100)
    #expect(interval.runnable == LoadInterval.Occupancy())
    #expect(interval.uninterruptible == LoadInterval.Occupancy() && interval.longest == nil)
    let next = script.close(at: 200)
    #expect(next.runnable.now == 2 && next.uninterruptible.now == 1)
  }

  /// The kernel's stamp from before its sleep, which made it count the sleep as a wait (Linux 6.12).
  @Test(arguments: [0x0102, 1] as [UInt16]) func movedWhileItFellAsleep(state: UInt16) {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, state)
    var task = sonde_task.asleep(7, state, since: 20)
    task.last_queued = Script.start + 25
    script.survey(at: 100_000_000, [task])
    script.switched(at: 300_000_000, to: Script.next(7, pcount: 2, runDelay: 300_000_000 - 25))
    script.switched(at: 300_000_040, from: 7, 1)
    script.switched(
      at: 300_000_100, to: Script.next(7, pcount: 3, runDelay: 300_000_000 - 25 + 10))
    let interval = script.close(at: 300_000_110)
    #expect(interval.runQueueLatency.count == 2 && interval.runQueueLatency.sum == 10)
    let blocked = state == 1 ? interval.blockedInterruptible : interval.blockedUninterruptible
    #expect(blocked.sum == 300_000_000 - 20 + (state == 1 ? 50 : 0))
    #expect(interval.runnable.total == 10 + 40 + 20)
  }

  /// Before the run: that it slept by then is all that the kernel knows.
  @Test func movedBeforeTheRun() {
    var script = Script()
    var task = sonde_task.asleep(7, 0x0102, since: 0)
    (task.last_ran, task.last_queued) = (0, Script.start - 700_000_000)
    task.last_arrival = Script.start - 710_000_000
    script.survey(at: 10, boundary: 0, [task])
    let interval = script.close(at: 300_000_000)
    #expect(interval.uninterruptible.now == 1 && interval.uninterruptible.total == 300_000_000)
    #expect(interval.longest?.duration == 1_000_000_000)
    script.switched(at: 400_000_000, to: Script.next(7, pcount: 2, runDelay: 1_100_000_000))
    let next = script.close(at: 500_000_000)
    #expect(next.blockedUninterruptible.count == 0 && next.runQueueLatency.count == 0)
    #expect(next.uninterruptible.total == 100_000_000 && next.runnable.total == 100_000_000)
  }

  /// A task that has just been woken isn't one.
  @Test func stampedByAWakeup() {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, 1)
    var task = sonde_task.asleep(7, 1, since: 20)
    task.last_queued = Script.start + 90
    script.survey(at: 100, [task])
    script.switched(at: 120, to: Script.next(7, pcount: 2, runDelay: 30))
    let interval = script.close(at: 130)
    #expect(interval.runQueueLatency.count == 2 && interval.runQueueLatency.sum == 30)
    #expect(interval.blockedInterruptible.sum == 70)
  }
}
