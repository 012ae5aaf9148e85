/// Which part of a recording is reported, and in what intervals. Times are CLOCK_REALTIME, ns.
public struct ReplayWindow: Sendable {
  public var from: UInt64?
  public var to: UInt64?
  /// How long from where it begins; nil: to the end.
  public var length: UInt64?
  /// How many intervals; nil: all.
  public var count: Int?
  /// How long an interval is to be; nil: as recorded.
  public var interval: UInt64?
  /// Where that isn't said: into how many intervals at most so long a time is to be divided, ns.
  public var division: (time: UInt64, most: Int)?
  /// So many recorded intervals make one.
  private var every = 1

  private var hasBegun = false
  private var closed = 0
  public private(set) var isOver = false

  public init(
    from: UInt64? = nil, to: UInt64? = nil, interval: UInt64? = nil, length: UInt64? = nil,
    count: Int? = nil
  ) {
    (self.from, self.to, self.interval) = (from, to, interval)
    (self.length, self.count) = (length, count)
  }

  /// - Parameter recorded: the length of the recorded run's intervals, ns.
  /// - Returns: that of those to report; nil where it can't be made of them.
  package mutating func length(recorded: UInt64) -> UInt64? {
    guard let interval else {
      every = division.map { Self.every(recorded, $0.time, most: $0.most) } ?? 1
      return recorded &* UInt64(every)
    }
    guard recorded > 0, interval >= recorded, interval % recorded == 0 else { return nil }
    every = Int(clamping: interval / recorded)
    return interval
  }

  /// How many recorded intervals to merge so that at most `most` remain, rounded up to a length that people
  /// are used to.
  private static func every(_ recorded: UInt64, _ time: UInt64, most: Int) -> Int {
    guard recorded > 0 else { return 1 }
    func quotient(_ number: UInt64, _ divisor: UInt64) -> UInt64 {
      number / divisor + (number % divisor == 0 ? 0 : 1)
    }
    let least = quotient(quotient(time, recorded), UInt64(max(1, most)))
    let round: [UInt64] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600]
    return Int(clamping: round.first { $0 >= least } ?? least)
  }

  /// What to do with the boundary of a recorded interval.
  package enum Boundary {
    /// Nothing of it is reported; a model closes the interval for itself.
    case before
    /// Reports begin here.
    case begins
    /// Another interval goes on.
    case within
    case closes
    /// The last one: the whole is due.
    case ends
  }

  /// A model begins at that time.
  package mutating func starts(at wall: UInt64) {
    hasBegun = wall >= from ?? 0
    if hasBegun { begin(at: wall) }
  }

  private mutating func begin(at wall: UInt64) {
    guard let length else { return }
    // Intervals are as long as their clock has it, which the wall clock may differ from.
    let end = wall.addingReportingOverflow(length - min(length, Self.slack))
    if !end.overflow { to = min(to ?? .max, end.partialValue) }
  }

  private static let slack: UInt64 = 5_000_000

  /// - Parameter isLast: whether the recorded run ended there.
  package mutating func boundary(at wall: UInt64, isLast: Bool) -> Boundary {
    guard hasBegun else {
      guard wall >= from ?? 0, !isLast else { return .before }
      hasBegun = true
      begin(at: wall)
      return .begins
    }
    closed += 1
    if wall >= to ?? .max || closed / every >= count ?? .max {
      isOver = true
      return .ends
    }
    return isLast || closed % every == 0 ? .closes : .within
  }

  /// Whether anything is reported.
  package var reports: Bool { hasBegun }
}
