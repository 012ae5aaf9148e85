import LoadModel
import Reports
import Testing

/// The rules on machines and loads that aren't at hand.
struct VerdictRulesTests {
  private func row(
    _ name: String?, _ pid: UInt32?, _ load: Double, _ wait: WaitKind? = nil,
    isKernelThread: Bool = false, count: Int = 1, active: UInt64 = 1
  ) -> AttributionRow {
    AttributionRow(
      state: wait == nil ? .runnable : .uninterruptible, process: name, pid: pid,
      site: wait == nil ? nil : "f", wait: wait, kernelThread: isKernelThread,
      folded: name == nil ? true : nil, count: count, active: active, load1: load)
  }

  private func verdict(_ change: (inout Verdict) -> Void) -> [VerdictPart] {
    var verdict = Verdict()
    change(&verdict)
    if verdict.load1 == 0 {
      verdict.load1 = verdict.rows.reduce(verdict.beforeRun) { $0 + $1.load1 }
    }
    if verdict.timeWeighted == 0 { verdict.timeWeighted = verdict.load1 }
    return verdict.parts()
  }

  private func causes(_ change: (inout Verdict) -> Void) -> [VerdictCause] {
    verdict(change).map(\.cause)
  }

  private func runnable(
    _ mean: Double, _ idle: [Double], forks: Double = 0, shortLives: Double = 0
  ) -> [VerdictCause] {
    causes {
      $0.rows = [row("a", 7, mean * 0.9)]
      ($0.runnableMean, $0.idle) = (mean, idle)
      ($0.forksPerSecond, $0.shortLives) = (forks, shortLives)
    }
  }

  @Test func runnableTasks() {
    let most = { (full: Int, of: Int) in
      (0..<of).map { $0 < full ? 0.01 : 1 }
    }
    #expect(runnable(40, most(16, 16)) == [.cpuSaturated])
    // Two are kept free, or cpusets leave them so.
    #expect(runnable(40, most(14, 16)) == [.oneCPU])
    #expect(runnable(3, most(1, 64)) == [.healthy])
    #expect(runnable(5, most(1, 64)) == [.oneCPU])
    // Bursts that leave no CPU full.
    #expect(runnable(6, [0.3, 0.35]) == [.cpuSaturated])
    // All that run, and nobody waits: four that spin among many that don't.
    let partly = (0..<16).map { $0 < 4 ? 0.01 : 0.7 }
    #expect(runnable(7.7, partly) == [.healthy])
    // Spinners beside a shell's loop, and a storm, on two CPUs and on many.
    #expect(runnable(6, [0, 0], forks: 350, shortLives: 0.1) == [.cpuSaturated])
    #expect(runnable(6, [0, 0], forks: 5000, shortLives: 0.9) == [.processStorm])
    #expect(runnable(8, most(8, 32), forks: 20000, shortLives: 4) == [.processStorm])
  }

  @Test func tasksInD() {
    let idle = [0.95, 0.95]
    func blocked(_ kind: WaitKind, isKernelThread: Bool) -> [VerdictCause] {
      causes {
        $0.rows = [row("x", 9, 3, kind, isKernelThread: isKernelThread)]
        $0.idle = idle
      }
    }
    #expect(blocked(.other, isKernelThread: true) == [.noWork])
    #expect(blocked(.other, isKernelThread: false) == [.uninterruptible])
    // What it waits for isn't seen: nothing is said about work.
    #expect(blocked(.unknown, isKernelThread: true) == [.uninterruptible])
    #expect(blocked(.disk, isKernelThread: true) == [.disk])
  }

  /// Those of one name and site together, as the attribution has them.
  @Test func evidence() throws {
    var verdict = Verdict()
    verdict.rows =
      (0..<15).map { row("dd", $0 + 10, 0.1, .disk) } + [row("sync", 9, 0.2, .disk)]
    (verdict.load1, verdict.timeWeighted, verdict.idle) = (1.7, 1.7, [0.9, 0.9])
    verdict.disks = [BusyDisk(name: "vda", share: 0.881)]
    verdict.pressure = PressurePart(
      cpu: nil, io: .init(some: 0.42, full: 0.4), memory: .init(some: 0.2, full: 0.2))
    let part = try #require(verdict.parts().first)
    #expect(part.text == "15 dd processes are blocked on disk I/O." && abs(part.share - 1) < 1e-9)
    #expect(
      part.evidence == [
        "accounts for 1.70 of load1 1.70", "dd (15 processes) in f: 1.50",
        "disk vda was busy 88 % of the time",
        "42 % of the time, at least one task was waiting for I/O (/proc/pressure)",
      ])
  }

  /// Where pages are moved about all the time, who waits for a disk waits for memory.
  @Test func shortOfMemory() {
    func cause(swaps: Double, some: Double, full: Double) -> [VerdictCause] {
      causes {
        $0.rows = [row("a", 7, 3, .disk)]
        ($0.idle, $0.swapsPerSecond) = ([0.9, 0.9], swaps)
        $0.pressure = PressurePart(cpu: nil, io: nil, memory: .init(some: some, full: full))
      }
    }
    #expect(cause(swaps: 0, some: 0.2, full: 0.2) == [.disk])
    #expect(cause(swaps: 600, some: 0, full: 0) == [.memory])
    #expect(cause(swaps: 0, some: 0.4, full: 0.1) == [.memory])
  }

  @Test func latencyOfTheWholeRun() {
    var verdict = Verdict()
    (verdict.rows, verdict.load1, verdict.timeWeighted) = ([row("a", 7, 9)], 9, 9)
    (verdict.runnableMean, verdict.idle, verdict.p99) = (9, [0, 0], 24_000_000)
    for (seconds, ending) in [(60.0, "24.00 ms"), (3600.0, "24.00 ms, over 3600 s")] {
      verdict.latencySeconds = seconds
      #expect(verdict.parts()[0].evidence.contains("run queue latency p99 \(ending)"))
    }
  }

  /// Samples that coincide with what is left of each of the quota's periods meet nobody who waits.
  @Test func throttledBetweenSamples() throws {
    var verdict = Verdict()
    (verdict.quotaMean, verdict.quotaVictim) = (3, "web (7)")
    (verdict.rows, verdict.load1, verdict.timeWeighted) = ([row("web", 7, 0.8)], 0.8, 3.8)
    (verdict.runnableMean, verdict.idle) = (0.8, [0.6, 0.6])
    let part = try #require(verdict.parts().first)
    #expect(part.cause == .throttled && part.text.hasPrefix("Tasks of web (7) are throttled"))
    #expect(
      part.evidence == [
        "3.00 tasks on average waited for quota over 60 s",
        "load1 would be 1.90 higher if the kernel counted them",
      ])
  }

  /// Of tasks that wait for their quota some samples meet those few that run.
  @Test func throttled() throws {
    var verdict = Verdict()
    verdict.throttled = [Verdict.Throttled(cgroup: "/a", load1: 2, periods: 200, used: 190)]
    (verdict.rows, verdict.load1, verdict.timeWeighted) = ([row("a", 7, 0.6)], 0.6, 2.6)
    (verdict.runnableMean, verdict.throttledMost, verdict.idle) = (2, 8, [0.8, 0.8])
    let part = try #require(verdict.parts().first)
    #expect(verdict.parts().map(\.cause) == [.throttled] && part.text.contains("cgroup /a "))
    #expect(
      part.evidence == [
        "load1 would be 2.00 higher if the kernel counted them",
        "the cgroup was throttled in 190 of 200 periods (cpu.stat)",
      ])
    // Beside others on one CPU, and on all.
    (verdict.runnableMean, verdict.idle) = (12, [0, 0.9])
    #expect(verdict.parts().map(\.cause).contains(.oneCPU))
    verdict.idle = [0, 0]
    (verdict.runnableMean, verdict.load1) = (9, 6)
    (verdict.rows, verdict.timeWeighted) = ([row("b", 8, 6)], 6)
    #expect(verdict.parts().map(\.cause) == [.cpuSaturated, .throttled])
  }

  /// A million tasks is a load; more than there can be ids is none.
  @Test func overflow() {
    #expect(causes { $0.rows = [row("n", 1, 1_000_000, .other)] } == [.uninterruptible])
    #expect(causes { $0.load1 = 4_294_967_000 } == [.overflow])
  }

  /// What is of before the run hides no bursts.
  @Test func aliasing() {
    let found = causes {
      ($0.beforeRun, $0.load1, $0.timeWeighted) = (6, 9, 6.5)
      $0.rows = [row("b", 5, 3)]
      $0.idle = [0.9, 0.9]
    }
    #expect(found == [.aliasing, .beforeRun])
  }

  /// If most of load1 comes from when the samples are taken, that is said first, whatever else the bursts do.
  @Test(arguments: [
    (1.28, [VerdictCause.aliasing, .cpuSaturated]), (1.9, [.cpuSaturated, .aliasing]),
  ])
  func aliasingFirst(mean: Double, order: [VerdictCause]) {
    let found = causes {
      $0.rows = [row("b", 5, 2.05)]
      ($0.load1, $0.timeWeighted, $0.beforeRun) = (2.87, mean, 0.8)
      ($0.runnableMean, $0.idle) = (0.9, [0.88, 0.88])
    }
    #expect(found == order)
  }

  /// Whose bursts they are is said where that explains the difference: hit now, or missed now.
  @Test(arguments: [true, false]) func aliasingOfABeat(isNow: Bool) throws {
    func part(_ load: Double, _ mean: Double) throws -> VerdictPart {
      var verdict = Verdict()
      (verdict.load1, verdict.timeWeighted) = (load, mean)
      verdict.idle = [0.9, 0.9]
      verdict.beats = [
        BeatPart(
          process: "telegraf", pid: 812, count: 1, periodNs: 10_000_000_000, burstNs: 98_000_000,
          tasks: 32, mean: 2, load1: 14, lastsNs: 122_000_000_000, everyNs: 6_255_000_000_000,
          now: isNow, begins: nil, ends: nil)
      ]
      return try #require(verdict.parts().first { $0.cause == .aliasing })
    }
    let spike = try part(9, 0.5)
    #expect(spike.text.contains("telegraf (812)") == isNow)
    #expect(spike.advice?.contains("collection_jitter") == isNow)
    #expect(
      spike.evidence.dropFirst()
        == (isNow
          ? [
            "telegraf (812) has 32.00 tasks active for 98.00 ms every 10.00 s",
            "load samples hit these bursts for 122 s at a time, once every 6255 s",
          ] : []),
      "\(spike.evidence)")
    let missed = try part(0.5, 3)
    #expect(missed.text.contains("of telegraf (812)") == !isNow)
    #expect(missed.advice == "Trust the time-weighted average.")
    // Too small to be what makes the difference.
    #expect(try !part(90, 0.5).text.contains("telegraf"))
  }

  /// What tasks seem to do whose records are lost is no ground to judge.
  @Test(arguments: [(0.01, VerdictCause.cpuSaturated), (0.9, .cannotTell)])
  func lostRecords(lost: Double, cause: VerdictCause) {
    let found = causes {
      $0.rows = [row("b", 5, 9)]
      ($0.runnableMean, $0.idle, $0.lost) = (9, [0, 0], lost)
    }
    #expect(found == [cause])
  }
}
