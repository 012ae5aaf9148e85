/// The form of a recording: docs/recording.md. All numbers are little-endian.
///
/// A file header, then blocks. Each has its own lengths, times and checksums: what is there of a file
/// that ends anywhere can be read up to its last whole block.
package struct BlockHead: Equatable {
  /// A fresh model can begin with it.
  package var beginsSegment = false
  /// Nothing follows: the recording was brought to its end.
  package var isLast = false
  /// Bytes of entries as ``EntryCoding`` has them, and what they take compressed.
  package var count: UInt32 = 0
  package var stored: UInt32 = 0
  /// When its input came, CLOCK_REALTIME, ns.
  package var from: UInt64 = 0
  package var to: UInt64 = 0
  /// Of the compressed bytes: CRC-32.
  package var checksum: UInt32 = 0

  package static let size = 48
  static let magic: UInt32 = 0x4b4c_4253
  /// No writer makes larger ones; a reader has room for two of them.
  package static let mostBytes = 64 << 20

  package init() {}

  /// With a checksum of its own.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: Self.magic)
    bytes.append(number: UInt32((beginsSegment ? 1 : 0) | (isLast ? 2 : 0)))
    for number in [count, stored] { bytes.append(number: number) }
    for time in [from, to] { bytes.append(number: time) }
    bytes.append(number: checksum)
    bytes.append(number: UInt32(0))
    bytes.append(number: UInt32(0))
    bytes.append(number: crc(of: bytes))
    return bytes
  }

  /// Nil where the bytes are no whole head.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.size, bytes.number(at: 0) == Self.magic,
      crc(of: Array(bytes.dropLast(4))) == bytes.number(at: 44) as UInt32
    else { return nil }
    let flags: UInt32 = bytes.number(at: 4)
    (beginsSegment, isLast) = (flags & 1 != 0, flags & 2 != 0)
    (count, stored) = (bytes.number(at: 8), bytes.number(at: 12))
    (from, to) = (bytes.number(at: 16), bytes.number(at: 24))
    checksum = bytes.number(at: 32)
    guard max(count, stored) <= Self.mostBytes, from <= to else { return nil }
  }
}

/// What a file begins with.
package enum FileHead {
  package static let size = 16
  static let magic = Array("SONDEREC".utf8)
  /// Another one is another form.
  package static let version: UInt16 = 1

  /// - Parameter tool: whose input it is, as ``number(ofTool:)`` has it.
  package static func bytes(tool: UInt8) -> [UInt8] {
    var bytes = magic
    bytes.append(number: version)
    bytes.append(tool)
    bytes += [0, 0, 0, 0, 0]
    return bytes
  }

  static let tools = ["loadwatch", "cloneprof"]

  package static func number(ofTool name: String) -> UInt8 {
    UInt8(tools.firstIndex(of: name)! + 1)
  }
}

extension [UInt8] {
  mutating func append<Number: FixedWidthInteger>(number: Number) {
    unsafe Swift.withUnsafeBytes(of: number.littleEndian) { unsafe append(contentsOf: $0) }
  }

  func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
    var number: Number = 0
    for index in (0..<MemoryLayout<Number>.size).reversed() {
      number = number << 8 | Number(self[offset + index])
    }
    return number
  }
}
