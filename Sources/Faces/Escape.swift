/// Text from outside, such that it can neither command the terminal nor hide or reorder what is
/// shown: anyone may choose the names of tasks, cgroups and files.
///
/// Control characters and those that take no room of their own come out as `\x1b` or `\u{202e}`, a
/// backslash as `\\`; all else is kept, and nothing is lost.
public func escaped(_ untrusted: String) -> String {
  var text = ""
  for scalar in untrusted.unicodeScalars {
    append(scalar, to: &text)
  }
  return text
}

/// The same for bytes that should be UTF-8; those that are not come out as `\xff`.
public func escaped(bytes: some Sequence<UInt8>) -> String {
  var text = ""
  var rest = Array(bytes)[...]
  while !rest.isEmpty {
    guard let scalar = firstScalar(of: rest) else {
      text += "\\x" + hexadecimal(rest.removeFirst(), digits: 2)
      continue
    }
    append(scalar, to: &text)
    rest = rest.dropFirst(scalar.utf8.count)
  }
  return text
}

private func append(_ scalar: Unicode.Scalar, to text: inout String) {
  switch scalar {
  case "\\": text += "\\\\"
  case _ where !isHarmful(scalar): text.unicodeScalars.append(scalar)
  case _ where scalar.isASCII: text += "\\x" + hexadecimal(scalar.value, digits: 2)
  // Not `\x9b`: that is a byte.
  default: text += "\\u{" + hexadecimal(scalar.value, digits: 2) + "}"
  }
}

private func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator: true
  default: scalar.properties.isDefaultIgnorableCodePoint
  }
}

/// The scalar that the bytes begin with; nil if they begin with none.
private func firstScalar(of bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
  var iterator = bytes.makeIterator()
  var decoder = UTF8()
  guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
  return scalar
}

private func hexadecimal(_ value: some BinaryInteger, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
