import CSupport
import Foundation
import Reports
import Support
import Testing

/// As a user who is not root, with nothing and with just the two capabilities.
@Suite(.serialized)
struct RightsTests {
  private let scratch: Scratch
  private let tool: String

  init() throws {
    // The build folder may lie where others can't go.
    scratch = try Scratch()
    // Where BPF memory counts as locked memory (before Linux 5.11), this limit is one more right.
    sonde_limit_locked_memory(.max)
    tool = scratch.file("loadwatch")
    try FileManager.default.copyItem(atPath: Binaries.url("loadwatch").path, toPath: tool)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tool)
  }

  private func asNobody(_ capabilities: String?, _ arguments: String...) throws -> Command.Ended {
    var options = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
    if let capabilities {
      options += ["--inh-caps", capabilities, "--ambient-caps", capabilities]
    }
    return try Command("setpriv", options + [tool] + arguments).wait()
  }

  @Test func withoutCapabilities() throws {
    let ended = try asNobody(nil, "--duration", "200ms")
    #expect(ended.status == 77)
    #expect(ended.output.isEmpty)
    #expect(ended.complaint.contains("Operation not permitted"))
    #expect(ended.complaint.contains("CAP_BPF") && ended.complaint.contains("CAP_PERFMON"))
    #expect(ended.complaint.hasPrefix("could not load sched: Operation not permitted; "))
  }

  /// To record takes rights and leaves no file without; to replay takes none.
  @Test func recordings() throws {
    let folder = scratch.file("records")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
    let refused = try asNobody(nil, "record", "-o", "\(folder)/a.rec", "--duration", "1s")
    #expect(refused.status == 77 && refused.complaint.contains("Operation not permitted"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    let recorded = try loadwatch("record", "-o", "\(folder)/b.rec", "--duration", "1s")
    #expect(recorded.status == 0)
    let replayed = try asNobody(nil, "replay", "\(folder)/b.rec", "--format", "json")
    #expect(replayed.status == 0 && replayed.errors.isEmpty)
    #expect(try replayed.snapshots().last?.intervalNs == 1_000_000_000)
  }

  @Test(arguments: ["+bpf", "+perfmon"]) func withOnlyOneOfThem(_ capability: String) throws {
    let ended = try asNobody(capability, "--duration", "200ms")
    #expect(ended.status == 77)
    #expect(ended.complaint.contains("CAP_BPF") && ended.complaint.contains("CAP_PERFMON"))
  }

  @Test func withBPFAndPerfmon() throws {
    let load = try Load("spin", "1", printsIDs: true)
    let ended = try asNobody(
      "+bpf,+perfmon", "--duration", "500ms", "--format", "json", "--pid", "\(load.tids[0])")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    let final = try #require(try ended.snapshots().last)
    #expect(final.tasks.runnable.now == 1)
    #expect(final.cost.bpfNsPerSwitch == nil)
    // What it could not do is told.
    let cost = try #require(final.probes.first { $0.probe == "BPF_ENABLE_STATS" })
    #expect(cost.available == .no && cost.reason?.contains("CAP_SYS_ADMIN") == true)
    let priority = try #require(final.probes.first { $0.feature == "priority of the consumer" })
    #expect(priority.available == .no && priority.reason?.contains("CAP_SYS_NICE") == true)
    _ = load.stop()
  }

  @Test func littleLockedMemory() throws {
    sonde_limit_locked_memory(65536)
    defer { sonde_limit_locked_memory(.max) }
    let ended = try asNobody("+bpf,+perfmon", "--duration", "200ms", "--format", "json")
    // Where it doesn't count, all works.
    guard ended.status != 0 else {
      #expect(try ended.snapshots().last?.final == true)
      return
    }
    #expect(ended.status == 77)
    #expect(ended.complaint.contains("ulimit -l"))
  }

  @Test func aFileOfAnotherUser() throws {
    let ended = try asNobody("+bpf,+perfmon", "--duration", "1m", "-o", scratch.file("out.json"))
    #expect(ended.status == 1)
    #expect(ended.complaint == "can't write \(scratch.file("out.json")): Permission denied")
    #expect(scratch.names == ["loadwatch"])
  }

  // MARK: - loadwatch probes

  private let wants = [
    "tp_btf/sched_switch", "tp_btf/task_newtask", "tp_btf/task_rename",
    "tp_btf/sched_process_exec", "iter/task", "/proc/loadavg", "BPF_ENABLE_STATS",
  ]

  @Test func probesAsRoot() throws {
    let ended = try loadwatch("probes")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    for using in wants {
      let line = ended.output.split(separator: "\n").first { $0.contains(using) }
      #expect(line?.hasSuffix("yes") == true)
    }
  }

  @Test func probesAsNobody() throws {
    let ended = try asNobody(nil, "probes")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    for using in wants { #expect(ended.output.contains(using)) }
    #expect(ended.output.contains("cannot tell") || ended.output.contains("no right"))
    #expect(ended.output.contains("CAP_BPF") && ended.output.contains("CAP_PERFMON"))
  }
}
