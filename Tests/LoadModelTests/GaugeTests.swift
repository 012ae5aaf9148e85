import LoadModel
import Testing
import Support

/// The gauge against counting by hand.
struct GaugeTests {
  struct Stay {
    var begin: UInt64
    var end: UInt64
  }

  /// Instants are so far apart that the planned length has at most 4096 of them.
  static func step(length: UInt64) -> UInt64 {
    var step: UInt64 = 1 << 20
    while length / step > 4096 { step *= 2 }
    return step
  }

  @Test(arguments: 0..<40 as Range<UInt64>) func countingByHand(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let start = UInt64.random(in: 0...1 << 50, using: &random)
    // From less than one instant's to far more than 4096 of them.
    let most: UInt64 = 1 << UInt64.random(in: 10...40, using: &random)
    let planned = UInt64.random(in: 1...most, using: &random)
    let length = random.once(in: 3) ? planned * 2 : planned
    var gauge = Gauge()
    if random.once(in: 2) {
      gauge.begin(at: 7, length: planned)
      gauge.add(from: 8, to: 9_000_000)
    }
    gauge.begin(at: start, length: planned)
    var stays: [Stay] = []
    for _ in 0..<Int.random(in: 0...60, using: &random) {
      let a = UInt64.random(in: 0...length, using: &random)
      let b = UInt64.random(in: 0...length, using: &random)
      // Some began before, some end before they begin.
      let begin = random.once(in: 5) ? start - min(start, a) : start + a
      stays.append(Stay(begin: begin, end: start + b))
      gauge.add(from: begin, to: start + b)
    }
    let inside = stays.map { Stay(begin: max($0.begin, start), end: $0.end) }
      .filter { $0.end > $0.begin }
    let total = inside.reduce(0) { $0 + ($1.end - $1.begin) }
    #expect(gauge.total == total)

    let step = Self.step(length: planned)
    var largest = 0
    for index in 0...planned / step {
      let instant = start + index * step
      largest = max(largest, inside.count { $0.begin <= instant && instant < $0.end })
    }
    let mean = Int((total + length - 1) / length)
    #expect(gauge.maximum(over: length) == max(largest, mean, inside.isEmpty ? 0 : 1))
    // And never more than there were at once: that is the most at the beginning of some stay.
    let counts = inside.map { stay in
      inside.count { $0.begin <= stay.begin && stay.begin < $0.end }
    }
    #expect(gauge.maximum(over: length) <= counts.max() ?? 0)
  }

  /// A burst of D exactly while the load is sampled (bcc 4392) is seen if it lasts for an instant's
  /// distance.
  @Test func aBurst() {
    var gauge = Gauge()
    gauge.begin(at: 0, length: 5_000_000_000)
    for _ in 0..<500 { gauge.add(from: 2_000_000_000, to: 2_002_200_000) }
    #expect(gauge.maximum(over: 5_000_000_000) == 500)
  }

  @Test func nothingAtAll() {
    var gauge = Gauge()
    gauge.begin(at: 100, length: 1000)
    gauge.add(from: 20, to: 90)
    gauge.add(from: 200, to: 200)
    gauge.add(from: 300, to: 250)
    #expect(gauge.total == 0 && gauge.maximum(over: 1000) == 0 && gauge.maximum(over: 0) == 0)
  }

  @Test(arguments: [0, 1, 1 << 20, .max] as [UInt64]) func anyLengthAndAnyTime(length: UInt64) {
    var random = SplitMix64(seed: length)
    var gauge = Gauge()
    for start in [0, 1 << 40, .max] as [UInt64] {
      gauge.begin(at: start, length: length)
      for _ in 0..<1000 { gauge.add(from: random.next(), to: random.next()) }
      for length in [0, 1, length, .max] { #expect(gauge.maximum(over: length) >= 0) }
    }
  }
}
