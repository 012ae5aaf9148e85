import BPF
import Foundation
import Reports
import Support
import Testing

/// Loads of a known cause, and what `loadwatch` says of each.
@Suite(.serialized)
struct VerdictTests {
  /// The last of a watch over some samples.
  private func watched(seconds: Int = Need.inLab ? 11 : 16, _ options: String...) throws
    -> LoadSnapshot
  {
    let ended = try loadwatch(["--format", "json", "--duration", "\(seconds)s"] + options)
    #expect(ended.status == 0)
    return try #require(try ended.snapshots().last)
  }

  private func loadwatch(_ arguments: [String]) throws -> Command.Ended {
    try Command(Binaries.url("loadwatch").path, arguments).wait(seconds: 120)
  }

  /// But for what is left of the load before, which is not this load's cause.
  private func causes(_ snapshot: LoadSnapshot) -> [VerdictCause] {
    (snapshot.verdict ?? []).map(\.cause).filter { $0 != .beforeRun }
  }

  /// All parts together are what the kernel shows.
  private func addsUp(_ snapshot: LoadSnapshot) throws {
    let attribution = try #require(snapshot.attribution)
    let parts = attribution.rows.reduce(0) { $0 + $1.load1 }
    let all =
      parts + attribution.beforeRun[0] + attribution.delayed[0] + attribution.unattributed[0]
    #expect(abs(all - snapshot.load.kernel[0]) < 0.001)
    // A sample may find one task more or less awake, this tool or a worker of the kernel. An emulator's
    // CPUs count at other times than each other.
    #expect(
      abs(attribution.unattributed[0]) < (Need.inLab ? 0.5 : 0.25),
      "\(attribution.unattributed) \(snapshot.load.samples!)")
    for sample in try #require(snapshot.load.samples) {
      let active = try #require(sample.active)
      #expect(abs(Int(active) - Int(sample.seen + (sample.delayed ?? 0))) <= 2, "\(sample)")
    }
  }

  private var cpus: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// Before the kernel has taken a sample: who is active, where, and what that means.
  @Test(arguments: [
    ("spin", VerdictCause.cpuSaturated), ("vfork", .vforkParents),
  ]) func inTheFirstSecond(load: String, cause: VerdictCause) throws {
    let count = 3 * cpus + 1
    let load = try Load(load, "\(count)")
    // One second in five has a sample in it.
    for attempt in 1...6 {
      let snapshot = try watched(seconds: 1)
      guard let soFar = snapshot.soFar else {
        #expect(snapshot.attribution != nil && attempt < 6)
        continue
      }
      let rows = soFar.rows.filter { $0.process == "testload" }
      #expect(rows.reduce(0) { $0 + ($1.active ?? 0) } == count, "\(soFar)")
      #expect(abs(rows.reduce(0) { $0 + $1.load1 } - Double(count)) < 0.001)
      #expect(causes(snapshot).first == cause, "\(snapshot.verdict ?? [])")
      #expect(snapshot.verdict?.first?.confidence == .low)
      break
    }
    _ = load.stop()
  }

  @Test func spinners() throws {
    let load = try Load("spin", "\(2 * cpus + 1)")
    let snapshot = try watched()
    _ = load.stop()
    #expect(causes(snapshot).first == .cpuSaturated)
    let runnable = try #require(snapshot.attribution).rows.filter { $0.state == .runnable }
    let load1 = { (rows: [AttributionRow]) in rows.reduce(0) { $0 + $1.load1 } }
    // In an emulator there may be but one sample, with several others at work.
    #expect(
      load1(runnable.filter { $0.process == "testload" })
        > (Need.inLab ? 0.5 : 0.7) * load1(runnable), "\(runnable)")
    try addsUp(snapshot)
  }

  @Test func onePinnedCPU() throws {
    let load = try Load("spin", "\(4 + cpus / 10)", "0")
    let snapshot = try watched()
    _ = load.stop()
    #expect(causes(snapshot).first == .oneCPU)
    try addsUp(snapshot)
  }

  @Test func vforkParents() throws {
    let load = try Load("vfork", "50")
    let snapshot = try watched("--by", "comm,site")
    _ = load.stop()
    #expect(causes(snapshot).first == .vforkParents)
    let top = try #require(snapshot.attribution?.rows.first)
    #expect(top.state == .uninterruptible && top.comm == "testload" && top.wait == .vfork)
    #expect(top.site?.contains("clone") == true)
    try addsUp(snapshot)
  }

  /// More groups than are kept apart: they keep their cause and their name.
  @Test(.needs(.fastCPUs)) func veryManyParents() throws {
    let load = try Load("vfork", "1500")
    let snapshot = try watched(seconds: 11)
    _ = load.stop()
    let verdict = try #require(snapshot.verdict?.first)
    #expect(verdict.cause == .vforkParents)
    #expect(
      verdict.text == "1500 parents are blocked in vfork() until their children exec or exit.")
    let top = try #require(snapshot.attribution?.rows.first)
    #expect(top.process == "testload" && top.wait == .vfork && top.pid == nil)
    #expect((1500...1510).contains(top.count) && top.active == 1500)
    try addsUp(snapshot)
  }

  @Test func processStorm() throws {
    let load = try Load("forkstorm", "\(4 * cpus)")
    var (first, verdict): ([VerdictCause], [VerdictPart]) = ([], [])
    // In an emulator they wait for each other's locks as well, and may take too long to be short-lived.
    for _ in 0..<(Need.inLab ? 3 : 1) {
      let snapshot = try watched()
      (first, verdict) = (causes(snapshot), snapshot.verdict ?? [])
      if first.prefix(Need.inLab ? 2 : 1).contains(.processStorm) { break }
    }
    _ = load.stop()
    #expect(first.prefix(Need.inLab ? 2 : 1).contains(.processStorm), "\(verdict)")
  }

  @Test func idle() throws {
    let snapshot = try watched()
    #expect(causes(snapshot) == [.healthy])
    try addsUp(snapshot)
  }

  /// SIGSTOPped tasks don't count, however many.
  @Test func stoppedTasks() throws {
    let load = try Load("spin", "20", printsIDs: true)
    for tid in load.tids { kill(tid, SIGSTOP) }
    let snapshot = try watched(seconds: 11)
    for tid in load.tids { kill(tid, SIGCONT) }
    _ = load.stop()
    #expect(causes(snapshot) == [.healthy])
  }

  @Test func groupings() throws {
    let load = try Load("spin", "\(cpus + 1)")
    let all = [("comm", "testload"), ("user", "root"), ("state", "runnable"), ("cgroup", "/")]
    for (by, name) in Need.inLab ? [all[0]] : all {
      let snapshot = try watched(seconds: 7, "--by", by)
      let attribution = try #require(snapshot.attribution)
      let top = try #require(attribution.rows.first)
      #expect(attribution.by.map(\.rawValue) == [by])
      #expect(
        top.state == .runnable && top.label(by: attribution.by).hasPrefix(name), "\(by): \(top)")
    }
    _ = load.stop()
    let wrong = try loadwatch(["--by", "color"])
    #expect(wrong.status == 64 && wrong.errors.contains("process, thread, cgroup, container"))
    #expect(try loadwatch(["--by", "comm,site,user"]).status == 64)
  }

  /// Pairs of tasks that wake each other, one of each active at a time. Of those that sleep the kernel
  /// counts some, since 6.12.
  @Test(.needs(.fastCPUs)) func amongManySwitches() throws {
    // To attach and detach takes RCU's threads, which so many pairs leave no CPU.
    let watch = try Command(
      Binaries.url("loadwatch").path,
      ["--format", "json", "--interval", "28s", "--duration", "28s"])
    sleep(1)
    let load = try Load("pingpong", "100")
    sleep(26)
    _ = load.stop()
    let snapshot = try #require(try watch.wait(seconds: 180).snapshots().last)
    let samples = try #require(snapshot.load.samples)
    #expect(samples.count >= 3)
    let apart = samples.compactMap { sample in
      sample.active.map { Int($0) - Int(sample.seen + (sample.delayed ?? 0)) }
    }.sorted()
    try #require(apart.count >= 3, "\(samples)")
    // Without the delayed ones it would be 40 or more. Each CPU's part is counted at a tick of its own, while
    // the pairs go on: single samples are up to ten apart to either side, and where a tick came late more.
    #expect(abs(apart[apart.count / 2]) <= 10, "\(samples)")
    let tells = KernelFeatures().member("h_nr_runnable", of: "cfs_rq").isYes
    #expect(samples.contains { $0.delayed != nil } == tells)
  }

  /// Who can't drain the rings in time has an account of what was before.
  @Test(.needs(.fastCPUs)) func manyRecordsLost() throws {
    let watch = try Command(
      Binaries.url("loadwatch").path,
      ["--format", "json", "--interval", "1s", "--duration", "15s"])
    try watch.read { $0.contains("\n") }
    let load = try Load("pingpong", "8")
    kill(watch.pid, SIGSTOP)
    sleep(10)
    kill(watch.pid, SIGCONT)
    _ = load.stop()
    let snapshot = try #require(try watch.wait(seconds: 180).snapshots().last)
    #expect(snapshot.loss.ringFull > 0)
    #expect(snapshot.verdict?.map(\.cause) == [.cannotTell])
  }

  /// Of some tasks only, there is no account: the load is that of all.
  @Test func withAFilter() throws {
    let snapshot = try watched(seconds: 7, "--comm", "loadwatch")
    #expect(snapshot.attribution == nil && snapshot.verdict == nil)
  }
}
