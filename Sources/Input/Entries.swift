/// What input is kept as: one entry after the other.
///
/// An entry has a byte of kind, one of padding, two of CPU, four of length, and the bytes, padded to
/// eight, so that records are read in place; little-endian. Observations are JSON.
package enum Entry {
  package enum Kind: UInt8 {
    case record = 1
    case scanned = 2
    case observation = 3
    /// Entries that bring a fresh model to the state of one that has seen all earlier input. The first
    /// of a segment.
    case prologue = 4
  }

  package static var headSize: Int { 8 }

  static func appendHead(_ kind: Kind, cpu: Int, count: Int, to bytes: inout [UInt8]) {
    let head =
      UInt64(kind.rawValue) | UInt64(UInt16(truncatingIfNeeded: cpu)) << 16
      | UInt64(UInt32(truncatingIfNeeded: count)) << 32
    unsafe withUnsafeBytes(of: head.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  static func pad(_ bytes: inout [UInt8]) {
    while bytes.count % 8 != 0 { bytes.append(0) }
  }

  /// Lends each entry, in order.
  ///
  /// - Throws: `KeptInputError` where the bytes are not whole, and what `body` throws.
  package static func forEach(
    in bytes: RawSpan, _ body: (Kind, _ cpu: Int, RawSpan) throws -> Void
  ) throws {
    var offset = 0
    while offset < bytes.byteCount {
      guard bytes.byteCount - offset >= headSize else { throw KeptInputError(offset: offset) }
      let head = UInt64(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
      guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: head)) else {
        throw KeptInputError(offset: offset)
      }
      let (start, count) = (offset + headSize, Int(head >> 32))
      guard count <= bytes.byteCount - start else { throw KeptInputError(offset: offset) }
      try body(kind, Int(head >> 16 & 0xffff), bytes.extracting(start..<start + count))
      offset = (start + count + 7) & ~7
    }
  }
}

extension Entry {
  /// How many of a kind there are.
  package static func count(_ kind: Kind, in bytes: [UInt8]) throws -> Int {
    var count = 0
    try forEach(in: unsafe bytes.span.bytes) { found, _, _ in if found == kind { count += 1 } }
    return count
  }
}
