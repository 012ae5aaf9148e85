/// Names of systemd's units.
package enum UnitName {
  /// Without the escapes of systemd-escape(1): `\x2d` stands for a dash. Bytes that are not UTF-8 are
  /// replaced. May hold anything, as the name of a task may.
  package static func unescaped(_ name: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(name.utf8)[...]
    while let byte = rest.popFirst() {
      let escape = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), escape.first == UInt8(ascii: "x"), escape.count == 3,
        escape.dropFirst().allSatisfy(ContainerID.isHexadecimal),
        let value = UInt8(String(decoding: escape.dropFirst(), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
