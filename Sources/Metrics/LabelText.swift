import Faces

/// Names that workloads choose, as labels: escaped, and of bounded length.
package enum LabelText {
  // A container of Kubernetes takes 190.
  private static let most = 256

  package static func of(_ name: String) -> String {
    // The formats escape backslashes, which units have in their names.
    let text = name.split(separator: "\\", omittingEmptySubsequences: false)
      .map { escaped(String($0)) }.joined(separator: "\\")
    guard text.utf8.count > most else { return text }
    // FNV-1a: names that differ further on stay apart.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var kept = ""
    for character in text {
      guard kept.utf8.count + character.utf8.count <= most else { break }
      kept.append(character)
    }
    return kept + "~" + String(hash, radix: 16)
  }
}
