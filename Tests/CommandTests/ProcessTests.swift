import CSupport
import Foundation
import Reports
import Support
import Testing

/// `--pid`: processes that aren't there, end meanwhile, or are single threads.
@Suite(.serialized)
struct ProcessTests {
  @Test func noSuchProcess() throws {
    // Beyond what the kernel can be told to give: PID_MAX_LIMIT, include/linux/threads.h.
    let ended = try loadwatch("--pid", "2000000000")
    #expect(ended.status == 1)
    #expect(ended.output.isEmpty)
    #expect(ended.complaint == "no such process: 2000000000")
  }

  @Test func oneOfThemIsNotThere() throws {
    let ended = try loadwatch("--pid", "\(getpid())", "--pid", "2000000000")
    #expect(ended.status == 1)
    #expect(ended.complaint == "no such process: 2000000000")
  }

  @Test func endsWithItsProcess() throws {
    let process = try Command("sleep", ["0.5"])
    let watch = try start([
      "--pid", "\(process.pid)", "--format", "json", "--interval", "200ms", "--duration", "1m",
    ])
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.complaint == "all traced processes have exited")
    let final = try #require(try ended.snapshots().last)
    #expect(final.filter.pids == [Int(process.pid)])
    #expect(final.intervalNs < 5_000_000_000)
    _ = try process.wait()
  }

  /// A zombie: it has its id still, but runs no more.
  @Test func hasEndedButIsThere() throws {
    let process = try Command("true", [])
    usleep(200_000)
    let ended = try loadwatch("--pid", "\(process.pid)", "--format", "json", seconds: 20)
    #expect(ended.status == 0)
    #expect(ended.complaint == "all traced processes have exited")
    #expect(try ended.snapshots().count >= 1)
    _ = try process.wait()
  }

  @Test func goesOnWithTheOther() throws {
    let short = try Command("sleep", ["0.3"])
    let load = try Load("spin", "1", printsIDs: true)
    let ended = try loadwatch(
      "--pid", "\(short.pid)", "--pid", "\(load.tids[0])", "--format", "json", "--interval",
      "250ms", "--duration", "1s")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    let snapshots = try ended.snapshots()
    #expect(
      snapshots.map { $0.intervalNs } == [0.25, 0.25, 0.25, 0.25, 1].map { UInt64($0 * 1e9) })
    // The one that spins, and no other, to the end.
    #expect(snapshots.dropLast().allSatisfy { $0.tasks.runnable.now == 1 })
    _ = try short.wait()
  }

  @Test func singleThreads() throws {
    let load = try Load("wake", "2", "2000", printsIDs: true)
    try #require(load.tids.count == 2)
    let process = try processIds(of: load.tids[1])
    try #require(process.thread != process.leader)
    let counts = try [process.thread, process.leader].map { id in
      let ended = try loadwatch(
        "--pid", "\(id)", "--format", "json", "--interval", "500ms", "--duration", "500ms")
      #expect(ended.status == 0)
      return try #require(try ended.snapshots().last).histograms.onCPU.count
    }
    // One of the threads alone, then all of the process.
    #expect(counts[0] > 100)
    #expect(Double(counts[1]) > 1.5 * Double(counts[0]))
  }

  @Test func endsWithItsThread() throws {
    let tid = Pipe()
    let end = DispatchSemaphore(value: 0)
    let thread = Thread {
      let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
      tid.fileHandleForWriting.write(Data((link ?? "").utf8))
      end.wait()
    }
    thread.start()
    let link = String(decoding: tid.fileHandleForReading.availableData, as: UTF8.self)
    let id = try #require(link.split(separator: "/").last.map(String.init))
    let watch = try start([
      "--pid", id, "--format", "json", "--interval", "100ms", "--duration", "2s",
    ])
    try watch.read { $0.contains("\n") }
    end.signal()
    let ended = try watch.wait(seconds: 20)
    #expect(ended.status == 0)
    let final = try #require(try ended.snapshots().last)
    // Where the kernel can tell of a thread's end (Linux 6.9), the watch ends there.
    let tells = sonde_tells_of_threads() != 0
    #expect(ended.errors.isEmpty != tells)
    if tells {
      #expect(ended.complaint == "all traced processes have exited")
      #expect(final.intervalNs < 2_000_000_000)
    }
    #expect(final.histograms.onCPU.count > 0)
  }

  /// Ids there are not those that the kernel side tells of: nothing at all beats another's figures.
  @Test func inAPIDNamespace() throws {
    let tool = Binaries.url("loadwatch").path
    let inside = ["--pid", "--fork", "--mount-proc", tool, "--duration", "200ms"]
    let refused = try Command("unshare", inside + ["--pid", "1"]).wait()
    #expect(refused.status == 69)
    #expect(refused.complaint.contains("PID namespace"))
    let all = try Command("unshare", inside + ["--format", "json"]).wait()
    #expect(all.status == 0)
    #expect(try all.snapshots().last?.switches ?? 0 > 0)
  }

  /// Where a task scan shows only some of the tasks, it tells which cgroups match all the same.
  @Test func cgroupInAPIDNamespace() throws {
    let group = try TestCgroup()
    // All of the namespace ends with loadwatch, its first process.
    let script = """
      echo $$ >"$1/cgroup.procs"; "$2" spin 2 --seconds 60 >/dev/null & sleep 2
      exec "$3" --cgroup "$1" --duration 1s --format json
      """
    let ended = try Command(
      "unshare",
      [
        "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh", group.path,
        Binaries.url("testload").path, Binaries.url("loadwatch").path,
      ]
    ).wait()
    #expect(ended.status == 0)
    let final = try #require(try ended.snapshots().last)
    #expect(final.tasks.runnable.max >= 2)
    #expect(final.switches > 0)
  }

  private func processIds(of tid: Int32) throws -> (thread: Int32, leader: Int32) {
    let status = try String(contentsOfFile: "/proc/\(tid)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Tgid:") })
    return (tid, try #require(Int32(line.dropFirst(5).trimmingCharacters(in: .whitespaces))))
  }
}
