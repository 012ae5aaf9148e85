import CFrames
import Foundation
import Support
import Testing

/// Call-frame information of files that hold anything: no crash, and an end.
struct FramesTests {
  private let program: [UInt8]

  init() throws { program = Array(try Data(contentsOf: Binaries.url("testload"))) }

  /// What comes of stepping at so many places of a file, from frames with anything in them.
  private func outcomes(
    _ bytes: [UInt8], places: Int, _ random: inout SplitMix64
  ) throws -> [Int32: Int]? {
    let path = FileManager.default.temporaryDirectory.appending(path: "sonde-\(UUID())")
    try Data(bytes).write(to: path)
    defer { try? FileManager.default.removeItem(at: path) }
    let file = try FileHandle(forReadingFrom: path)
    guard let frames = sonde_frames_open(file.fileDescriptor) else { return nil }
    defer { sonde_frames_close(frames) }
    let stack = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &random) }
    var outcomes: [Int32: Int] = [:]
    for _ in 0..<places {
      var frame = sonde_frame()
      frame.known = UInt32.random(in: 0...0x1ffff, using: &random)
      frame.is_return = UInt32.random(in: 0...1, using: &random)
      withUnsafeMutableBytes(of: &frame.registers) { registers in
        for index in 0..<17 {
          let value = UInt64.random(in: 0x7000...0x8fff, using: &random)
          registers.storeBytes(of: value, toByteOffset: 8 * index, as: UInt64.self)
        }
      }
      let place = UInt64.random(in: 0..<UInt64(bytes.count), using: &random)
      let outcome = stack.withUnsafeBufferPointer { bytes in
        var memory = sonde_memory(start: 0x7800, bytes: bytes.baseAddress, length: bytes.count)
        return sonde_frames_step(frames, place, &frame, &memory)
      }
      #expect((-2...1).contains(outcome))
      outcomes[outcome, default: 0] += 1
    }
    return outcomes
  }

  @Test func whole() throws {
    var random = SplitMix64(seed: 1)
    let outcomes = try #require(try outcomes(program, places: 2000, &random))
    // Of much of the file there is something to know, and of much of that the stack has it.
    #expect(outcomes[1] ?? 0 > 20 && outcomes[0] ?? 0 > 20, "\(outcomes)")
  }

  /// The same comes of a table that is made of the entries as of the linker's.
  @Test func withoutATable() throws {
    let bytes = try withoutTable()
    for seed in 5..<10 as Range<UInt64> {
      var (one, other) = (SplitMix64(seed: seed), SplitMix64(seed: seed))
      let outcomes = try #require(try outcomes(program, places: 500, &one))
      #expect(try self.outcomes(bytes, places: 500, &other) == outcomes)
    }
  }

  private func withoutTable() throws -> [UInt8] {
    let header = try #require(Self.header(of: 0x6474_e550, in: program))
    var bytes = program
    // PT_NULL
    for index in header..<header + 4 { bytes[index] = 0 }
    return bytes
  }

  @Test func cutOff() throws {
    var random = SplitMix64(seed: 2)
    for _ in 0..<100 {
      let length = Int.random(in: 0..<program.count, using: &random)
      _ = try outcomes(Array(program.prefix(length)), places: 50, &random)
    }
  }

  /// Bytes changed, most of them where the headers and the call-frame information are.
  @Test(arguments: [true, false]) func damaged(hasTable: Bool) throws {
    var random = SplitMix64(seed: 3)
    let whole = hasTable ? program : try withoutTable()
    let frames = try #require(Self.range(of: 0x6474_e550, in: program))
    let near = max(0, frames.lowerBound - 4096)..<min(program.count, frames.upperBound + 65536)
    var opened = 0
    for _ in 0..<200 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...200, using: &random) {
        let range = random.once(in: 8) ? 0..<1024 : near
        bytes[Int.random(in: range, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if try outcomes(bytes, places: 200, &random) != nil { opened += 1 }
    }
    #expect(opened > 20)
  }

  /// A hostile expression, a register without end, and states remembered without end.
  @Test func whatIsTooMuch() throws {
    var random = SplitMix64(seed: 4)
    let frames = try #require(Self.range(of: 0x6474_e550, in: program))
    let information = frames.upperBound..<min(program.count, frames.upperBound + 65536)
    for filler in [[0x0a], [0x07, 0xff, 0xff, 0xff, 0xff, 0x07], [0x16, 0x0f, 0x08]] as [[UInt8]] {
      var bytes = program
      for index in information where random.once(in: 3) {
        bytes[index] = filler[index % filler.count]
      }
      _ = try outcomes(bytes, places: 500, &random)
    }
  }

  /// Where a program header of that type lies in the file.
  private static func header(of type: UInt32, in bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { file in
      let start = Int(file.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
      let count = Int(file.loadUnaligned(fromByteOffset: 56, as: UInt16.self))
      return (0..<count).map { start + 56 * $0 }.first {
        file.loadUnaligned(fromByteOffset: $0, as: UInt32.self) == type
      }
    }
  }

  /// And where it puts its segment.
  private static func range(of type: UInt32, in bytes: [UInt8]) -> Range<Int>? {
    header(of: type, in: bytes).map { header in
      bytes.withUnsafeBytes { file in
        let offset = Int(file.loadUnaligned(fromByteOffset: header + 8, as: UInt64.self))
        return offset..<offset
          + Int(file.loadUnaligned(fromByteOffset: header + 32, as: UInt64.self))
      }
    }
  }
}
