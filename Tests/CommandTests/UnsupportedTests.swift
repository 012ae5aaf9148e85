import Foundation
import Support
import Testing

/// Kernels that lack something, as far as one can be made to look so.
@Suite(.serialized)
struct UnsupportedTests {
  /// `loadwatch` where the kernel's description of its types can't be found.
  private func withoutBTF(_ arguments: String...) throws -> Command.Ended {
    let hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$0\" \"$@\""
    return try Command(
      "unshare", ["-m", "sh", "-c", hide, Binaries.url("loadwatch").path] + arguments
    ).wait()
  }

  @Test func noBTF() throws {
    let ended = try withoutBTF("--duration", "200ms")
    #expect(ended.status == 69)
    #expect(ended.output.isEmpty)
    #expect(ended.complaint.contains("no BTF"))
    #expect(ended.complaint.contains("CONFIG_DEBUG_INFO_BTF"))
    #expect(ended.complaint.contains("loadwatch probes"))
  }

  @Test func probesWithoutBTF() throws {
    let ended = try withoutBTF("probes")
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    #expect(ended.output.contains("no BTF"))
    let line = ended.output.split(separator: "\n").first { $0.contains("tp_btf/sched_switch") }
    #expect(line?.hasSuffix("no") == true)
    // What doesn't need it is still to be had.
    let load = ended.output.split(separator: "\n").first { $0.contains("/proc/loadavg") }
    #expect(load?.hasSuffix("yes") == true)
  }
}
