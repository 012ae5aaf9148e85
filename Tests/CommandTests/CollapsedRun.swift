import Foundation
import Proc
import Reports
import Support
import Testing

/// `cloneprof collapse` on `testload collapsible`, which goes on writing to its memory, checks it, and times
/// its forks before and after and its longest wait.
struct CollapsedRun {
  let report: CollapseReport
  let told: [String: Double]

  static func run(mebibytes: Int, scratch: Scratch) throws -> CollapsedRun {
    let load = try Load("collapsible", "\(mebibytes)")
    let ended = try collapse(["--pid", "\(load.pid)", "--pace", "10s"], scratch: scratch)
    #expect(ended.status == 0, "\(ended.errors)")
    let report = try report(ended)
    let run = CollapsedRun(report: report, told: [:])
    // khugepaged may be at it too. Beside a program that takes its mmap_lock all the time, smaps_rollup
    // may leave out what comes after a break (show_smaps_rollup()).
    var huge: UInt64 = 0
    let isHuge = eventually(seconds: 10) {
      huge = max(huge, (try? anonymousHuge(load.pid)) ?? 0)
      return huge >= run.collapsed << 21
    }
    #expect(isHuge, "\(huge >> 21) of \(report.processes.map(\.mappings))")
    try load.begin()
    return CollapsedRun(report: report, told: words(load.stop()))
  }

  /// Huge pages that the tool says it made.
  var collapsed: UInt64 {
    report.processes.flatMap(\.mappings).reduce(0) { $0 + $1.collapsed }
  }

  static func collapse(_ arguments: [String], scratch: Scratch) throws -> Command.Ended {
    try Command(
      Binaries.url("cloneprof").path, ["collapse", "--format", "json"] + arguments,
      environment: ["XDG_STATE_HOME": scratch.file("state")]
    ).wait(seconds: Need.inLab ? 300 : 60)
  }

  static func report(_ ended: Command.Ended) throws -> CollapseReport {
    try JSONDecoder().decode(CollapseReport.self, from: ended.bytes)
  }

  static func anonymousHuge(_ pid: Int32) throws -> UInt64 {
    try #require(try MemoryUse.of(pid: pid).anonymousHuge)
  }

  /// "before 12 after 3 longest 4 broken 0".
  static func words(_ lines: [String]) -> [String: Double] {
    let words = lines.joined(separator: " ").split(separator: " ")
    return Dictionary(
      uniqueKeysWithValues: stride(from: 0, to: words.count - 1, by: 2).map {
        (String(words[$0]), Double(words[$0 + 1]) ?? .nan)
      })
  }
}
