import Foundation
import Histograms
import LoadProbes
import LoadModel
import Proc
import Reports
import Session
import Support
import Testing

/// Tasks that come, go, change names and ids; intervals and filters.
@Suite(.serialized)
struct LifeTests {
  @Test func intervalsAddUpToTheWhole() throws {
    let loads = try [Load("pingpong", "2"), Load("dsleep", "10"), Load("forkstorm", "2")]
    let snapshots = try watched(seconds: 2.2, interval: 0.3)
    let final = try #require(snapshots.last)
    let intervals = snapshots.dropLast()
    #expect(intervals.count == 8)
    #expect(final.intervalNs == 2_200_000_000)
    #expect(intervals.dropLast().allSatisfy { $0.intervalNs == 300_000_000 })
    #expect(final.switches == intervals.reduce(0) { $0 + $1.switches })
    #expect(final.preemptions == intervals.reduce(0) { $0 + $1.preemptions })
    #expect(final.loss.expected == intervals.reduce(0) { $0 + $1.loss.expected })
    #expect(final.loss.delivered == intervals.reduce(0) { $0 + $1.loss.delivered })
    #expect(final.loss.untraced == intervals.reduce(0) { $0 + $1.loss.untraced })
    #expect(final.loss.pending == 0)
    #expect(
      final.loss.expected
        == final.loss.delivered + final.loss.lost)
    #expect(
      final.tasks.runnable.taskNs == intervals.reduce(0) { $0 + $1.tasks.runnable.taskNs })
    for part in [
      \HistogramsPart.runQueueLatency, \.onCPU, \.blockedInterruptible, \.blockedUninterruptible,
    ] {
      var sum = Histogram()
      for interval in intervals { sum.add(try interval.histograms[keyPath: part].histogram()) }
      #expect(sum == (try final.histograms[keyPath: part].histogram()))
      #expect(sum.count > 0)
    }
    for load in loads { _ = load.stop() }
  }

  /// Ids are used again within seconds; what is known of the dead must not reach the living.
  @Test func manyShortLives() throws {
    let load = try Load("forkstorm", "4")
    let snapshots = try watched(seconds: 5, interval: 1)
    let forks = load.stop().compactMap { line in
      line.hasPrefix("forks") ? Int(line.dropFirst(6)) : nil
    }
    #expect(forks.first ?? 0 > 1000)
    let final = try #require(snapshots.last)
    for part in [\HistogramsPart.runQueueLatency, \.onCPU] {
      #expect(final.histograms[keyPath: part].max! < 5_000_000_000)
    }
    #expect(final.loss.ringFull == 0)
    #expect(snapshots.allSatisfy { $0.tasks.runnable.now < 50 })
  }

  /// What each thread waited, through execve by a thread that is not the leader.
  @Test func threadsThatTakeTheirLeadersId() throws {
    let load = try Load("execthread")
    let final = try #require(try watched(seconds: 3, .named("exe")).last)
    let execs = try #require(load.stop().compactMap { Int($0.dropFirst("execs ".count)) }.last)
    // Each of them, named for /proc/self/exe, spins for 50 ms under its leader's id.
    #expect(execs > 20)
    #expect(final.tasks.runnable.taskNs > UInt64(execs) * 50_000_000 / 10 * 7)
    #expect(final.histograms.onCPU.sum <= final.tasks.runnable.taskNs)
    // Its leader, of the same name, may be on its way out while it is on its way in.
    #expect((1...2).contains(final.tasks.runnable.max))
  }

  @Test func aNameFullOfEscapes() throws {
    let load = try Load("renamer")
    // It renamed itself before; the iterator knows it by its new name.
    let final = try #require(try watched(seconds: 1, .named("\u{1b}[31mred\u{07}")).last)
    #expect(final.histograms.onCPU.count > 0)
    _ = load.stop()
  }

  /// A filter is about the task itself: not about who wakes it, not about its parent.
  @Test func filtersByProcess() throws {
    let mine = try Load("spin", "1", "0", printsIDs: true)
    let other = try Load("spin", "1", "0", printsIDs: true)
    var filter = TaskFilter()
    filter.processes = [UInt32(mine.tids[0])]
    let final = try #require(try watched(seconds: 2, filter).last)
    #expect(final.tasks.runnable.now == 1)
    #expect(abs(final.tasks.runnable.mean - 1) < 0.01)
    _ = other.tids
  }

  @Test func filtersByCgroup() throws {
    let mount = try #require(
      ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].first {
        FileManager.default.fileExists(atPath: "\($0)/cgroup.procs")
      })
    let path = "\(mount)/sonde-test-\(getpid())"
    try FileManager.default.createDirectory(
      atPath: "\(path)/below", withIntermediateDirectories: true)
    defer {
      unsafe rmdir("\(path)/below")
      unsafe rmdir(path)
    }
    let load = try Load("spin", "2", "0", printsIDs: true)
    for (tid, group) in zip(load.tids, [path, "\(path)/below"]) {
      try "\(tid)\n".write(toFile: "\(group)/cgroup.procs", atomically: false, encoding: .utf8)
    }
    var options = LoadOptions()
    options.session.interval = 500_000_000
    options.session.duration = 1_000_000_000
    options.cgroups = [Cgroup(path)]
    options.filter.cgroups = []
    let snapshots = try reports(options)
    #expect(snapshots.last!.tasks.runnable.now == 2)
    #expect(abs(snapshots.last!.tasks.runnable.mean - 2) < 0.01)
    _ = load.stop()
  }

  private static let cpu1 = "/sys/devices/system/cpu/cpu1/online"

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: cpu1),
      "needs a CPU that can be taken offline (CONFIG_HOTPLUG_CPU, and more than one CPU)"))
  func aCPUThatGoesAndComes() throws {
    var recording = try Recording()
    let load = try Load("spin", "4", printsIDs: true)
    defer { try? "1".write(toFile: Self.cpu1, atomically: false, encoding: .utf8) }
    for value in ["0", "1"] {
      try value.write(toFile: Self.cpu1, atomically: false, encoding: .utf8)
      recording.run(milliseconds: 700)
    }
    for tid in load.tids { kill(tid, SIGSTOP) }
    #expect(eventually { load.tids.allSatisfy { state(of: $0) == "T" } })
    let truth = try load.tids.map { try SchedStat.of(tid: $0) }
    let account = try recording.finish()
    for tid in load.tids { kill(tid, SIGCONT) }
    #expect(account.noRing == 0)
    for (tid, kernel) in zip(load.tids, truth) {
      #expect(try recording.played(thread: tid).runQueueLatency.sum == kernel.runDelay)
    }
  }
}
