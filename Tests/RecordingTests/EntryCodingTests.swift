import CaptureFormat
import Input
import Recording
import Support
import Testing

/// Entries, coded and back.
struct EntryCodingTests {
  @Test(arguments: ["6.12-spinners", "6.1-idle", "7.2-vfork", "5.10-pinned"])
  func ofRealInput(name: String) throws {
    let bytes = try Captured(Captures.path(name)).input.bytes
    let coded = EntryCoding.encoded(bytes)
    #expect(coded.count <= bytes.count + 8 + bytes.count / 8)
    #expect(EntryCoding.decoded(coded) == bytes)
    // An odd number of other entries puts what follows elsewhere.
    let first = try #require(
      stride(from: 8, to: bytes.count, by: 8).first { end in
        (try? Entry.count(.observation, in: Array(bytes[..<end]))) == 1
      })
    let one = Array(bytes[..<first])
    #expect(EntryCoding.decoded(EntryCoding.encoded(one)) == one)
  }

  @Test func ofNothing() {
    #expect(EntryCoding.decoded(EntryCoding.encoded([])) == [])
    #expect(EntryCoding.decoded([]) == nil)
    #expect(EntryCoding.decoded([1, 0, 0, 0, 0, 0, 0, 0]) == nil)
    #expect(EntryCoding.decoded([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]) == nil)
  }

  /// Whatever the bytes are, they are decoded or not, and nothing else happens.
  @Test func ofOtherBytes() throws {
    let bytes = EntryCoding.encoded(try Captured(Captures.path("6.1-idle")).input.bytes)
    var random = SplitMix64(seed: 11)
    for _ in 0..<200 {
      var changed = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
      for _ in 0..<4 where !changed.isEmpty {
        let place = Int.random(in: 0..<min(changed.count, 2000), using: &random)
        changed[place] = UInt8.random(in: 0...255, using: &random)
      }
      _ = EntryCoding.decoded(changed)
    }
  }
}
