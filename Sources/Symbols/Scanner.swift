/// Reads bytes from the front, as the lines of /proc need it.
struct Scanner {
  let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { position == bytes.count }

  /// The next byte; a newline at the end.
  var next: UInt8 { isAtEnd ? UInt8(ascii: "\n") : bytes[position] }

  /// A number without sign or prefix; nil where none begins, or for one that is too large.
  mutating func number(radix: UInt64) -> UInt64? {
    let start = position
    var value: UInt64 = 0
    while let digit = Scanner.digit(next), digit < radix {
      let (product, overflows) = value.multipliedReportingOverflow(by: radix)
      if overflows { return nil }
      let (sum, carries) = product.addingReportingOverflow(digit)
      if carries { return nil }
      value = sum
      position += 1
    }
    return position > start ? value : nil
  }

  /// Whether the next byte is this one, which is then behind.
  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character), !isAtEnd else { return false }
    position += 1
    return true
  }

  /// What comes before the end of the line or the first byte of which `isEnd` holds.
  mutating func upTo(_ isEnd: (UInt8) -> Bool = { _ in false }) -> Range<Int> {
    let start = position
    while next != UInt8(ascii: "\n"), !isEnd(next) { position += 1 }
    return start..<position
  }

  /// To the next line.
  mutating func skipLine() {
    _ = upTo()
    if !isAtEnd { position += 1 }
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    default: nil
    }
  }
}

/// How many elements of a sorted array are at or below a value.
func countUpTo(_ value: UInt64, in sorted: [UInt64]) -> Int {
  var low = 0
  var high = sorted.count
  while low < high {
    let middle = (low + high) / 2
    if sorted[middle] <= value {
      low = middle + 1
    } else {
      high = middle
    }
  }
  return low
}
