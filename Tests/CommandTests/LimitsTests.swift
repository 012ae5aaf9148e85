import Foundation
import Support
import Testing

/// Under small limits of the process: a sentence that names the limit, never the end by a signal.
@Suite(.serialized)
struct LimitsTests {
  private static func run(_ tool: String, under limit: String) throws -> Command.Ended {
    try Command(
      "bash",
      ["-c", "ulimit \(limit) && exec \(Binaries.url(tool).path) --duration 100ms"]
    ).wait()
  }

  @Test(arguments: ["loadwatch", "cloneprof"]) func addressSpace(_ tool: String) throws {
    var refusals = 0
    for kilobytes in [30_000, 45_000, 60_000, 75_000] {
      let ended = try Self.run(tool, under: "-v \(kilobytes)")
      // 127: not even the shared libraries have room.
      if ended.status == 127 || ended.status == 0 { continue }
      refusals += 1
      #expect(ended.status == 1, "\(kilobytes) KiB: \(ended.errors)")
      #expect(ended.errors.contains("address space, now \(kilobytes) KiB"), "\(ended.errors)")
    }
    #expect(refusals > 0)
  }

  @Test(arguments: ["loadwatch", "cloneprof"]) func openFiles(_ tool: String) throws {
    for count in [8, 16, 24] {
      let ended = try Self.run(tool, under: "-n \(count)")
      #expect(ended.status == 1)
      #expect(ended.errors.contains("limit of open files, now \(count)"), "\(ended.errors)")
      #expect(!ended.errors.contains("libbpf"))
    }
  }
}
