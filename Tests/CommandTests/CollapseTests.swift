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
    try CollapsedRun.collapse(arguments, scratch: scratch)
  }

  private func report(_ ended: Command.Ended) throws -> CollapseReport {
    try CollapsedRun.report(ended)
  }

  private func huge(_ pid: Int32) throws -> UInt64 { try CollapsedRun.anonymousHuge(pid) }

  /// All that was written is still there, and forks are faster.
  @Test(.needs(.collapse)) func whileItWrites() throws {
    let run = try CollapsedRun.run(mebibytes: 256, scratch: scratch)
    let process = try #require(run.report.processes.first)
    // What the program writes to at that moment is refused; an emulator's moments are long.
    #expect(run.collapsed >= (Need.inLab ? 64 : 120), "\(process.mappings)")
    #expect(run.told["broken"] == 0)
    #expect(run.report.longestPauseNs != nil)
    // What an emulator's forks take says nothing of a CPU's.
    if !Need.inLab {
      #expect(try #require(process.predictedAfter) < #require(process.predictedBefore))
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
    #expect(CollapsedRun.words(load.stop())["broken"] == 0)
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
    #expect(CollapsedRun.words(load.stop())["broken"] == 0)
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
    guard !ended.bytes.isEmpty else {
      // It was khugepaged that was seen at work: the tool hadn't begun.
      let complaint = ended.complaint(of: "cloneprof")
      #expect(complaint.contains("no such process") || complaint.contains("ended"), "\(complaint)")
      return
    }
    let stopped = try report(ended).stopped
    #expect(stopped?.contains("ended") == true, "\(stopped ?? "not stopped")")
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
