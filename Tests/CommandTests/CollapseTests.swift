import Foundation
import Proc
import Reports
import Support
import Testing

/// `cloneprof collapse` on programs that check their memory, time their forks and their waits.
@Suite(.serialized)
struct CollapseTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func collapse(_ arguments: [String]) throws -> Command.Ended {
    try Command(
      Binaries.url("cloneprof").path, ["collapse", "--format", "json"] + arguments,
      environment: ["XDG_STATE_HOME": scratch.file("state")]
    ).wait(seconds: Need.inLab ? 300 : 60)
  }

  private func report(_ ended: Command.Ended) throws -> CollapseReport {
    try JSONDecoder().decode(CollapseReport.self, from: ended.bytes)
  }

  private func huge(_ pid: Int32) throws -> UInt64 {
    try #require(try MemoryUse.of(pid: pid).anonymousHuge)
  }

  /// "before 12 after 3 longest 4 broken 0".
  private func told(_ lines: [String]) -> [String: Double] {
    let words = lines.joined(separator: " ").split(separator: " ")
    return Dictionary(
      uniqueKeysWithValues: stride(from: 0, to: words.count - 1, by: 2).map {
        (String(words[$0]), Double(words[$0 + 1]) ?? .nan)
      })
  }

  /// All that was written is still there, forks are faster, and the tool's longest pause is what the
  /// program has waited for.
  @Test(.needs(.collapse)) func whileItWrites() throws {
    var (wasPause, wasPredicted) = (false, false)
    for attempt in 1...8 {
      let load = try Load("collapsible", "256")
      let ended = try collapse(["--pid", "\(load.pid)", "--pace", "10s"])
      #expect(ended.status == 0, "\(ended.errors)")
      let report = try report(ended)
      let process = try #require(report.processes.first)
      let collapsed = process.mappings.reduce(0) { $0 + $1.collapsed }
      // khugepaged may be at it too. Beside a program that takes its mmap_lock all the time, smaps_rollup
      // may leave out what comes after a break (show_smaps_rollup()).
      var huge: UInt64 = 0
      let isHuge = eventually(seconds: 10) {
        huge = max(huge, (try? self.huge(load.pid)) ?? 0)
        return huge >= collapsed << 21
      }
      #expect(isHuge, "\(huge >> 21) of \(process.mappings)")
      // What the program writes to at that moment is refused; an emulator's moments are long.
      #expect(collapsed >= (Need.inLab ? 64 : 120), "\(process.mappings)")
      try load.begin()
      let told = told(load.stop())
      #expect(told["broken"] == 0)
      // What an emulator's forks take says nothing of a CPU's, and may be too uneven to be predicted.
      if Need.inLab {
        #expect(report.longestPauseNs != nil)
        return
      }
      let (before, after) = (try #require(told["before"]), try #require(told["after"]))
      #expect(after < before)
      let pause = Double(try #require(report.longestPauseNs))
      let waited = try #require(told["longest"])
      // Whoever takes the CPU from the program as it waits, the machine below included, does so for once.
      wasPause = wasPause || abs(pause - waited) <= 0.1 * max(pause, waited) + 50_000
      let predicted = Double(try #require(process.predictedAfter))
      wasPredicted = wasPredicted || abs(predicted - after) <= 0.2 * after + 20_000
      if wasPause, wasPredicted { return }
      #expect(
        attempt < 8,
        "pause \(pause), waited \(waited), predicted \(predicted), after \(after)")
    }
  }

  @Test(.needs(.collapse)) func dryRun() throws {
    let load = try Load("collapsible", "64")
    let ended = try collapse(["--pid", "\(load.pid)", "--dry-run"])
    #expect(ended.status == 0)
    let report = try report(ended)
    let process = report.processes[0]
    #expect(report.dryRun && process.steps == nil && process.after == nil)
    #expect(process.mappings.reduce(0) { $0 + $1.hugePages } >= 31)
    if !Need.inLab {
      #expect(try #require(process.predictedAfter) < #require(process.predictedBefore))
    }
    let told = told(load.stop())
    #expect(told["broken"] == 0)
  }

  /// Its own time and SIGINT: what was done stays, and is reported.
  @Test(.needs(.collapse)) func stopsEarly() throws {
    let load = try Load("collapsible", "64")
    let ended = try collapse(["--pid", "\(load.pid)", "--pace", "1ns"])
    #expect(ended.status == 1)
    let report = try report(ended)
    #expect(report.stopped?.contains("--pace") == true)
    let collapsed = report.processes[0].mappings.reduce(0) { $0 + $1.collapsed }
    #expect(collapsed >= 1 && collapsed < 31)
    #expect(told(load.stop())["broken"] == 0)
  }

  /// Whoever of the two is killed: what the program wrote is there, and the tool says what it has done.
  @Test(.needs(.collapse)) func whenOneIsKilled() throws {
    let load = try Load("collapsible", "512")
    func begun() throws -> Command {
      let command = try Command(
        Binaries.url("cloneprof").path,
        ["collapse", "--format", "json", "--pid", "\(load.pid)", "--pace", "10s"],
        environment: ["XDG_STATE_HOME": scratch.file("state")])
      let before = try huge(load.pid)
      #expect(eventually(seconds: 60) { (try? huge(load.pid)).map { $0 > before } ?? false })
      return command
    }
    let first = try begun()
    first.send(SIGKILL)
    #expect(try first.wait(seconds: 30).signal == SIGKILL)
    #expect(try huge(load.pid) < 512 << 20)
    let second = try begun()
    kill(load.pid, SIGKILL)
    let ended = try second.wait(seconds: 60)
    #expect(ended.status == 1, "\(ended.errors)")
    #expect(try report(ended).stopped?.contains("ended") == true)
  }

  @Test func refusals() throws {
    for (arguments, status, words) in [
      (["--pid", "0"], 64, "must be positive"), ([], 64, "--pid"),
      (["--pid", "2"], 1, "kernel thread"), (["--pid", "4194304"], 1, "no such process"),
      (["--pid", "1", "--pace", "0s"], 64, "--pace"),
    ] as [([String], Int32, String)] {
      let ended = try collapse(arguments)
      #expect(ended.status == status && ended.errors.contains(words), "\(ended.errors)")
    }
  }

  /// What a program has switched off for itself isn't to be had.
  @Test func switchedOff() throws {
    let load = try Load("collapsible", "16", "1")
    let ended = try collapse(["--pid", "\(load.pid)"])
    #expect(ended.status == 1 && ended.errors.contains("PR_SET_THP_DISABLE"), "\(ended.errors)")
  }

  /// Before 6.1 it is said what is missing.
  @Test(.needs(.noCollapse)) func olderKernels() throws {
    let load = try Load("collapsible", "16")
    let ended = try collapse(["--pid", "\(load.pid)"])
    #expect(ended.status == 69 && ended.errors.contains("6.1"), "\(ended.errors)")
  }
}
