/// What a terminal tells of a key or of the mouse.
public enum Key: Equatable, Sendable {
  case up, down, left, right, pageUp, pageDown, home, end
  case enter, escape, tab, backTab, backspace
  case text(Character)
  /// From the top left corner on, which is 0, 0.
  case click(column: Int, row: Int)
  case wheelUp, wheelDown
}

/// Makes keys of the bytes that a terminal sends: UTF-8, control characters, and the sequences of ECMA-48
/// and xterm (ctlseqs, "PC-Style Function Keys" and "Mouse Tracking", SGR).
public struct KeyReader: Sendable {
  /// The beginning of a key whose rest has not come yet.
  private var pending: [UInt8] = []
  /// No sequence is longer.
  private static let longest = 32

  public init() {}

  /// Whether what has come may be the beginning of more. An Esc alone is, for as long as nothing follows:
  /// ``giveUp()``.
  public var isWaiting: Bool { !pending.isEmpty }

  /// The keys that are complete with these bytes.
  public mutating func keys(_ bytes: some Sequence<UInt8>) -> [Key] {
    pending += bytes
    var keys: [Key] = []
    while let (key, length) = next() {
      pending.removeFirst(length)
      if let key { keys.append(key) }
    }
    return keys
  }

  /// Nothing has followed for a while. Of a sequence that broke off there is no key: over a slow line its
  /// rest may still come.
  public mutating func giveUp() -> [Key] {
    defer { pending = [] }
    return pending == [0x1b] ? [.escape] : []
  }

  /// The first key, or nil of it where it is one that nobody asked for; nil where it isn't complete.
  private func next() -> (key: Key?, length: Int)? {
    guard let first = pending.first else { return nil }
    switch first {
    case 0x1b: return sequence()
    case 0x0a, 0x0d: return (.enter, 1)
    case 0x09: return (.tab, 1)
    case 0x08, 0x7f: return (.backspace, 1)
    case ..<0x20: return (nil, 1)
    default: return character(first)
    }
  }

  private func character(_ first: UInt8) -> (key: Key?, length: Int)? {
    let length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
    guard pending.count >= length else { return nil }
    guard let text = String(validating: pending.prefix(length), as: UTF8.self),
      let only = text.first
    else { return (nil, 1) }
    // Control characters of ISO 6429 are no text.
    if let scalar = text.unicodeScalars.first, scalar.properties.generalCategory == .control {
      return (nil, length)
    }
    return (.text(only), length)
  }

  private func sequence() -> (key: Key?, length: Int)? {
    guard pending.count > 1 else { return nil }
    switch pending[1] {
    case UInt8(ascii: "["): return controlSequence()
    case UInt8(ascii: "O"):
      guard pending.count > 2 else { return nil }
      return (Self.named(pending[2]), 3)
    // Esc, and a key of its own.
    default: return (.escape, 1)
    }
  }

  private func controlSequence() -> (key: Key?, length: Int)? {
    guard
      let end = pending.dropFirst(2).firstIndex(where: { !(0x20...0x3f).contains($0) })
    else {
      return pending.count > Self.longest ? (nil, pending.count) : nil
    }
    // What is no part of a sequence ends it.
    guard (0x40...0x7e).contains(pending[end]) else { return (nil, end) }
    let parameters = pending[2..<end]
    let final = pending[end]
    let length = end + 1
    if parameters.first == UInt8(ascii: "<") {
      return (Self.mouse(Self.numbers(parameters.dropFirst()), final), length)
    }
    switch final {
    case UInt8(ascii: "~"):
      return (Self.numbered(Self.numbers(parameters).first ?? 0), length)
    case UInt8(ascii: "Z"): return (.backTab, length)
    default: return (Self.named(final), length)
    }
  }

  private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int] {
    bytes.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map {
      Int(String(decoding: $0, as: UTF8.self)) ?? 0
    }
  }

  private static func named(_ final: UInt8) -> Key? {
    switch final {
    case UInt8(ascii: "A"): .up
    case UInt8(ascii: "B"): .down
    case UInt8(ascii: "C"): .right
    case UInt8(ascii: "D"): .left
    case UInt8(ascii: "H"): .home
    case UInt8(ascii: "F"): .end
    case UInt8(ascii: "M"): .enter
    default: nil
    }
  }

  /// As VT220 and rxvt number them.
  private static func numbered(_ number: Int) -> Key? {
    switch number {
    case 1, 7: .home
    case 4, 8: .end
    case 5: .pageUp
    case 6: .pageDown
    default: nil
    }
  }

  private static func mouse(_ numbers: [Int], _ final: UInt8) -> Key? {
    guard numbers.count == 3, final == UInt8(ascii: "M") else { return nil }
    switch numbers[0] & ~0x1c {
    case 0: return .click(column: max(0, numbers[1] - 1), row: max(0, numbers[2] - 1))
    case 64: return .wheelUp
    case 65: return .wheelDown
    default: return nil
    }
  }
}
