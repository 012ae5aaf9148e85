import Foundation
import LoadModel
import Proc
import Reports
import Support
import Testing

/// Load without work: kernel threads of `Tests/Lab/noload` that sleep uninterruptibly.
@Suite(.serialized, .needs(.noload))
struct NoloadTests {
  private func module(_ command: String...) throws {
    let ended = try Command(command[0], Array(command.dropFirst())).wait(seconds: 60)
    try #require(ended.status == 0, "\(command): \(ended.errors)")
  }

  private func kernelThreads() throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
      .filter { (try? ProcessStatus.of(pid: $0))?.name.hasPrefix("noload/") == true }
  }

  /// `new = load * exp + active * (FIXED_1 - exp)`, kernel/sched/loadavg.c, for load1.
  private func next(_ load: UInt64, active: UInt64) -> UInt64 {
    let (one, exp): (UInt64, UInt64) = (2048, 1884)
    let sum = load * exp + active * one * (one - exp)
    return (active * one >= load ? sum + one - 1 : sum) / one
  }

  /// A thousand threads in D, none of which works, and the load that the kernel's arithmetic predicts.
  @Test(.timeLimit(.minutes(5))) func aThousandThreads() throws {
    try module("insmod", try #require(Need.noloadModule), "load=1000")
    var removed = false
    defer { if !removed { _ = try? Command("rmmod", ["noload"]).wait(seconds: 60) } }
    let threads = try kernelThreads()
    #expect(threads.count == 1000)
    #expect(threads.allSatisfy { state(of: $0) == "D" })

    let snapshots = try watched(seconds: 2, .threads(threads))
    for snapshot in snapshots {
      #expect(snapshot.tasks.uninterruptible.now == 1000)
      #expect(snapshot.tasks.runnable.max == 0)
      #expect(snapshot.switches == 0)
    }

    // Two digits of the load are known, and what else is active at a sample is at most this test:
    // the next sample's load tells which of the two or three possible counts it was.
    var last = try LoadAverage.current().load1
    var samples = 0
    var began = now()
    while samples < 4, now() - began < 12_000_000_000 {
      usleep(50_000)
      let load = try LoadAverage.current().load1
      guard load != last else { continue }
      began = now()
      // The displayed value has 1/200 added before it is cut off.
      let before = UInt64((last * 2048).rounded())
      let possible = (1000...1002 as ClosedRange<UInt64>).map {
        Double(next(before, active: $0)) / 2048
      }
      #expect(possible.contains { abs($0 - load) <= 0.011 }, "\(last) became \(load): \(possible)")
      last = load
      samples += 1
    }
    #expect(samples == 4)

    try module("rmmod", "noload")
    removed = true
    #expect(try kernelThreads().isEmpty)
  }

  /// They slept in D before the watch began, and none of it is work.
  @Test func isNoWork() throws {
    try module("insmod", try #require(Need.noloadModule), "load=100")
    defer { _ = try? Command("rmmod", ["noload"]).wait(seconds: 60) }
    let final = try #require(try watched(seconds: 12, interval: 4).last)
    let verdict = try #require(final.verdict).filter { $0.cause != .beforeRun }
    #expect(verdict.first?.cause == .noWork, "\(verdict)")
    let threads = try #require(final.attribution).rows.filter {
      $0.process?.hasPrefix("noload/") == true
    }
    #expect(threads.reduce(0) { $0 + $1.load1 } > 7)
    #expect(
      threads.allSatisfy {
        $0.state == .uninterruptible && $0.kernelThread && $0.site != nil && $0.site != "(unknown)"
      })
  }

  /// Which sleeps are load is in the bits of their state (include/linux/sched.h): told as they go to
  /// sleep and found asleep, against the kernel's own count.
  @Test(arguments: [
    ("TASK_KILLABLE", 0x102, true),
    ("TASK_UNINTERRUPTIBLE | TASK_FREEZABLE", 0x2002, true),
    ("TASK_IDLE", 0x402, false),
  ]) func states(name: String, bits: Int, isLoad: Bool) throws {
    var isLoaded = false
    defer { if isLoaded { _ = try? Command("rmmod", ["noload"]).wait(seconds: 60) } }
    let expected = isLoad ? 20 : 0
    let final = try #require(
      try watched(seconds: 7, interval: 1) { number in
        guard number == 1 else { return }
        isLoaded = (try? module("insmod", Need.noloadModule!, "load=20", "state=\(bits)")) != nil
      }.last)
    try #require(isLoaded)
    #expect(try kernelThreads().count == 20)
    let sample = try #require(final.load.samples?.last)
    let active = Int(try #require(sample.active))
    #expect(abs(active - expected) <= 3, "\(name): \(active)")
    #expect(abs(active - Int(sample.seen)) <= 2, "\(name): \(sample)")

    let threads = try kernelThreads()
    for snapshot in try watched(seconds: 1, .threads(threads)) {
      #expect(snapshot.tasks.uninterruptible.now == UInt64(expected), "\(name)")
    }
  }

  /// Kernel threads that wait for each kind of lock, and who holds it: named right, every one, or not at all.
  @Test func locks() throws {
    var isLoaded = false
    defer { if isLoaded { _ = try? Command("rmmod", ["noload"]).wait(seconds: 60) } }
    let count = 50
    let final = try #require(
      try watched(seconds: 16, interval: 1) { number in
        guard number == 1 else { return }
        isLoaded = (try? module("insmod", Need.noloadModule!, "load=0", "waiters=\(count)")) != nil
      }.last)
    try #require(isLoaded)
    let blocked = final.blocked ?? []
    /// The chains of those whose names begin so.
    func chains(_ name: String) -> [[String?]] {
      blocked.filter { $0.process?.hasPrefix(name) == true && $0.active > 0 }
        .flatMap { row in
          Array(repeating: row.chain.map(\.comm), count: Int(row.active))
        }
    }
    for (name, lock) in [("mutex", LockKind.mutex), ("write", .rwsemWrite), ("read", .rwsemWrite)] {
      let found = chains("w-\(name)")
      #expect(
        found.count == count && found.allSatisfy { $0 == ["h-\(name)"] }, "\(name): \(blocked)")
      let rows = blocked.filter { $0.process?.hasPrefix("w-\(name)") == true }
      #expect(rows.allSatisfy { $0.chain.first?.lock == lock })
      // Of readers the kernel knows the last one.
      #expect(rows.allSatisfy { $0.chain.first?.uncertain == (name == "read" ? true : nil) })
    }
    // Whose a semaphore is no kernel before 6.16 knows.
    #expect(chains("w-sem").allSatisfy { $0 == ["h-sem"] || $0.allSatisfy { $0 == nil } })
    #expect(chains("chain/1") == [["chain/0"]])
    #expect(chains("chain/2") == [["chain/1", "chain/0"]])
  }

  @Test func endsByItself() throws {
    try module("insmod", try #require(Need.noloadModule), "load=20", "timeout_secs=2")
    defer { _ = try? Command("rmmod", ["noload"]).wait(seconds: 60) }
    let threads = try kernelThreads()
    #expect(threads.count == 20 && threads.allSatisfy { state(of: $0) == "D" })
    #expect(eventually { threads.allSatisfy { state(of: $0) != "D" } })
  }

  /// One thread too many: those that were started are ended, and the module isn't there.
  @Test func aPartialStartIsUndone() throws {
    let limit = "/proc/sys/kernel/threads-max"
    let before = try String(contentsOfFile: limit, encoding: .utf8)
    defer { try? before.write(toFile: limit, atomically: false, encoding: .utf8) }
    try "\(try LoadAverage.current().tasks + 50)".write(
      toFile: limit, atomically: false, encoding: .utf8)
    let ended = try Command("insmod", [try #require(Need.noloadModule), "load=1000"])
      .wait(seconds: 60)
    #expect(ended.status != 0)
    #expect(try kernelThreads().isEmpty)
    let modules = try String(contentsOfFile: "/proc/modules", encoding: .utf8)
    #expect(!modules.contains("noload"))
  }
}
