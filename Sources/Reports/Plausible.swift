extension Snapshot {
  /// What no run writes, in the fields that every form has.
  func checkHead() throws(MergeError) {
    guard schema == Self.schemaName else {
      throw MergeError(description: "schema is \(schema), not \(Self.schemaName)")
    }
    for (name, time) in [("start", start), ("end", end)] where !isTimestamp(time) {
      throw MergeError(description: "\(name): not a valid UTC time")
    }
    guard intervalNs > 0 else { throw MergeError(description: "interval_ns is 0") }
  }
}

/// Load averages, or parts of some: the kernel counts active tasks in a `long` and shows 1/2048 of
/// its fixed-point average (`avenrun`), which is below 2^53.
func checkLoads(_ name: String, _ loads: [Double]?) throws(MergeError) {
  guard let loads else { return }
  guard loads.count == 3 else { throw MergeError(description: "\(name): must be three averages") }
  guard loads.allSatisfy({ abs($0) <= 0x1p53 }) else {
    throw MergeError(description: "\(name): too large for a load average")
  }
}

/// A cost or a speed, where there is one: such that a sum of many is still a number.
func checkRate(_ name: String, _ rate: Double?) throws(MergeError) {
  guard let rate else { return }
  guard (0...0x1p64).contains(rate) else {
    throw MergeError(description: "\(name): out of range")
  }
}

/// Whether it is a time as ``SnapshotJSON/timestamp(_:)`` writes it: "2026-02-28T23:59:59.999Z".
func isTimestamp(_ text: String) -> Bool {
  let pattern = Array("dddd-dd-ddTdd:dd:dd.dddZ".utf8)
  let bytes = Array(text.utf8)
  guard bytes.count == pattern.count,
    zip(bytes, pattern).allSatisfy({ byte, wanted in
      wanted == UInt8(ascii: "d")
        ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == wanted
    })
  else { return false }
  func number(_ range: Range<Int>) -> Int {
    bytes[range].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }
  let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
  guard (1...12).contains(month) else { return false }
  let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  return (1...days).contains(day) && number(11..<13) < 24 && number(14..<16) < 60
    && number(17..<19) < 60
}
