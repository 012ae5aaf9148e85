import Records

/// A call stack in user space, as addresses.
///
/// Holds its frames in itself: a record of one costs no allocation.
public struct UserStack: Sendable, Hashable {
  private var count = 0
  private var frames = [32 of UInt64](repeating: 0)

  /// - Precondition: the record is a `sonde_stack`.
  package init(_ record: RawSpan) {
    let length = Int(unsafe record.unsafeLoad(as: sonde_header.self).aux)
    let offset = MemoryLayout<sonde_stack>.offset(of: \.frames)!
    count = min(length / 8, frames.count)
    for index in 0..<count {
      frames[index] = unsafe record.unsafeLoad(
        fromByteOffset: offset + 8 * index, as: UInt64.self)
    }
  }

  package init(_ addresses: [UInt64]) {
    count = min(addresses.count, frames.count)
    for index in 0..<count { frames[index] = addresses[index] }
  }

  /// Innermost first; empty where there is none.
  public var addresses: [UInt64] { (0..<count).map { frames[$0] } }

  package var isEmpty: Bool { count == 0 }

  public static func == (one: Self, two: Self) -> Bool {
    guard one.count == two.count else { return false }
    for index in 0..<one.count where one.frames[index] != two.frames[index] { return false }
    return true
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(count)
    for index in 0..<count { hasher.combine(frames[index]) }
  }
}

extension UserStack: Codable {
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode([UInt64].self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(addresses)
  }
}

extension CloneInterval.StackKey {
  static func precedes(_ one: Self, _ two: Self) -> Bool {
    one.tgid != two.tgid
      ? one.tgid < two.tgid
      : one.stack.addresses.lexicographicallyPrecedes(two.stack.addresses)
  }
}
