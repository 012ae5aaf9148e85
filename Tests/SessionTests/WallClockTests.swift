import Session
import Testing

/// The times of a run whose clock is set while it goes on.
struct WallClockTests {
  private static let second: UInt64 = 1_000_000_000
  private static let hour: UInt64 = 3600 * second
  /// The wall clock as a run begins, at 100 s of its own clock.
  private static let wall: UInt64 = 1_700_000_000 * second
  private static let start: UInt64 = 100 * second

  /// The times of the boundaries of a run in intervals of a second, by clocks that are as far apart as
  /// `offset` gives for each of them.
  private static func times(_ count: UInt64, offset: (UInt64) -> Int64) -> [UInt64] {
    var clock = WallClock(at: start, wall: wall)
    return [clock.time(of: start)]
      + (1...count).map { index in
        let now = start + index * second
        return clock.boundary(
          now, now: now, wall: UInt64(Int64(wall + index * second) + offset(index)))
      }
  }

  @Test func undisturbed() {
    let times = Self.times(10) { _ in 0 }
    #expect(times == (0...10).map { Self.wall + $0 * Self.second })
  }

  /// A little is no reason to let an interval be shorter than it was.
  @Test(arguments: [-90_000_000, 90_000_000] as [Int64]) func drift(by offset: Int64) {
    let times = Self.times(10) { _ in offset }
    #expect(times == (0...10).map { Self.wall + $0 * Self.second })
  }

  @Test func setForward() {
    let times = Self.times(10) { $0 > 5 ? Int64(Self.hour) : 0 }
    #expect(times[5] == Self.wall + 5 * Self.second)
    #expect(times[6] == Self.wall + 6 * Self.second + Self.hour)
    #expect(times[10] == Self.wall + 10 * Self.second + Self.hour)
  }

  /// No interval ends before it starts; and the clock is caught up with.
  @Test(arguments: [1, 60, 3600] as [Int64]) func setBack(by seconds: Int64) {
    let back = seconds * Int64(Self.second)
    let times = Self.times(UInt64(5 + 2 * seconds + 1)) { $0 > 5 ? -back : 0 }
    for (one, next) in zip(times, times.dropFirst()) { #expect(next > one) }
    let last = Self.start + UInt64(5 + 2 * seconds + 1) * Self.second
    #expect(times.last! - (Self.wall - UInt64(back) + last - Self.start) <= 100_000_000)
  }

  /// There and back.
  @Test func setTwice() {
    let times = Self.times(20) { (6..<10).contains($0) ? -Int64(Self.hour) : 0 }
    for (one, next) in zip(times, times.dropFirst()) { #expect(next > one) }
    #expect(times[20] == Self.wall + 20 * Self.second)
  }

  /// A boundary that is not later than the one before.
  @Test func sameInstant() {
    var clock = WallClock(at: Self.start, wall: Self.wall)
    for instant in [Self.start, Self.start - 5] {
      let time = clock.boundary(instant, now: Self.start, wall: Self.wall - Self.hour)
      #expect(time == Self.wall)
    }
  }
}
