import FoundationEssentials

/// What `JSONDecoder` lets pass: of a key that an object has twice it takes one.
enum StrictJSON {
  /// The first key that stands twice in one object, as it is written.
  ///
  /// - Parameter line: well-formed JSON.
  static func repeatedKey(in line: some Sequence<UInt8>) -> String? {
    /// The keys of each open object; of an array nil.
    var open: [Set<String>?] = []
    var iterator = line.makeIterator()
    var isKey = false
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "{"):
        open.append([])
        isKey = true
      case UInt8(ascii: "["):
        open.append(nil)
        isKey = false
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        open.removeLast()
        isKey = false
      case UInt8(ascii: ","):
        isKey = open.last.flatMap { $0 } != nil
      case UInt8(ascii: "\""):
        let text = string(&iterator)
        guard isKey else { continue }
        if open[open.count - 1]?.insert(text).inserted == false { return text }
        isKey = false
      default: break
      }
    }
    return nil
  }

  /// A string, the iterator being behind its first quote.
  private static func string(_ rest: inout some IteratorProtocol<UInt8>) -> String {
    var bytes: [UInt8] = [UInt8(ascii: "\"")]
    var hasEscapes = false
    while let byte = rest.next() {
      bytes.append(byte)
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\"), let escaped = rest.next() {
        bytes.append(escaped)
        hasEscapes = true
      }
    }
    // The same key may be written with an escape or without.
    if hasEscapes, let text = try? JSONDecoder().decode(String.self, from: Data(bytes)) {
      return text
    }
    return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
  }
}
