import Foundation
import Reports
import Support
import Testing

/// `record`, `replay` and `info`, as a user runs them.
@Suite(.serialized)
struct RecordTests {
  private let scratch: Scratch
  private let rec: String

  init() throws {
    scratch = try Scratch()
    rec = scratch.file("a.rec")
  }

  private func record(_ arguments: String...) throws -> Command.Ended {
    try loadwatch(
      arguments: ["record", "-o", rec] + arguments, seconds: 60)
  }

  private func replay(_ arguments: String..., of file: String? = nil) throws -> [LoadSnapshot] {
    let ended = try loadwatch(
      arguments: ["replay", file ?? rec, "--format", "json"] + arguments, seconds: 60)
    #expect(ended.status == 0, "\(ended.errors)")
    return try ended.snapshots()
  }

  /// What is replayed holds against the programs' own count, whatever the filter and the interval.
  @Test func ofOneProcess() throws {
    let load = try Load("pingpong", "1", printsIDs: true)
    let tid = load.tids[0]
    #expect(try record("--duration", "4s", "--interval", "500ms").status == 0)
    _ = load.stop()
    let all = try replay()
    #expect(all.count == 9 && all.last?.intervalNs == 4_000_000_000)
    // What `info` says against the kernel side's own count, and the file.
    let info = try loadwatch("info", rec).output
    let events = try #require(info.firstMatch(of: /events +([0-9,]+)/)).output.1
    #expect(UInt64(events.filter { $0 != "," }) == all.last?.loss.delivered)
    let bytes = try #require(FileManager.default.attributesOfItem(atPath: rec)[.size] as? Int)
    let perEvent = try #require(info.firstMatch(of: /([0-9.]+) bytes per event/)).output.1
    let expected = Double(bytes) / Double(all.last!.loss.delivered)
    #expect(abs(try #require(Double(perEvent)) - expected) <= 0.051)
    let one = try replay("--pid", "\(tid)")
    let total = try #require(one.last)
    #expect(total.filter.pids == [Int(tid)] && total.switches > 100)
    #expect(total.switches < all.last!.switches)
    let named = try #require(try replay("--comm", "testload").last)
    #expect(named.histograms.onCPU.count >= total.histograms.onCPU.count)
    // Two of the recorded intervals in one: the sums are the same, and each is the sum of two.
    let coarse = try replay("--interval", "1s")
    #expect(coarse.count == 5)
    #expect(coarse.last?.histograms == all.last?.histograms)
    #expect(coarse.last?.loss == all.last?.loss && coarse.last?.switches == all.last?.switches)
    for (index, interval) in coarse.dropLast().enumerated() {
      #expect(interval.switches == all[2 * index].switches + all[2 * index + 1].switches)
      #expect(interval.start == all[2 * index].start && interval.end == all[2 * index + 1].end)
    }
    // A part of it: the same intervals.
    let part = try replay("--from", all[2].start, "--to", all[5].end)
    #expect(part.dropLast().map(\.switches) == all[2...5].map(\.switches))
    for (one, other) in zip(part.dropFirst(), all[3...5]) {
      #expect(one.histograms.runQueueLatency == other.histograms.runQueueLatency)
      #expect(one.histograms.onCPU == other.histograms.onCPU)
    }
    #expect(part.last?.start == all[2].start && part.last?.end == all[5].end)
    let two = try replay("--count", "2")
    #expect(two.count == 3 && two.last?.intervalNs == 1_000_000_000)
    let short = try replay("--from", all[2].start, "--duration", "1s")
    #expect(short.count == 3 && short.last?.intervalNs == 1_000_000_000)
  }

  @Test func groupsThatWereNotAskedFor() throws {
    let load = try Load("spin", "3")
    #expect(try record("--duration", Need.inLab ? "12s" : "7s").status == 0)
    _ = load.stop()
    let users = try #require(try replay("--by", "user").last?.attribution)
    #expect(users.rows.first { $0.state == .runnable }?.user == "root")
    let cgroups = try #require(try replay("--by", "cgroup,comm").last?.attribution)
    let spinning = try #require(cgroups.rows.first { $0.comm == "testload" })
    #expect(spinning.cgroup?.hasPrefix("/") == true)
    let inside = try replay("--cgroup", spinning.cgroup ?? "")
    #expect(inside.last?.switches ?? 0 > 0 && inside.last?.filter.cgroups.count == 1)
    let text = try loadwatch("replay", rec, "--by", "user")
    #expect(text.status == 0 && text.output.contains("what makes up load1"))
  }

  /// Killed at any time, it holds what was there up to then.
  @Test func killed() throws {
    let load = try Load("pingpong", "2")
    let running = try start(["record", "-o", rec, "--interval", "100ms"])
    try running.read { $0.isEmpty }
    usleep(Need.inLab ? 8_000_000 : 3_000_000)
    running.send(SIGKILL)
    _ = try running.wait()
    _ = load.stop()
    let ended = try loadwatch("replay", rec, "--format", "json")
    #expect(ended.status == 0)
    #expect(
      ended.complaint == "\(rec): has no end marker: truncated or still being written"
        || ended.complaint.hasPrefix("\(rec): damaged or truncated at byte "))
    let snapshots = try ended.snapshots()
    #expect(snapshots.last?.final == true && snapshots.count > 3)
    #expect(snapshots.dropLast().reduce(0) { $0 + $1.switches } == snapshots.last?.switches)
    let info = try loadwatch("info", rec)
    #expect(info.status == 0 && info.output.contains("a recording of loadwatch"))
  }

  /// A burst that begins before the condition holds is in the file from its first switch.
  @Test func theTimeBeforeATrigger() throws {
    let running = try start([
      "record", "-o", rec, "--keep", "30s", "--when", "runnable > 2.5", "--after", "1s",
    ])
    usleep(Need.inLab ? 6_000_000 : 3_000_000)
    let before = Date()
    let few = try Load("spin", "1", printsIDs: true)
    usleep(4_000_000)
    let many = try Load("spin", "4")
    usleep(Need.inLab ? 12_000_000 : 5_000_000)
    _ = many.stop()
    _ = few.stop()
    usleep(Need.inLab ? 12_000_000 : 5_000_000)
    running.send(SIGINT)
    let ended = try running.wait()
    #expect(ended.status == 0)
    let files = scratch.names.filter { $0.hasPrefix("a-") }
    #expect(files.count >= 1 && files[0].hasSuffix(".rec"), "\(ended.errors)")
    let snapshots = try replay("--pid", "\(few.tids[0])", of: scratch.file(files[0]))
    #expect(snapshots[0].start < SnapshotJSON.timestamp(before))
    let ran = snapshots.last!.histograms.onCPU.sum + snapshots.last!.histograms.runQueueLatency.sum
    // From its start: four seconds alone, and those beside the others.
    #expect(ran > 4_000_000_000)
    #expect(snapshots.first { $0.switches > 0 }!.start < SnapshotJSON.timestamp(before + 1))
  }

  @Test func askedForBySignal() throws {
    let running = try start(["record", "-o", rec, "--keep", "10s"])
    usleep(Need.inLab ? 8_000_000 : 2_500_000)
    #expect(scratch.names.isEmpty)
    running.send(SIGUSR1)
    usleep(Need.inLab ? 4_000_000 : 1_500_000)
    running.send(SIGTERM)
    let ended = try running.wait()
    #expect(ended.status == 0 && scratch.names.count == 1, "\(ended.errors)")
    let snapshots = try replay(of: scratch.file(scratch.names[0]))
    #expect(snapshots.count >= 2 && snapshots.last?.loss.lost == 0)
  }

  /// The run goes on; the file holds what the disk took.
  @Test func aDiskThatFillsUp() throws {
    let disk = try #require(try SmallDisk(at: scratch.file("disk")))
    let load = try Load("pingpong", "2")
    let ended = try loadwatch(
      arguments: [
        "record", "-o", disk.path + "/a.rec", "--duration", "20s", "--interval", "200ms",
      ], seconds: 60)
    _ = load.stop()
    #expect(ended.status == 1)
    #expect(ended.errors.contains("can't write \(disk.path)/a.rec: No space left on device"))
    let kept = try loadwatch("replay", disk.path + "/a.rec", "--format", "json")
    let snapshots = try kept.snapshots()
    #expect(kept.status == 0 && snapshots.last?.final == true)
  }

  /// A reader that goes away is no fault of the file.
  @Test func intoAClosedPipe() throws {
    #expect(try record("--duration", "4s", "--interval", "20ms").status == 0)
    let line = "\"$0\" replay \"$1\" --format json | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}"
    let ended = try Command("bash", ["-c", line, Binaries.url("loadwatch").path, rec]).wait()
    #expect(ended.output == "0\n" && ended.errors.isEmpty, "\(ended.errors)")
  }

  @Test(
    arguments: [
      (["record", "--when", "nonsense > 1"], 64, "unknown figure 'nonsense'"),
      (["record", "--keep", "10ms"], 64, "must be at least 1s"),
      (["record", "--max-size", "12"], 64, "must be at least 1M"),
      (["record", "--pid", "1"], 64, "use --pid, --comm"),
      (["record", "--format", "json"], 64, "with replay"),
      (["record", "--max-size", "much"], 64, "--max-size"),
      (["record", "--max-files", "0"], 64, "must be at least 1"),
      (["record", "--keep", "9999h"], 1, "of available memory"),
      (["record", "-o", "/dev/null"], 1, "it is not a regular file"),
      (["record", "-o", "/nowhere/a"], 1, "No such file or directory"),
      (["replay"], 64, "file"), (["replay", "/nowhere"], 1, "No such file or directory"),
      (["replay", "/"], 1, "is a directory"), (["replay", "/dev/null"], 1, "not a regular file"),
      (["replay", "/proc/self/comm"], 1, "is not a recording"),
      (["replay", "/proc/self/comm", "--from", "25:00"], 64, "must be a time such as 14:05"),
      (["replay", "x", "--by", "thing"], 64, "'thing' is not one of"),
      (["info", "/nowhere"], 1, "No such file or directory"),
    ])
  func refused(arguments: [String], status: Int32, reason: String) throws {
    let ended = try loadwatch(arguments: arguments)
    #expect(ended.status == status && ended.output.isEmpty)
    #expect(ended.errors.contains(reason), "\(ended.errors)")
  }
}

/// A file system in memory that holds next to nothing.
private final class SmallDisk {
  let path: String

  init?(at path: String) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    // A few blocks fit: an emulator has some thousand switches a second.
    let size = Need.inLab ? "size=256k" : "size=1m"
    guard mount("sonde", path, "tmpfs", 0, size) == 0 else { return nil }
  }

  deinit { umount2(path, Int32(MNT_DETACH)) }
}
