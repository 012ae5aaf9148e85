import BPF
import Foundation
import Histograms
import LoadProbes
import LoadModel
import Proc
import Reports
import Support
import Testing

/// Tasks in D and S, against the kernel's states and the programs' own clocks.
@Suite(.serialized)
struct BlockedTests {
  /// bcc 4652: sleeps that don't end are the load, and must be seen while they last.
  @Test func vforkParentsThatStayInD() throws {
    let load = try Load("vfork", "200", printsIDs: true)
    try #require(load.tids.count == 200)
    let began = now()
    let snapshots = try watched(seconds: 2, .threads(load.tids))
    let atMost = now() - began + 1_000_000_000
    for snapshot in snapshots {
      #expect(snapshot.tasks.uninterruptible.now == 200)
      #expect(snapshot.tasks.uninterruptible.max == 200)
      #expect(abs(snapshot.tasks.uninterruptible.mean - 200) < 0.001)
    }
    let ages = snapshots.dropLast().compactMap { $0.tasks.uninterruptible.longest?.ns }
    #expect(ages.count == 4)
    for (younger, older) in zip(ages, ages.dropFirst()) {
      #expect(older - younger == 500_000_000)
    }
    #expect(ages.last! >= 2_000_000_000 && ages.last! < atMost + 2_000_000_000)
    #expect(snapshots.last?.histograms.blockedUninterruptible.count == 0)
  }

  /// 20,000 tasks in D, more than other tools' maps hold, that were all there before.
  @Test(.timeLimit(.minutes(2))) func manyTasksFromBeforeTheWatch() throws {
    let load = try Load("chain", "20000", printsIDs: true)
    var filter = TaskFilter()
    filter.processes = Set(load.tids.map { UInt32($0) })
    let inD = { (try? LoadAverage.current().tasks) ?? 0 }
    try #require(inD() > 20_000)
    let snapshots = try watched(seconds: 2, filter)
    for snapshot in snapshots {
      #expect(snapshot.tasks.uninterruptible.now == 20_000)
      #expect(snapshot.tasks.uninterruptible.max == 20_000)
    }
    #expect(snapshots.last!.loss.lost == 0)
    _ = load.stop()
  }

  /// Tasks that go into D while being watched, and how long they stay, by the program's own clock.
  @Test func timeInDByTheProgramsClock() throws {
    var recording = try Recording()
    let load = try Load("dsleep", "20")
    recording.run(milliseconds: 3000)
    let fields = try #require(load.stop().last { $0.hasPrefix("tid") }).split(separator: " ")
    let tid = try #require(Int32(fields[1]))
    let count = try #require(UInt64(fields[3]))
    let total = try #require(UInt64(fields[5]))
    _ = try recording.finish()
    let ours = try recording.played(thread: tid)
    #expect(ours.blockedUninterruptible.count == count)
    // The program's clock also holds the call's own work and the wait for a CPU.
    let inD = ours.blockedUninterruptible.sum
    #expect(inD <= total && total <= inD + ours.onCPU.sum + ours.runQueueLatency.sum)
  }

  @Test func timeInSByTheProgramsClock() throws {
    var recording = try Recording()
    let load = try Load("wake", "4", "2000")
    recording.run(milliseconds: 2000)
    let lines = load.stop().map { $0.split(separator: " ").compactMap { UInt64($0) } }
      .filter { $0.count == 3 }
    #expect(lines.count == 4)
    let account = try recording.finish()
    var missing: UInt64 = 0
    for line in lines {
      let ours = try recording.played(thread: Int32(line[0])).blockedInterruptible
      // By the kernel's count: a nap may be over before it comes to sleep.
      #expect(line[2] <= line[1] + 1 && line[2] > line[1] / 10 * 9)
      missing += line[2] - min(line[2], ours.count)
      // Besides its sleeps it may wait for a lock or for the end.
      #expect(ours.count <= line[1] + 5)
      #expect(ours.quantile(0.5)! >= 2_000_000 && ours.quantile(0.5)! < 2_500_000)
    }
    #expect(missing <= account.untraced, "only what is known to be untraced may be missing")
  }

  /// TASK_IDLE is uninterruptible and doesn't count: kernel threads that wait for work. (Rescuers,
  /// which are there for want of memory only: other workers may well be in D at times. Before 6.9
  /// they have the names of their work queues.)
  @Test func idleKernelThreadsAreNotInD() throws {
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc")
      .compactMap { Int32($0) }
      .filter { tid in
        guard let status = try? ProcessStatus.of(pid: tid) else { return false }
        return status.state == "I"
          && (status.name.hasPrefix("kworker/R")
            || !["kworker", "rcu_", "kdamond"].contains { status.name.hasPrefix($0) })
      }
    try #require(threads.count > 5)
    let final = try #require(try watched(seconds: 1, .threads(threads)).last)
    #expect(final.tasks.uninterruptible.now == 0)
    #expect(final.tasks.uninterruptible.max == 0)
    #expect(final.tasks.runnable.now == 0)
  }

  /// Tasks that are killed while they are in D. They wait for a CPU only from then on, whatever the kernel
  /// counts (see LoadTracker, `hasStaleStamp`).
  @Test func tasksThatExitWhileBlocked() throws {
    let load = try Load("dexit", "50", printsIDs: true)
    let before = try watched(seconds: 0.5, .threads(load.tids))
    #expect(before.last!.tasks.uninterruptible.now == 50)
    var took: UInt64 = 0
    let after = try watched(seconds: 2, .threads(load.tids)) { _ in
      guard took == 0 else { return }
      let killed = now()
      _ = load.stop()
      took = now() - killed
    }
    #expect(after.first!.tasks.uninterruptible.now == 50)
    #expect(after.last!.tasks.uninterruptible.now == 0)
    // By the program's clock; those of the CPUs may differ by a tick.
    let waits = after.last!.histograms.runQueueLatency
    #expect(waits.max ?? 0 <= took + 10_000_000, "\(waits), killed in \(took) ns")
    // Since Linux 6.12 the kernel loses since when a task sleeps that it moves as it falls asleep.
    let ended = after.last!.histograms.blockedUninterruptible.count
    let losesTimes = KernelFeatures().member("sched_delayed", of: "sched_entity") == .yes
    #expect(losesTimes ? (40...50).contains(ended) : ended == 50)
  }
}
