import LoadModel
import Reports
import Testing

/// The rules on machines and loads that aren't at hand.
struct VerdictRulesTests {
  private func group(
    _ name: String, _ load: Double, _ state: String = "R", _ kind: WaitKind = .other,
    isKernelThread: Bool = false
  ) -> Verdict.Row {
    Verdict.Row(
      part: AccountPart(
        group: name, state: state, site: state == "D" ? "f" : nil, load1: load, load5: load,
        load15: load), kind: kind, isKernelThread: isKernelThread)
  }

  private func causes(_ change: (inout Verdict) -> Void) -> [String] {
    var verdict = Verdict()
    change(&verdict)
    if verdict.load1 == 0 {
      verdict.load1 = verdict.account.reduce(verdict.older) { $0 + $1.part.load1 }
    }
    if verdict.trueLoad1 == 0 { verdict.trueLoad1 = verdict.load1 }
    return verdict.parts().map(\.cause)
  }

  private func runnable(
    _ mean: Double, _ idle: [Double], forks: Double = 0, shortLives: Double = 0
  ) -> [String] {
    causes {
      $0.account = [group("a (7)", mean * 0.9)]
      ($0.runnableMean, $0.idle) = (mean, idle)
      ($0.forksPerSecond, $0.shortLives) = (forks, shortLives)
    }
  }

  @Test func runnableTasks() {
    let most = { (full: Int, of: Int) in
      (0..<of).map { $0 < full ? 0.01 : 1 }
    }
    #expect(runnable(40, most(16, 16)) == ["cpu_saturated"])
    // Two are kept free, or cpusets leave them so.
    #expect(runnable(40, most(14, 16)) == ["one_cpu"])
    #expect(runnable(3, most(1, 64)) == ["healthy"])
    #expect(runnable(5, most(1, 64)) == ["one_cpu"])
    // Bursts that leave no CPU full.
    #expect(runnable(6, [0.3, 0.35]) == ["cpu_saturated"])
    // All that run, and nobody waits: four that spin among many that don't.
    let partly = (0..<16).map { $0 < 4 ? 0.01 : 0.7 }
    #expect(runnable(7.7, partly) == ["healthy"])
    // Spinners beside a shell's loop, and a storm, on two CPUs and on many.
    #expect(runnable(6, [0, 0], forks: 350, shortLives: 0.1) == ["cpu_saturated"])
    #expect(runnable(6, [0, 0], forks: 5000, shortLives: 0.9) == ["process_storm"])
    #expect(runnable(8, most(8, 32), forks: 20000, shortLives: 4) == ["process_storm"])
  }

  @Test func tasksInD() {
    let idle = [0.95, 0.95]
    func blocked(_ kind: WaitKind, isKernelThread: Bool) -> [String] {
      causes {
        $0.account = [group("x (9)", 3, "D", kind, isKernelThread: isKernelThread)]
        $0.idle = idle
      }
    }
    #expect(blocked(.other, isKernelThread: true) == ["no_work"])
    #expect(blocked(.other, isKernelThread: false) == ["uninterruptible"])
    // What it waits for isn't seen: nothing is said about work.
    #expect(blocked(.unknown, isKernelThread: true) == ["uninterruptible"])
    #expect(blocked(.disk, isKernelThread: true) == ["disk"])
  }

  /// Those of one name and site together, as the account shows them.
  @Test func evidence() throws {
    var verdict = Verdict()
    verdict.account =
      (0..<15).map { group("dd (\($0 + 10))", 0.1, "D", .disk) } + [
        group("sync (9)", 0.2, "D", .disk)
      ]
    (verdict.load1, verdict.trueLoad1, verdict.idle) = (1.7, 1.7, [0.9, 0.9])
    verdict.disk = ("vda", 0.881)
    verdict.pressure = PressurePart(
      cpu: nil, io: .init(some: 0.42, full: 0.4), memory: .init(some: 0.2, full: 0.2))
    let part = try #require(verdict.parts().first)
    #expect(part.text == "dd (15 processes) waits for a disk." && abs(part.share - 1) < 1e-9)
    #expect(
      part.evidence == [
        "1.70 of load1 1.70 is in D for this", "dd (15 processes) in f: 1.50",
        "disk vda is busy 88 % of the time",
        "some task waited for I/O 42 % of the time (/proc/pressure)",
      ])
  }

  /// Where pages are moved about all the time, who waits for a disk waits for memory.
  @Test func shortOfMemory() {
    func cause(swaps: Double, some: Double, full: Double) -> [String] {
      causes {
        $0.account = [group("a (7)", 3, "D", .disk)]
        ($0.idle, $0.swapsPerSecond) = ([0.9, 0.9], swaps)
        $0.pressure = PressurePart(cpu: nil, io: nil, memory: .init(some: some, full: full))
      }
    }
    #expect(cause(swaps: 0, some: 0.2, full: 0.2) == ["disk"])
    #expect(cause(swaps: 600, some: 0, full: 0) == ["memory"])
    #expect(cause(swaps: 0, some: 0.4, full: 0.1) == ["memory"])
  }

  @Test func latencyOfTheWholeWatch() {
    var verdict = Verdict()
    (verdict.account, verdict.load1, verdict.trueLoad1) = ([group("a (7)", 9)], 9, 9)
    (verdict.runnableMean, verdict.idle, verdict.p99) = (9, [0, 0], 24_000_000)
    for (seconds, ending) in [(60.0, "24.00 ms"), (3600.0, "24.00 ms, over 3600 s")] {
      verdict.latencySeconds = seconds
      #expect(verdict.parts()[0].evidence.contains("run queue latency p99 \(ending)"))
    }
  }

  /// Of tasks that wait for their quota some samples meet those few that run.
  @Test func throttled() throws {
    var verdict = Verdict()
    verdict.throttled = [Verdict.Throttled(cgroup: "/a", load1: 2, periods: 200, used: 190)]
    (verdict.account, verdict.load1, verdict.trueLoad1) = ([group("a (7)", 0.6)], 0.6, 2.6)
    (verdict.runnableMean, verdict.throttledMost, verdict.idle) = (2, 8, [0.8, 0.8])
    let part = try #require(verdict.parts().first)
    #expect(verdict.parts().map(\.cause) == ["throttled"] && part.text.contains("cgroup /a "))
    #expect(
      part.evidence == [
        "load1 would be higher by 2.00 if the kernel counted them",
        "it has used up its quota in 190 of 200 periods (cpu.stat)",
      ])
    // Beside others on one CPU, and on all.
    (verdict.runnableMean, verdict.idle) = (12, [0, 0.9])
    #expect(verdict.parts().map(\.cause).contains("one_cpu"))
    verdict.idle = [0, 0]
    (verdict.runnableMean, verdict.load1) = (9, 6)
    (verdict.account, verdict.trueLoad1) = ([group("b (8)", 6)], 6)
    #expect(verdict.parts().map(\.cause) == ["cpu_saturated", "throttled"])
  }

  /// A million tasks is a load; more than there can be ids is none.
  @Test func overflow() {
    #expect(causes { $0.account = [group("n (1)", 1_000_000, "D")] } == ["uninterruptible"])
    #expect(causes { $0.load1 = 4_294_967_000 } == ["overflow"])
  }

  /// What is older hides no bursts.
  @Test func aliasing() {
    let found = causes {
      ($0.older, $0.load1, $0.trueLoad1) = (6, 9, 6.5)
      $0.account = [group("b (5)", 3)]
      $0.idle = [0.9, 0.9]
    }
    #expect(found == ["aliasing", "older"])
  }

  /// What tasks seem to do whose records are lost is no ground to judge.
  @Test(arguments: [(0.01, "cpu_saturated"), (0.9, "cannot_tell")])
  func lostRecords(lost: Double, cause: String) {
    let found = causes {
      $0.account = [group("b (5)", 9)]
      ($0.runnableMean, $0.idle, $0.lost) = (9, [0, 0], lost)
    }
    #expect(found == [cause])
  }

  @Test func names() {
    var verdict = Verdict()
    verdict.account = (0..<3).map { group("(sd-pam) (\($0 + 10))", 1, "D", .disk) }
    (verdict.load1, verdict.trueLoad1, verdict.idle) = (3, 3, [1, 1])
    #expect(verdict.parts().first?.text.hasPrefix("(sd-pam) (3 processes) waits") == true)
  }
}
