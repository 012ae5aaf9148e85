/// What tasks did within a second of a long sleep: what bursts are made of.
///
/// Only those that wake up rarely are noted, so that a busy machine writes no more than an idle one.
struct BurstLog: ~Copyable {
  /// A task was runnable, run queue clock, ns.
  struct Stay: Sendable {
    /// Its process's number.
    var party: UInt32
    var from: UInt64
    var to: UInt64
  }

  private(set) var stays: [Stay] = []

  /// A shorter period than that has samples in each of its phases within minutes.
  static let leastSleep: UInt64 = 300_000_000
  /// In units of 2^20 ns. Who is still running then is busy.
  private static let longest: UInt32 = 1000
  /// More than that at a time is no sign of regular work: what comes then is left out.
  private static let most = 16384

  init() { stays.reserveCapacity(Self.most) }

  /// What a task keeps of the instant at which its burst begins: never 0.
  @inline(__always)
  static func mark(of time: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: time >> 20) | 1 }

  /// A task whose burst began at `mark` has been runnable.
  ///
  /// - Returns: false where its burst is over.
  @inline(never)
  mutating func add(_ party: UInt32, from: UInt64, to: UInt64, mark: UInt32) -> Bool {
    guard Self.mark(of: to) &- mark <= Self.longest else { return false }
    if stays.count < Self.most, to > from {
      stays.append(Stay(party: party, from: from, to: to))
    }
    return true
  }

  mutating func removeAll() { stays.removeAll(keepingCapacity: true) }
}
