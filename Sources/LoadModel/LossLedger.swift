/// Books losses where they are in the stream of records.
///
/// The kernel side counts a loss at once, while the records from before it may wait in the ring for long:
/// to the consumer it comes after these. What isn't booked yet counts as pending.
public struct LossLedger: Sendable {
  /// Losses that one reading of the kernel side's counters showed.
  private struct Loss {
    /// How many records the ring had taken as of the reading before, and as of this one: the losses lie
    /// between the two.
    var after: UInt64
    var before: UInt64
    var count: UInt64
  }

  private struct CPU {
    var losses: [Loss] = []
    /// As of the last reading.
    var placed: UInt64 = 0
    var ringFull: UInt64 = 0
    /// Records with a gap before them that were consumed.
    var gaps: UInt64 = 0
    /// The stream has come to a loss after so many records, and what comes after it isn't there yet.
    var openAt: UInt64?
  }

  private var cpus: [CPU]
  /// Records lost in the stream as far as it was consumed.
  public private(set) var ringFull: UInt64 = 0
  private var noRing: UInt64 = 0
  private var hasLosses = false

  /// A consumer that comes too late for very long keeps the last losses together.
  private static let mostLosses = 64

  /// - Parameter cpus: how many CPUs there can be.
  public init(cpus: Int) {
    self.cpus = Array(repeating: CPU(), count: cpus)
  }

  /// Takes a reading of one CPU's counters, before its ring is drained.
  ///
  /// - Parameters:
  ///   - placed: records that its ring has taken.
  ///   - ringFull: those that it had no room for.
  public mutating func note(cpu: Int, placed: UInt64, ringFull: UInt64) {
    guard cpus.indices.contains(cpu) else { return }
    defer { cpus[cpu].placed = max(cpus[cpu].placed, placed) }
    guard ringFull > cpus[cpu].ringFull else { return }
    let count = ringFull - cpus[cpu].ringFull
    cpus[cpu].ringFull = ringFull
    if cpus[cpu].losses.count < Self.mostLosses {
      cpus[cpu].losses.append(Loss(after: cpus[cpu].placed, before: placed, count: count))
    } else {
      cpus[cpu].losses[Self.mostLosses - 1].before = placed
      cpus[cpu].losses[Self.mostLosses - 1].count &+= count
    }
  }

  /// Takes a reading of what CPUs without a ring have lost: nothing shows where.
  public mutating func note(noRing: UInt64) {
    hasLosses = hasLosses || noRing > self.noRing
    self.noRing = noRing
  }

  /// Books what lies in the part of a CPU's stream that was consumed.
  ///
  /// - Parameters:
  ///   - taken: records of this CPU that were consumed, ever.
  ///   - gaps: those of them that had a gap before them.
  public mutating func book(cpu: Int, taken: UInt64, gaps: UInt64) {
    guard cpus.indices.contains(cpu) else { return }
    let hasGap = gaps > cpus[cpu].gaps
    cpus[cpu].gaps = gaps
    if let openAt = cpus[cpu].openAt, taken > openAt { cpus[cpu].openAt = nil }
    while let loss = cpus[cpu].losses.first {
      guard taken >= loss.before || hasGap && taken > loss.after else { break }
      ringFull &+= loss.count
      hasLosses = true
      if taken == loss.before { cpus[cpu].openAt = taken }
      cpus[cpu].losses.removeFirst()
    }
  }

  /// Ends an interval.
  ///
  /// - Returns: whether records are missing in it: some were lost, or what comes after an earlier loss
  ///   had still not come as it began.
  public mutating func close() -> Bool {
    let isLossy = hasLosses
    hasLosses = cpus.contains { $0.openAt != nil }
    return isLossy
  }
}
