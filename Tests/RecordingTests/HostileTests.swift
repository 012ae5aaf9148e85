import CaptureFormat
import Foundation
import Input
import LoadModel
import Recording
import Reports
import Support
import Testing

/// Recordings from anywhere: what is no recording is refused, and what is one in form stops no program.
struct HostileTests {
  /// Of real input, with bytes changed where checksums don't protect it: as someone would who writes
  /// such a file.
  @Test(arguments: ["6.12-spinners", "6.1-idle", "7.2-vfork"])
  func changedInput(name: String) throws {
    let capture = try Captured(Captures.path(name))
    var random = SplitMix64(seed: 7)
    var refused = 0
    for _ in 0..<rounds {
      var bytes = capture.input.bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) { Self.change(&bytes, &random) }
      var replay = LoadReplay(LoadReplay.Options())
      do {
        try KeptInput<LoadObservation>(bytes: bytes).replay(into: &replay, begins: true) { replay in
          while replay.takeReport() != nil {}
        }
      } catch {
        refused += 1
      }
      replay.finish()
      while replay.takeReport() != nil {}
      if replay.fault != nil { refused += 1 }
    }
    // Most changes make it no input, and some none that can't be.
    #expect(refused > 0 && refused < rounds)
  }

  /// `make fuzz` has more.
  private let rounds = 60

  private static func change(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    let place = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = [0, 0xff, 0x7f, 0x80].randomElement(using: &random)!
    case 2:
      // A whole number of eight bytes: times, counters.
      let start = place / 8 * 8
      for index in start..<min(start + 8, bytes.count) { bytes[index] = 0xff }
    case 3:
      // A digit of an observation.
      let digits = bytes.indices[place...].prefix(4000).first { (0x30...0x39).contains(bytes[$0]) }
      if let digits { bytes[digits] = UInt8.random(in: 0x30...0x39, using: &random) }
    case 4:
      // More digits, where something else was.
      for index in place..<min(place + 12, bytes.count)
      where (0x30...0x39).contains(bytes[index]) || bytes[index] == 0x2c {
        bytes[index] = 0x39
      }
    default:
      // Entries come in another order, or twice.
      let other = Int.random(in: 0..<bytes.count, using: &random) / 8 * 8
      let start = place / 8 * 8
      let count = min(40, bytes.count - max(start, other))
      bytes.replaceSubrange(start..<start + count, with: Array(bytes[other..<other + count]))
    }
  }
}

enum Captures {
  static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Captures/\(name).z").path
  }
}
