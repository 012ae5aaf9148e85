import BPF
import Glibc
import Histograms
import LoadProbes
import LoadModel
import Proc
import Reports
import Session
import Support
import Testing

/// What was not seen is told, and adds up with the kernel's own counts.
@Suite(.serialized)
struct LossTests {
  /// A consumer that sleeps loses records, and knows how many.
  @Test func fullRings() throws {
    let load = try Load("pingpong", "4")
    var recording = try Recording(ringSize: Need.inLab ? 16 << 10 : 64 << 10)
    let statistics = try RunTimeStatistics()
    let before = try recording.counters()
    usleep(1_000_000)
    let after = try recording.counters()
    _ = consume statistics
    let account = try recording.finish()
    // An emulator has some thousand switches a second.
    #expect(account.ringFull > 1000)
    #expect(account.noRing == 0)
    #expect(account.records == UInt64(recording.count) + account.ringFull)
    // The kernel's count of runs, while it counted. It is read after ours.
    let seen = Double(after.records - before.records)
    #expect(abs(Double(after.runs - before.runs) - seen) <= 0.01 * seen)
    _ = load.stop()
  }

  /// Records of which some were lost still give possible durations, and the kernel's sum of waits.
  @Test func figuresUnderLoss() throws {
    var recording = try Recording(ringSize: 16 << 10)
    let load = try Load("spin", "6", "0", printsIDs: true)
    let noise = try Load("pingpong", "4")
    for _ in 0..<10 {
      usleep(200_000)
      recording.drain()
    }
    _ = noise.stop()
    recording.run(milliseconds: 300)
    for tid in load.tids { kill(tid, SIGSTOP) }
    #expect(eventually { load.tids.allSatisfy { state(of: $0) == "T" } })
    let truth = try load.tids.map { try SchedStat.of(tid: $0) }
    let account = try recording.finish()
    for tid in load.tids { kill(tid, SIGCONT) }
    #expect(account.ringFull > 0)
    for (tid, kernel) in zip(load.tids, truth) {
      let ours = try recording.played(thread: tid)
      // Never more than there was; less where the first or the last of it was lost.
      #expect(ours.runQueueLatency.sum <= kernel.runDelay)
      #expect(ours.runQueueLatency.count <= kernel.timeslices)
      #expect(ours.runQueueLatency.count > 0)
      #expect((ours.onCPU.max ?? 0) < 60_000_000_000)
      #expect((ours.runQueueLatency.max ?? 0) < 60_000_000_000)
    }
  }

  /// Every context switch of the machine is either delivered, lost or known to be untraced.
  @Test func allSwitchesAreAccountedFor() throws {
    let load = try Load("pingpong", "2")
    let sleeper = try Load("wake", "8", "500")
    var recording = try Recording()
    // The kernel's counter is read before and after ours: the truth is between.
    let bounds = {
      try (KernelCounters.contextSwitches(), recording.counters(), KernelCounters.contextSwitches())
    }
    let (forks, before) = try (KernelCounters.processes(), bounds())
    recording.run(milliseconds: 2000)
    let after = try bounds()
    let newTasks = try KernelCounters.processes() - forks
    recording.drain()
    _ = load.stop()
    _ = sleeper.stop()
    let ours = after.1.records + after.1.untraced - before.1.records - before.1.untraced
    // An untraced switch is known with the next one that is traced on that CPU.
    #expect(ours + 20 >= after.0 - before.2)
    // Some records are of new tasks and their names, and of migrations.
    #expect(ours <= after.2 - before.0 + 4 * newTasks + recording.migrations + 20)
    #expect(after.1.recursion == 0)
  }

  @Test(.needs(.stock)) func stockKernelsTraceEverySwitch() throws {
    let loads = try [Load("pingpong", "2"), Load("wake", "8", "500"), Load("spin", "4")]
    var recording = try Recording()
    recording.run(milliseconds: 3000)
    for load in loads { _ = load.stop() }
    let account = try recording.finish()
    #expect(account.untraced == 0)
    // Whoever has no CPU to drain for seconds, in an emulator, finds full rings: these are counted.
    #expect(account.records > 1000)
    #expect(account.records == UInt64(recording.count) + account.ringFull + account.noRing)
  }

  /// The consumer doesn't come for longer than an interval: what is reported of that time is marked, is in
  /// no mean, and every interval's losses add up.
  @Test func intervalsWithLosses() throws {
    let load = try Load("pingpong", "4")
    var options = LoadOptions()
    options.session.interval = 500_000_000
    options.session.duration = 5_000_000_000
    // An emulator has some thousand switches a second.
    options.ringSize = Need.inLab ? 16 << 10 : 1 << 20
    var snapshots = try reports(options) { count in
      if count == 2 { usleep(2_000_000) }
    }
    _ = load.stop()
    let last = snapshots.popLast()
    let final = try #require(last)
    var pending: UInt64 = 0
    for snapshot in snapshots {
      let loss = snapshot.loss
      #expect(
        loss.expected + pending == loss.delivered + loss.pending + loss.lost)
      pending = loss.pending
      if loss.ringFull > 0 { #expect(snapshot.tasks.reliableNs == 0) }
    }
    #expect(snapshots[2].loss.ringFull > (Need.inLab ? 500 : 10_000))
    // Also where nothing came after the losses.
    for snapshot in snapshots[2...4] { #expect(snapshot.tasks.reliableNs == 0) }
    let reliable = snapshots.filter { $0.tasks.reliableNs == nil }
    let time = reliable.reduce(0) { $0 + $1.intervalNs }
    #expect(final.tasks.reliableNs == time)
    #expect(final.loss.pending == 0)
    #expect(final.loss.ringFull == snapshots.reduce(0) { $0 + $1.loss.ringFull })
    if time > 0 {
      let sum = reliable.reduce(0) { $0 + $1.tasks.runnable.taskNs }
      #expect(abs(final.tasks.runnable.mean - Double(sum) / Double(time)) < 0.001)
    }
  }
}
