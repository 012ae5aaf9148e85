import Foundation
import Reports
import Support
import Testing

/// What the tool advises real programs, done to them: `make predictions`. The gain is by the programs' own
/// clocks.
@Suite(.serialized)
struct AdvicePredictionTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static let hugePages = "/sys/kernel/mm/transparent_hugepage/enabled"

  /// The final report of a run on a process, while something happens.
  private func profile(_ pid: Int32, while work: () throws -> Void) throws -> CloneSnapshot {
    let watch = try scratch.cloneprof(["--pid", "\(pid)"])
    #expect(eventually(seconds: 60) { scratch.isBeingWritten(by: watch.pid) })
    try work()
    watch.send(SIGINT)
    return try #require(scratch.snapshots(of: watch.wait(seconds: 60)).last)
  }

  // MARK: - Huge pages

  /// A Redis by the script that docs/forks.md names, on a port of its own.
  private struct Redis {
    let pid: Int32
    private static let port = "7391"
    private static let script = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Examples/servers/redis").path

    static func run(_ arguments: [String], options: String = "") throws -> String {
      let ended = try Command(
        script, arguments, environment: ["PORT": port, "REDIS_OPTIONS": options]
      ).wait(seconds: 120)
      try #require(ended.status == 0, "\(ended.output) \(ended.errors)")
      return ended.output
    }

    init(mebibytes: Int, options: String = "") throws {
      let told = try Self.run(["start", "\(mebibytes)"], options: options)
      pid = try #require(told.split(separator: "\n").last.flatMap { Int32($0) }, "\(told)")
    }

    /// What Redis says that its last fork took, us: the least of some.
    func fork(times: Int = 3) throws -> Double {
      try (0..<times).map { _ in
        let told = try Self.run(["save"])
        return try #require(
          told.split(whereSeparator: { ":\n".contains($0) }).last.flatMap { Double($0) }, "\(told)")
      }.min()!
    }

    func stop() { _ = try? Self.run(["stop"]) }
  }

  private func permit(_ mode: String) throws -> String {
    let was = try String(contentsOfFile: Self.hugePages, encoding: .utf8)
    try mode.write(toFile: Self.hugePages, atomically: false, encoding: .utf8)
    return was.split(separator: " ").first { $0.hasPrefix("[") }.map {
      String($0.dropFirst().dropLast())
    }
      ?? "madvise"
  }

  /// - Returns: the advice, and the fork's time before and after `cloneprof collapse`, us.
  private func collapse(_ redis: Redis) throws -> (
    advice: AdvicePart, before: Double, after: Double
  ) {
    var before = Double.infinity
    let final = try profile(redis.pid) { before = try redis.fork() }
    let advice = try #require(
      final.advice.first { $0.kind == .hugePages }, "\(final.phases) \(final.advice)")
    #expect(advice.command == "cloneprof collapse --pid \(redis.pid)")
    let ended = try CollapsedRun.collapse(
      ["--pid", "\(redis.pid)", "--pace", "10s"], scratch: scratch)
    #expect(ended.status == 0, "\(ended.errors)")
    return (advice, before, try redis.fork())
  }

  /// As Debian's package has it: it asks for no huge page, and gets none.
  @Test(.needs(.redis), .needs(.collapse), .needs(.fastCPUs)) func redisWhereMadvise() throws {
    let was = try permit("madvise")
    defer { _ = try? permit(was) }
    let redis = try Redis(mebibytes: 500)
    defer { redis.stop() }
    let (advice, before, after) = try collapse(redis)
    #expect(after < before / 3, "\(before) us, \(after) us, \(advice)")
  }

  /// There it switches them off for itself: collapse refuses, and the advice is another one.
  @Test(.needs(.redis), .needs(.collapse), .needs(.fastCPUs)) func redisWhereAlways() throws {
    let was = try permit("always")
    defer { _ = try? permit(was) }
    var before = Double.infinity
    let stock = try Redis(mebibytes: 500)
    do {
      defer { stock.stop() }
      let final = try profile(stock.pid) { before = try stock.fork() }
      let advice = try #require(final.advice.first { $0.kind == .hugePages }, "\(final.advice)")
      #expect(advice.command == "redis-server --disable-thp no")
      let refused = try CollapsedRun.collapse(["--pid", "\(stock.pid)"], scratch: scratch)
      #expect(refused.status != 0 && refused.errors.contains("PR_SET_THP_DISABLE"))
    }
    let redis = try Redis(mebibytes: 500, options: "--disable-thp no")
    defer { redis.stop() }
    var after = Double.infinity
    let final = try profile(redis.pid) { after = try redis.fork() }
    // Where malloc's memory was not aligned, some is left to collapse.
    if final.advice.contains(where: { $0.kind == .hugePages }) {
      after = try collapse(redis).after
    }
    #expect(after < before / 3, "\(before) us, \(after) us")
  }

  // MARK: - Children that only start programs

  /// What starting a program takes its caller, us, the median, by `os.fork` or by `os.posix_spawn`.
  private func starts(_ how: String) throws -> (final: CloneSnapshot, median: Double) {
    let script = """
      import os, statistics, sys, time
      memory = bytearray(400 << 20)
      times = []
      for i in range(40):
          begin = time.monotonic_ns()
          if sys.argv[1] == "fork":
              pid = os.fork()
              if pid == 0:
                  os.execv("/bin/true", ["true"])
          else:
              pid = os.posix_spawn("/bin/true", ["true"], {})
          times.append(time.monotonic_ns() - begin)
          os.waitpid(pid, 0)
      print("median", round(statistics.median(times)))
      """
    let was = try permit("never")
    defer { _ = try? permit(was) }
    let watch = try scratch.cloneprof(["--", "/usr/bin/python3", "-c", script, how])
    let ended = try watch.wait(seconds: 120)
    let final = try #require(scratch.snapshots(of: ended).last)
    return (final, Double(try #require(figures(ended.output)["median"])))
  }

  @Test(.needs(.fastCPUs)) func posixSpawn() throws {
    let (forking, before) = try starts("fork")
    let advice = try #require(forking.advice.first { $0.kind == .spawn }, "\(forking.phases)")
    #expect(advice.text.contains("posix_spawn(3)"))
    let (spawning, after) = try starts("spawn")
    #expect(after < before / 3, "\(before) ns, \(after) ns")
    #expect(!spawning.advice.contains { $0.kind == .spawn }, "\(spawning.advice)")
  }

  /// A shell's loop, `git gc` and a pool of workers have little memory: nothing is advised that would not
  /// help them.
  @Test(.needs(.git), .needs(.fastCPUs)) func programsThatHaveLittle() throws {
    let repository = scratch.file("repository")
    let git = try #require(Need.program("git"))
    #expect(try Command(git, ["init", "-q", repository]).wait().status == 0)
    let pool = """
      import multiprocessing
      with multiprocessing.get_context("fork").Pool(4) as pool:
          assert sum(pool.map(abs, range(100))) == 4950
      """
    for command in [
      ["sh", "-c", "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done; :"],
      [git, "-C", repository, "gc", "-q"],
      ["/usr/bin/python3", "-c", pool],
    ] {
      let ended = try scratch.cloneprof(["--"] + command).wait(seconds: 120)
      let final = try #require(scratch.snapshots(of: ended).last)
      #expect(final.calls.processes > 0)
      #expect(
        !final.advice.contains { [.hugePages, .dontFork].contains($0.kind) },
        "\(command[0]): \(final.advice)")
    }
  }
}
