import Foundation
import Proc
import Testing

struct FrequencyLimitTests {
  /// Files as the kernel has them, of four CPUs, two of which share a policy.
  @Test func policies() throws {
    let root = NSTemporaryDirectory() + "/sonde-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    func policy(_ name: String, _ files: [String: String]) throws {
      let folder = "\(root)/\(name)"
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      for (file, text) in files {
        try text.write(toFile: "\(folder)/\(file)", atomically: false, encoding: .utf8)
      }
    }
    func limit() -> FrequencyLimit? { .current(root) }
    #expect(limit() == nil)
    try policy(
      "policy0",
      ["scaling_max_freq": "3600000\n", "cpuinfo_max_freq": "3600000\n", "affected_cpus": "0\n"])
    try policy("boost", [:])
    try policy("policy9", ["scaling_max_freq": "<unknown>\n"])
    #expect(limit() == nil)
    try policy(
      "policy1",
      ["scaling_max_freq": "900000\n", "cpuinfo_max_freq": "3600000\n", "affected_cpus": "1 2\n"])
    try policy(
      "policy3",
      ["scaling_max_freq": "1800000\n", "cpuinfo_max_freq": "3600000\n", "affected_cpus": "3\n"])
    let found = try #require(limit())
    #expect(found.cpus == 3 && found.share == 0.25)
  }
}
