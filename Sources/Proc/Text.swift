// All by bytes: as Characters, a task name that ends in a carriage return would swallow the newline.

extension String {
  /// The lines that hold something.
  package var lines: [Substring] {
    utf8.split(separator: UInt8(ascii: "\n")).map(Substring.init)
  }
}

extension Substring {
  /// What stands between spaces and tabs.
  package var words: [Substring] {
    utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map(Substring.init)
  }

  /// The two sides of the first such byte; nil when there is none.
  func cut(at separator: Unicode.Scalar) -> (Substring, Substring)? {
    guard let place = utf8.firstIndex(of: UInt8(ascii: separator)) else { return nil }
    return (Substring(utf8[..<place]), Substring(utf8[place...].dropFirst()))
  }
}
