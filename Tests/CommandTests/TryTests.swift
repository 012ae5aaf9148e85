import Foundation
import Reports
import Support
import Testing

/// `cloneprof try`: a program with each change, and what can't be tried.
@Suite(.serialized)
struct TryTests {
  private func attempt(_ arguments: [String]) throws -> Command.Ended {
    try Command(Binaries.url("cloneprof").path, ["try"] + arguments)
      .wait(seconds: Need.inLab ? 300 : 90)
  }

  /// A program that wants small pages has the same forks whatever is changed, and each change is there.
  @Test func eachChange() throws {
    let load = Binaries.url("testload").path
    let ended = try attempt([
      "--duration", "2s", "--format", "json", "--", load, "forks", "64", "100000", "--seconds",
      "99",
    ])
    #expect(ended.status == 0, "\(ended.errors)")
    let report = try JSONDecoder().decode(TryReport.self, from: ended.bytes)
    #expect(report.rows.map(\.change) == TryRow.Change.allCases)
    #expect(report.rows[0].clone!.count > 1 && report.rows[0].residentBytes > 60 << 20)
    #expect(report.rows.allSatisfy { $0.skipped != nil || ($0.clone?.count ?? 0) > 1 })
    #expect(report.rows.allSatisfy { $0.hugeBytes == 0 })
    #expect(report.rows.first { $0.change == .jemalloc }?.skipped?.contains("jemalloc") == true)
    // What the program says is no part of the result.
    #expect(ended.errors.contains("ready"))
  }

  /// What the program leaves behind is ended with it.
  @Test func nothingIsLeft() throws {
    let ended = try attempt([
      "--duration", "500ms", "--", "sh", "-c", "(sleep 4242 &) ; (true) & wait; sleep 0.2",
    ])
    #expect(ended.status == 0 || ended.status == 1)
    let left = try Command("pgrep", ["-f", "^sleep 4242$"]).wait()
    #expect(left.output.isEmpty)
  }

  /// Servers end their whole process group as they are told to end.
  @Test func aProgramThatEndsItsGroup() throws {
    let ended = try attempt([
      "--duration", "500ms", "--", "sh", "-c", "trap 'kill -KILL 0' TERM; while :; do (true); done",
    ])
    #expect(ended.signal == nil && ended.output.contains("as it is"), "\(ended)")
  }

  @Test func whatCannotBeTried() throws {
    for (arguments, status, words) in [
      ([], 64, "name a command"), (["--duration", "1ms", "--", "true"], 64, "at least 100ms"),
      (["--duration", "500ms", "--", "true"], 1, "did not fork"),
      (
        ["--duration", "500ms", "--comm", "nobody", "--", "sh", "-c", "(true); sleep 1"], 1,
        "nobody did not fork"
      ),
      (["--", "/nonexistent/program"], 127, "/nonexistent/program"),
      (["--format", "folded", "--", "true"], 64, "no stacks"),
    ] as [([String], Int32, String)] {
      let ended = try attempt(arguments)
      #expect(ended.status == status && ended.errors.contains(words), "\(ended.errors)")
    }
  }
}
