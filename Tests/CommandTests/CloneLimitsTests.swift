import Foundation
import Proc
import Reports
import Support
import Testing

/// Forks of tasks that are held within limits, seen from outside: cgroups, PID namespaces.
@Suite(.serialized)
struct CloneLimitsTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Forks beyond a limit, and what the watch of that process's descendants and the program itself tell.
  private func attempts(
    _ mib: String, _ count: String, within group: TestCgroup
  ) throws -> (final: CloneSnapshot, told: [String: UInt64]) {
    let load = try Load("attempts", mib, count)
    try group.take(load.pid)
    let watch = try scratch.cloneprof(["--pid", "\(load.pid)", "--follow"])
    // It is attached before it opens its file.
    #expect(eventually(seconds: 60) { scratch.isBeingWritten(by: watch.pid) })
    try load.begin()
    let told = figures(load.stop().last ?? "")
    let ended = try watch.wait(seconds: 60)
    #expect(ended.errors.contains("have exited"))
    return (try #require(scratch.snapshots(of: ended).last), told)
  }

  @Test func atTheLimitOfTasks() throws {
    let group = try TestCgroup("pids")
    try group.set("pids.max", to: "20")
    let (final, told) = try attempts("1", "50", within: group)
    // The load and its worker are two of the twenty.
    #expect(told["made"] == 18 && told["failed"] == 32 && told["error"] == UInt64(EAGAIN))
    #expect(final.calls == CallsPart(clone: 19, failed: ["EAGAIN": 32]))
    #expect(final.advice.contains { $0.kind == .limits })
  }

  /// The kernel ends some for memory; a call that is cut short by that has failed.
  @Test func atTheLimitOfMemory() throws {
    let group = try TestCgroup("memory")
    try group.set("memory.max", v1: "memory.limit_in_bytes", to: "40M")
    let (final, told) = try attempts("32", "300", within: group)
    let tried = try #require(told["tried"])
    let failed = final.calls.failed.values.reduce(0, +)
    let wasKilled = try #require(told["killed"]) == 9
    let refused = try #require(told["failed"])
    #expect(wasKilled || refused > 0)
    // It may have been ended between counting a try and making it.
    let calls = final.calls.processes + failed
    #expect(calls == tried + 1 || wasKilled && calls == tried)
    #expect(final.calls.processes >= (try #require(told["made"])) + 1)
  }

  /// Ids are the machine's: what the one who made the namespace sees.
  @Test func inAPIDNamespace() throws {
    let load = Binaries.url("testload").path
    let watch = try scratch.cloneprof([
      "--", "unshare", "--pid", "--fork", load, "forks", "4", "5", "--seconds", "60",
    ])
    let ended = try watch.wait(seconds: 60)
    let final = try #require(scratch.snapshots(of: ended).last)
    #expect(final.calls.processes == 6)
    let outer = try #require(final.slowest.first { $0.comm == "unshare" })
    let inner = final.slowest.filter { $0.comm == "testload" }
    #expect(inner.count == 5 && inner.allSatisfy { $0.pid == outer.child && $0.child > $0.pid })
  }

  @Test func fromWithinAPIDNamespace() throws {
    let tool = Binaries.url("cloneprof").path
    let ended = try Command(
      "unshare", ["--pid", "--fork", "--mount-proc", tool, "--pid", "1", "--duration", "1s"]
    ).wait()
    #expect(ended.status == 69)
    #expect(ended.complaint(of: "cloneprof").contains("PID namespace"))
    let all = try Command(
      "unshare", ["--pid", "--fork", "--mount-proc", tool, "--duration", "200ms"]
    ).wait()
    #expect(all.status == 0)
  }

  @Test func onlyOfOneName() throws {
    let other = try Load("forkstorm", "1")
    let named = try Load("forkstorm", "1", program: renamed("sonde-forker"))
    let watch = try scratch.cloneprof(["--comm", "sonde-forker", "--duration", "1s"])
    let final = try #require(scratch.snapshots(of: watch.wait(seconds: 60)).last)
    _ = other.stop()
    _ = named.stop()
    #expect(final.histograms.clone.count > 10)
    #expect(final.slowest.allSatisfy { $0.comm == "sonde-forker" })
    #expect(final.filter.comms == ["sonde-forker"])
  }

  @Test func onlyOfACgroup() throws {
    let group = try TestCgroup()
    let other = try Load("forkstorm", "1")
    let load = try Load("forkstorm", "1", tellsIds: true)
    try group.take(load.tids[0])
    let watch = try scratch.cloneprof(["--cgroup", group.path, "--duration", "1s"])
    let final = try #require(scratch.snapshots(of: watch.wait(seconds: 60)).last)
    _ = load.stop()
    _ = other.stop()
    #expect(final.histograms.clone.count > 10)
    #expect(final.slowest.allSatisfy { $0.pid == Int(load.tids[0]) })
  }

  private func renamed(_ name: String) throws -> URL {
    let copy = URL(filePath: scratch.file(name))
    try FileManager.default.copyItem(at: Binaries.url("testload"), to: copy)
    return copy
  }
}
