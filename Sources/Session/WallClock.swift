/// The wall clock's times for a run's instants, in order: a clock that is set while a run goes on
/// neither turns an interval round nor makes two of them overlap.
///
/// The clocks are read by the caller. Times in ns.
public struct WallClock: Sendable {
  /// What to add to an instant.
  private var offset: UInt64
  /// The last boundary.
  private var last: UInt64

  /// The clocks drift apart, are set, and one stops in suspend: the offset is taken anew where it is
  /// off by more.
  private static let mostDrift: Int64 = 100_000_000

  /// - Parameters:
  ///   - instant: the run's first, on the clock of its instants.
  ///   - wall: CLOCK_REALTIME then.
  public init(at instant: UInt64, wall: UInt64) {
    offset = wall &- instant
    last = instant
  }

  /// The time of an instant near the last boundary.
  public func time(of instant: UInt64) -> UInt64 { instant &+ offset }

  /// The time of the next boundary: an interval's end. Later than that of the one before, if the
  /// instant is.
  ///
  /// A clock that was set back is followed at half its speed, until it is caught up with.
  ///
  /// - Parameters:
  ///   - now: a reading of the clock of the instants.
  ///   - wall: CLOCK_REALTIME then.
  public mutating func boundary(_ instant: UInt64, now: UInt64, wall: UInt64) -> UInt64 {
    let drift = Int64(bitPattern: wall &- now &- offset)
    let passed = instant > last ? instant - last : 0
    if drift > Self.mostDrift {
      offset &+= UInt64(drift)
    } else if drift < -Self.mostDrift {
      offset &-= min(drift.magnitude, passed / 2)
    }
    last = max(last, instant)
    return time(of: last)
  }
}
