/// The ids that runtimes give their containers: 256 random bits, in hexadecimal.
package enum ContainerID {
  package static func isOne(_ text: some StringProtocol) -> Bool {
    text.utf8.count == 64 && text.utf8.allSatisfy(isHexadecimal)
  }

  /// As the runtimes' own tools show it; a name stays as it is.
  static func shown(_ container: String) -> String {
    isOne(container) ? String(container.prefix(12)) : container
  }

  /// In lower case, as all of them write it.
  package static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
