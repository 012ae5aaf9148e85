/// Random numbers that are the same in every run (Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", 2014).
public struct SplitMix64: RandomNumberGenerator, Sendable {
  public var state: UInt64

  public init(seed: UInt64) {
    state = seed
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// True once in `count` times.
  public mutating func once(in count: Int) -> Bool {
    Int.random(in: 0..<count, using: &self) == 0
  }

  /// A value whose number of bits is random, up to `bits`: small ones as often as large ones.
  public mutating func value(bits: UInt64 = 64) -> UInt64 {
    let width = UInt64.random(in: 0...bits, using: &self)
    return width == 0 ? 0 : next() >> (64 - width)
  }

  /// Many of them.
  public mutating func values(_ count: Int, bits: UInt64 = 64) -> [UInt64] {
    (0..<count).map { _ in value(bits: bits) }
  }
}
