import Histograms
import LoadModel
import Records
import Tasks
import Testing

/// The rules one by one, with figures by hand.
struct TrackerTests {
  private static let queued = SONDE_SWITCH_PREV_QUEUED

  @Test func aLifeOnTheCPU() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 5, 7, comm: "worker")
    // Woken at 8, preempted, moved to the other CPU, asleep.
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 2))
    script.switched(at: 15, from: 7, to: Script.next(8, pcount: 9), flags: Self.queued)
    script.switched(at: 22, to: Script.next(7, pcount: 2, runDelay: 9), cpu: 1)
    script.switched(at: 40, from: 7, 1, cpu: 1)
    let interval = script.close(at: 100)
    #expect(interval.switches == 4 && interval.preemptions == 1)
    #expect(interval.runQueueLatency.count == 2 && interval.runQueueLatency.sum == 2 + 7)
    #expect(interval.onCPU.count == 2 && interval.onCPU.sum == 5 + 18)
    // 7 from 8 to 40; 8 from 15 on: how long it had waited isn't known.
    #expect(interval.runnable.total == 32 + 85)
    #expect(interval.runnable.now == 1 && interval.runnable.maximum == 2)
    #expect(interval.blockedInterruptible.count == 0)
    #expect(interval.uninterruptible == LoadInterval.Occupancy() && interval.longest == nil)
  }

  /// Preempted in the kernel, prev_state reads 0x100; or asleep as far as its state goes.
  @Test(arguments: [0, 1, 2, 0x0100, 0x0402] as [UInt16]) func whoIsQueuedHasNotSlept(
    state: UInt16
  ) {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, state, flags: Self.queued)
    let interval = script.close(at: 30)
    #expect(interval.runnable.now == 1 && interval.runnable.total == 20)
    #expect(interval.preemptions == 1 && interval.uninterruptible.now == 0)
  }

  /// Sleeps that don't end are the load: they count while they last (bcc 4652).
  @Test func sleepsThatLast() {
    var script = Script()
    for tid in 1...200 as ClosedRange<UInt32> {
      script.switched(at: UInt64(tid), to: Script.next(tid, pcount: 1))
      script.switched(at: UInt64(tid), from: tid, 0x2102)
    }
    for second in 1...3 as ClosedRange<UInt64> {
      let interval = script.close(at: second * 1_000_000_000)
      #expect(interval.uninterruptible.now == 200 && interval.uninterruptible.maximum == 200)
      let missing = second == 1 ? 200 * 201 / 2 : 0 as UInt64
      #expect(interval.uninterruptible.total == 200_000_000_000 - missing)
      #expect(interval.longest?.tid == 1)
      #expect(interval.longest?.duration == second * 1_000_000_000 - 1)
      #expect(interval.blockedUninterruptible.count == 0 && interval.runnable.now == 0)
    }
  }

  /// Slot 0 is shared by the idle tasks of all CPUs (bcc 1728).
  @Test func theIdleTaskIsNoTask() {
    var script = Script()
    script.switched(at: 10)
    script.switched(at: 20, cpu: 1)
    let interval = script.close(at: 30)
    #expect(interval.switches == 2 && interval.preemptions == 0)
    #expect(interval.runQueueLatency.count == 0 && interval.onCPU.count == 0)
    #expect(script.tracker.taskCount == 0)
  }

  @Test func whatWasBeforeTheBeginningDoesNotCount() {
    var script = Script()
    script.tracker.begin(at: Script.start + 100)
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 3))
    script.switched(at: 20, from: 7, to: Script.next(8, pcount: 1), flags: Self.queued)
    script.switched(at: 110, from: 8, 2, to: Script.next(7, pcount: 2, runDelay: 93))
    let interval = script.close(at: 120)
    #expect(interval.start == Script.start + 100)
    #expect(interval.switches == 1 && interval.preemptions == 0)
    // What ends in the interval counts whole; what tasks there were, from its start.
    #expect(interval.runQueueLatency.count == 1 && interval.runQueueLatency.sum == 90)
    #expect(interval.onCPU.count == 1 && interval.onCPU.sum == 90)
    #expect(interval.runnable.total == 20 + 10 && interval.uninterruptible.total == 10)
  }

  /// Until someone begins, nothing counts; and an interval can't end before it began.
  @Test func endsThatCannotBe() {
    var tracker = LoadTracker(cpus: 1, filter: TaskFilter(), interval: 1000)
    #expect(tracker.close(at: 50).switches == 0)
    tracker.begin(at: 1000)
    let empty = tracker.close(at: 900)
    #expect(empty.start == 1000 && empty.end == 1000 && empty.runnable.total == 0)
    let next = tracker.close(at: 1100)
    #expect(next.start == 1000 && next.end == 1100)
  }

  @Test func appending() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7, comm: "seven")
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 5))
    script.switched(at: 20, from: 7, 2, to: Script.next(8, pcount: 1, runDelay: 1))
    var whole = script.close(at: 100)
    script.switched(at: 130, from: 8, 2, to: Script.next(7, pcount: 2, runDelay: 15))
    let next = script.close(at: 200)
    #expect(whole.longest?.comm.text == "seven" && next.longest?.tid == 8)
    whole.append(next)
    #expect(whole.start == Script.start && whole.end == Script.start + 200)
    #expect(whole.switches == 3)
    #expect(whole.runQueueLatency.count == 3 && whole.runQueueLatency.sum == 16)
    #expect(whole.onCPU.sum == 10 + 110)
    #expect(whole.blockedUninterruptible.sum == 100)
    // 7 from 5 to 20 and from 120, 8 from 19 to 130; that 7 was woken at 120 shows at 130 only.
    #expect(whole.runnable.total == 15 + 80 + 111)
    #expect(whole.uninterruptible.total == 100 + 70)
    #expect(whole.runnable.now == 1 && whole.uninterruptible.now == 1)
    #expect(whole.runnable.maximum == max(next.runnable.maximum, 1))
    #expect(whole.longest == next.longest)
  }

  // MARK: - Loss

  /// Where arrivals went unseen, their number and what they waited is known, not how it is spread.
  @Test func unseenArrivals() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 4))
    script.switched(at: 20, from: 7, 2)
    script.switched(at: 100, to: Script.next(7, pcount: 4, runDelay: 14), flags: SONDE_SWITCH_GAP)
    let interval = script.close(at: 200)
    #expect(interval.runQueueLatency.count == 4 && interval.runQueueLatency.sum == 14)
    #expect(interval.runQueueLatency.min == 3 && interval.runQueueLatency.max == 4)
    // How long it slept isn't.
    #expect(interval.blockedUninterruptible.count == 0 && interval.uninterruptible.total == 0)
  }

  /// It left unseen, and so did what came after: what is known is that it ran until it was last
  /// given a CPU and when it was woken again.
  @Test(arguments: [false, true]) func unseenDeparture(gapIsTold: Bool) {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 4))
    if gapIsTold { script.switched(at: 50, from: 9, 1, flags: SONDE_SWITCH_GAP) }
    script.switched(at: 100, to: Script.next(7, pcount: 2, runDelay: 9), cpu: 1)
    let interval = script.close(at: 120)
    // With the gap, it had left by then.
    #expect(interval.runnable.total == (gapIsTold ? 50 - 6 : 10 - 6) + 25)
    #expect(interval.onCPU.count == 0 && interval.runQueueLatency.sum == 9)
  }

  /// It left unseen; since it began to wait before that was noticed, it has been runnable all along.
  @Test func unseenPreemption() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 4))
    script.switched(at: 50, from: 9, 1, flags: SONDE_SWITCH_GAP)
    script.switched(at: 100, to: Script.next(7, pcount: 2, runDelay: 74), cpu: 1)
    #expect(script.close(at: 120).runnable.total == 120 - 6)
  }

  /// Where a survey finds it running again, or waiting, it is taken to have been runnable all along;
  /// where it finds it asleep, until it went to sleep.
  @Test func unseenUntilASurvey() {
    for (seen, total) in [
      (.running(7, since: 90, pcount: 3, runDelay: 10), 94),
      (.queued(7, since: 80, pcount: 1, runDelay: 4), 94),
      (.asleep(7, 2, since: 70, pcount: 2, runDelay: 5), 64),
    ] as [(sonde_task, UInt64)] {
      var script = Script()
      script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
      script.switched(at: 10, to: Script.next(7, pcount: 1, runDelay: 4))
      script.survey(at: 110, boundary: 100, [seen])
      let interval = script.close(at: 100)
      #expect(interval.runnable.total == total)
      #expect(interval.runnable.now == Int(seen.on_rq))
      #expect(interval.runQueueLatency.count == UInt64(seen.pcount))
      #expect(interval.runQueueLatency.sum == seen.run_delay)
      #expect(interval.uninterruptible.total == (seen.on_rq == 0 ? 30 : 0))
    }
  }

  /// A run queue latency of 1,311,763,801 us (bcc 4284) can't be: the task hadn't been there then.
  @Test func waitsThatCannotBe() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    let wait: UInt64 = 1_311_763_801_000
    script.switched(at: 10, to: Script.next(7, pcount: 3, runDelay: wait))
    script.switched(at: 20, from: 7, 1, to: Script.next(8, pcount: 2, runDelay: wait))
    let interval = script.close(at: 30)
    #expect(interval.runQueueLatency.count == 0)
    #expect(interval.runnable.total == 10 + 10)
  }

  /// What ran on a CPU after a gap isn't what ran there before, or was away in between.
  @Test func timeOnTheCPUAcrossAGap() {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 50, from: 7, 1, flags: SONDE_SWITCH_GAP)
    script.switched(at: 60, to: Script.next(7, pcount: 2))
    script.switched(at: 90, from: 9, 1, flags: SONDE_SWITCH_GAP)
    let interval = script.close(at: 100)
    #expect(interval.onCPU.count == 0)
    #expect(interval.runnable.now == 0)
  }
}
