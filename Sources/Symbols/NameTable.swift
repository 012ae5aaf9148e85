/// Many names in one array of bytes, each ended by a zero.
struct NameTable {
  private(set) var bytes: [UInt8] = []

  /// Adds a name and gives the place by which it is found; nil where the table is full.
  mutating func add(_ name: some Sequence<UInt8>) -> UInt32? {
    guard bytes.count < NameTable.most else { return nil }
    let place = UInt32(bytes.count)
    bytes += name
    bytes.append(0)
    return place
  }

  /// The bytes of a name.
  subscript(place: UInt32) -> ArraySlice<UInt8> {
    let start = Int(place)
    var end = start
    while bytes[end] != 0 { end += 1 }
    return bytes[start..<end]
  }

  /// A name; bytes that are not UTF-8 become U+FFFD.
  func string(at place: UInt32) -> String {
    String(decoding: self[place], as: UTF8.self)
  }

  /// No real program has more; a file that was made up might.
  private static let most = 256 << 20
}
