import Foundation
import Reports
import Support
import Testing

/// Loads of a known cause that take some building, and what `loadwatch` says of each first.
@Suite(.serialized)
struct ScenarioTests {
  private let scratch: Scratch
  private let cpus = ProcessInfo.processInfo.activeProcessorCount

  init() throws { scratch = try Scratch() }

  private func watched(seconds: Int = 16, _ options: String...) throws -> LoadSnapshot {
    let ended = try Command(
      Binaries.url("loadwatch").path,
      ["--format", "json", "--duration", "\(seconds)s"] + options
    ).wait(seconds: 180)
    #expect(ended.status == 0, "\(ended.errors)")
    return try #require(try ended.snapshots().last)
  }

  /// Beside six shell scripts, which end at that signal.
  private func watched(besideSix signal: Int32, _ script: (Int) -> String) throws -> LoadSnapshot {
    let writers = try (0..<6).map { try Command("sh", ["-c", script($0)]) }
    let snapshot = try watched()
    for writer in writers {
      writer.send(signal)
      _ = try writer.wait(seconds: 60)
    }
    return snapshot
  }

  /// But for what is left of the load before, which is not this load's cause.
  private func causes(_ snapshot: LoadSnapshot) -> [VerdictCause] {
    (snapshot.verdict ?? []).map(\.cause).filter { $0 != .beforeRun }
  }

  /// Tasks that may not run don't count, as much as they want to.
  @Test func throttledCgroup() throws {
    let cgroup = try TestCgroup("cpu")
    if cgroup.isUnified {
      try cgroup.set("cpu.max", to: "20000 100000")
    } else {
      try cgroup.set("cpu.cfs_quota_us", to: "20000")
    }
    let load = try Load("spin", "8", printsIDs: true)
    for tid in load.tids { try cgroup.take(tid) }
    let snapshot = try watched(seconds: 21)
    _ = load.stop()
    #expect(causes(snapshot).first == .throttled, "\(snapshot.verdict ?? [])")
    let verdict = try #require(snapshot.verdict?.first { $0.cause == .throttled })
    #expect(verdict.text.contains(cgroup.name), "\(verdict)")
    #expect(!causes(snapshot).contains(.aliasing) && !causes(snapshot).contains(.cpuSaturated))
    // Counted with the throttled ones, each sample would have eight more than the kernel's.
    let samples = try #require(snapshot.load.samples)
    // One may be at the edge of a period, told by what was a moment later.
    let apart = samples.compactMap { sample in
      sample.active.map { abs(Int($0) - Int(sample.seen)) }
    }.sorted()
    try #require(!apart.isEmpty)
    // An emulator takes milliseconds to look at all tasks.
    #expect(apart[Need.inLab ? 0 : (apart.count - 1) / 2] <= 2, "\(samples)")
  }

  @Test func frozenTasks() throws {
    let cgroup = try (try? TestCgroup("freezer")) ?? TestCgroup()
    let load = try Load("spin", "12", printsIDs: true)
    for tid in load.tids { try cgroup.take(tid) }
    try cgroup.set("cgroup.freeze", v1: "freezer.state", to: cgroup.isUnified ? "1" : "FROZEN")
    let snapshot = try watched(seconds: 11)
    try cgroup.set("cgroup.freeze", v1: "freezer.state", to: cgroup.isUnified ? "0" : "THAWED")
    _ = load.stop()
    #expect(causes(snapshot) == [.healthy], "\(snapshot.verdict ?? [])")
    #expect(snapshot.tasks.runnable.mean < 2 && snapshot.tasks.uninterruptible.mean < 2)
  }

  /// Bursts that the kernel's samples meet each time, or never.
  @Test(arguments: Need.inLab ? [true] : [true, false]) func bursts(inPhase: Bool) throws {
    let samples = try #require(try watched(seconds: 11).load.samples)
    let times = try samples.map { sample in
      try Date(
        sample.at, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)
      ).timeIntervalSince1970 * 1000
    }
    let (first, second) = (try #require(times.first), try #require(times.last))
    let period = ((second - first) / Double(times.count - 1)).rounded()
    // The bursts begin before the samples, or end before them.
    let length = inPhase ? 400 : period - 900
    let phase = (first - (inPhase ? 200 : -450)).truncatingRemainder(dividingBy: period)
    let load = try Load(
      "bursts", "6", "\(Int(phase.rounded()))", "\(Int(period))", "\(Int(length))")
    let snapshot = try watched(seconds: Need.inLab ? 22 : 41)
    _ = load.stop()
    #expect(causes(snapshot).first == .aliasing, "\(snapshot.verdict ?? []) \(snapshot.load)")
    let average = try #require(snapshot.load.timeWeighted?.first)
    let kernel = snapshot.load.kernel[0]
    #expect(inPhase ? kernel > average + 0.5 : kernel < average - 0.5, "\(kernel) \(average)")
  }

  @Test(.needs(.fuse)) func silentFileServer() throws {
    let load = try Load("fuse", "20")
    let snapshot = try watched("--by", "comm")
    _ = load.stop()
    #expect(causes(snapshot) == [.networkFileSystem], "\(snapshot.verdict ?? [])")
  }

  /// Writers of which each waits for the journal: a file system of its own on a loop device. Where that
  /// is as fast as memory, more may want a CPU at the few samples of a run.
  @Test(.needs(.loopDevices)) func journal() throws {
    let disk = try LoopDisk(at: scratch.path)
    var verdict: [VerdictPart] = []
    for _ in 0..<3 {
      let snapshot = try watched(besideSix: SIGTERM) { index in
        "trap 'kill $!; wait; exit' TERM; while :; do dd if=/dev/zero of=\(disk.place)/\(index) "
          + "bs=4k count=500 oflag=sync 2>/dev/null & wait; done"
      }
      verdict = snapshot.verdict ?? []
      #expect(causes(snapshot).contains(.journal), "\(verdict)")
      // Because of the thread that commits that disk's.
      let rows = (snapshot.blocked ?? []).filter { $0.wait == .journal }
      #expect(!rows.isEmpty)
      for row in rows {
        let commits = try #require(row.chain.first)
        #expect(
          commits.lock == .journal && commits.mount == disk.place.replacing("//", with: "/"),
          "\(row)")
        #expect(commits.comm?.hasPrefix("jbd2/loop") == true && commits.kernelThread, "\(row)")
      }
      if causes(snapshot).first == .journal { return }
    }
    Issue.record("\(verdict)")
  }

  /// A disk that is slow: writes past the cache, of which so many a second get through.
  @Test(.needs(.slowDisks)) func slowDisk() throws {
    let disk = try LoopDisk(at: scratch.path)
    let cgroup = try TestCgroup("blkio")
    try cgroup.set("blkio.throttle.write_bps_device", to: "\(disk.numbers) 400000")
    let snapshot = try watched(besideSix: SIGKILL) { index in
      "echo 0 > \(cgroup.path)/cgroup.procs; exec dd if=/dev/zero of=\(disk.place)/\(index) "
        + "bs=64k count=100 oflag=direct"
    }
    #expect(causes(snapshot).first == .disk, "\(snapshot.verdict ?? [])")
    // And whose limit it is, for which disk.
    let verdict = try #require(snapshot.verdict?.first { $0.cause == .disk })
    #expect(verdict.text.contains("I/O limit of cgroup /\(cgroup.name)"), "\(verdict)")
    #expect(
      verdict.evidence.contains {
        $0.hasPrefix("blkio.throttle.write_bps_device of /\(cgroup.name): 400000 on loop")
      },
      "\(verdict)")
  }

  /// More memory written round and round than the cgroup has, and swap for the rest.
  @Test(.needs(.loopDevices)) func swapStorm() throws {
    let swap = try SwapFile(on: LoopDisk(at: scratch.path))
    let cgroup = try TestCgroup("memory")
    try cgroup.set("memory.max", v1: "memory.limit_in_bytes", to: "40M")
    let load = try Command(
      "sh",
      [
        "-c",
        "echo 0 > \(cgroup.path)/cgroup.procs; exec \(Binaries.url("testload").path) "
          + "thrash 4 25 --seconds 60",
      ])
    let snapshot = try watched()
    load.send(SIGTERM)
    _ = try load.wait(seconds: 60)
    withExtendedLifetime(swap) {}
    #expect(causes(snapshot).first == .memory, "\(snapshot.verdict ?? [])")
    let verdict = try #require(snapshot.verdict?.first { $0.cause == .memory })
    #expect(
      verdict.text.hasSuffix("cgroup /\(cgroup.name) is close to its memory limit."), "\(verdict)")
  }

  /// Two causes, and no other.
  @Test func aMix() throws {
    let loads = [try Load("spin", "\(2 * cpus + 1)"), try Load("vfork", "\(2 * cpus + 1)")]
    let snapshot = try watched(seconds: Need.inLab ? 16 : 26)
    for load in loads { _ = load.stop() }
    #expect(Set(causes(snapshot)) == [.cpuSaturated, .vforkParents])
  }

  /// Where each sleep in D was, number and time, against the loads' own.
  @Test func stacks() throws {
    let load = try Load("vfork", "7")
    let started = try Command(
      Binaries.url("loadwatch").path,
      ["--format", "folded", "--duration", "3s", "-o", scratch.file("folded")]
    ).wait(seconds: 60)
    #expect(started.status == 0 && started.errors.isEmpty)
    let counted = try Command(
      Binaries.url("loadwatch").path, ["--format", "folded-count", "--duration", "1s"]
    ).wait(seconds: 60)
    _ = load.stop()
    func ofVfork(_ text: String) -> [(stack: String, value: UInt64)] {
      text.split(separator: "\n").compactMap { line in
        guard line.hasPrefix("testload;"), let end = line.lastIndex(of: " ") else { return nil }
        return UInt64(line[line.index(after: end)...]).map { (String(line[..<end]), $0) }
      }
    }
    let times = ofVfork(try String(contentsOfFile: scratch.file("folded"), encoding: .utf8))
    let time = times.reduce(0) { $0 + $1.value }
    // Seven, for all of the watch.
    #expect(abs(Double(time) / 21e9 - 1) < 0.01, "\(times)")
    #expect(times.allSatisfy { $0.stack.contains("clone") && !$0.stack.contains("schedule") })
    #expect(ofVfork(counted.output).reduce(0) { $0 + $1.value } == 7, "\(counted.output)")
    let wrong = try Command(Binaries.url("loadwatch").path, ["--stacks"]).wait()
    #expect(wrong.status == 64 && wrong.errors.contains("folded"))
  }
}
