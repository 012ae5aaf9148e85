import Foundation
import Support
import Testing

/// Surroundings in which a tool can't work: one sentence, and no crash.
@Suite(.serialized)
struct LimitsTests {
  private let tools = ["loadwatch", "cloneprof"]

  private func run(_ tool: String, _ script: String) throws -> Command.Ended {
    try Command("sh", ["-c", script, Binaries.url(tool).path]).wait()
  }

  @Test func withoutProc() throws {
    for tool in tools {
      for arguments in ["--version", "--duration 1s", "probes"] {
        let ended = try Command(
          "unshare",
          [
            "-m", "sh", "-c", "umount -l /proc && exec \"$0\" \(arguments)",
            Binaries.url(tool).path,
          ]
        ).wait()
        #expect(ended.status == 69)
        #expect(ended.complaint(of: tool) == "/proc is not mounted: mount -t proc proc /proc")
      }
    }
  }

  @Test func littleAddressSpace() throws {
    for tool in tools {
      // Enough for the shared libraries of a debug build, which the loader maps before.
      let ended = try run(tool, "ulimit -v 120000; exec \"$0\" --duration 1s")
      #expect(ended.status == 1)
      #expect(
        ended.complaint(of: tool)
          == "RLIMIT_AS (ulimit -v) is 120000 kB, but at least 131072 kB of address space are needed"
      )
      #expect(try run(tool, "ulimit -v 400000; exec \"$0\" --duration 100ms").status == 0)
    }
  }

  @Test(arguments: [10, 24, 40]) func fewDescriptors(_ count: Int) throws {
    for tool in tools {
      let ended = try run(tool, "ulimit -n \(count); exec \"$0\" --duration 1s")
      #expect(ended.status == 1)
      let complaint = ended.complaint(of: tool)
      #expect(complaint.hasPrefix("RLIMIT_NOFILE (ulimit -n) is \(count), but at least "))
      // As many as it says are enough.
      let least = complaint.split(separator: " ").compactMap { Int($0) }.last ?? 0
      #expect(try run(tool, "ulimit -n \(least); exec \"$0\" --duration 100ms").status == 0)
      #expect(try run(tool, "ulimit -n \(count); exec \"$0\" --version").status == 0)
    }
  }
}
