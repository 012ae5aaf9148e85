/// A task's name as the kernel has it: 16 bytes, NUL-terminated, anything in them.
public struct Comm: Sendable, Hashable, Codable {
  /// The first eight bytes and the others, each with the first byte lowest; 0 from the end on.
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  public init() {}

  /// From the 16 bytes at `offset`; what follows the first NUL is left out.
  ///
  /// - Precondition: the span holds them.
  public init(_ bytes: RawSpan, at offset: Int) {
    let first = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    low = Self.untilNUL(UInt64(littleEndian: first))
    // A NUL among the first eight shows as the last of them being 0.
    guard low >> 56 != 0 else { return }
    let second = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
    high = Self.untilNUL(UInt64(littleEndian: second))
  }

  /// The first 15 bytes of `text`: what the kernel would keep of it.
  public init(_ text: String) {
    for (index, byte) in text.utf8.prefix(15).prefix(while: { $0 != 0 }).enumerated() {
      if index < 8 {
        low |= UInt64(byte) << (8 * index)
      } else {
        high |= UInt64(byte) << (8 * (index - 8))
      }
    }
  }

  /// The bytes below the lowest that is 0, the others cleared.
  private static func untilNUL(_ word: UInt64) -> UInt64 {
    // The lowest bit that is set is the high bit of the lowest byte that is 0.
    let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    guard zeros != 0 else { return word }
    return word & ((1 << UInt64(zeros.trailingZeroBitCount & ~7)) &- 1)
  }

  /// The bytes before the first NUL.
  public var bytes: [UInt8] {
    let all = [low, high].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return Array(all.prefix { $0 != 0 })
  }

  /// As text; bytes that are not UTF-8 are replaced. Not escaped: see `Faces`.
  public var text: String { String(decoding: bytes, as: UTF8.self) }
}
