import Tasks

/// The bursts of each name's processes, one after another. Times are CLOCK_MONOTONIC, ns, by which programs sleep and
/// the kernel ticks: the run queue clock is not steered to the same rate.
package struct BurstTrains {
  /// The processes of one name were active, with pauses at most.
  struct Burst: Equatable {
    var start: UInt64
    var end: UInt64
    /// Task-nanoseconds.
    var active: UInt64
  }

  struct Train {
    /// The oldest first.
    var bursts: [Burst] = []
    /// The processes, as far as they have numbers of their own, and when each was last active.
    var pids: [UInt32: UInt64] = [:]

    /// Those that were in one of the last two bursts.
    var recent: Set<UInt32> {
      let since = bursts.suffix(2).first?.start ?? 0
      return Set(pids.filter { $0.value >= since }.keys)
    }
  }

  private(set) var trains: [Comm: Train] = [:]

  /// Bursts that are less apart are one.
  private static let pause: UInt64 = 100_000_000
  private static let kept = 64
  private static let most = 512
  /// Whoever did nothing for so long is forgotten.
  private static let forgotten: UInt64 = 900_000_000_000

  /// Takes what was noted in an interval, by the run queue clock.
  ///
  /// - Parameters:
  ///   - clockOffset: what that is ahead of CLOCK_MONOTONIC.
  ///   - party: the process of a number.
  mutating func add(
    _ stays: [BurstLog.Stay], until end: UInt64, clockOffset: UInt64, _ party: (UInt32) -> Party
  ) {
    let end = end &- clockOffset
    for stay in stays.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }) {
      let party = party(stay.party)
      var stay = stay
      stay.from &-= clockOffset
      stay.to &-= clockOffset
      if party.number >= Party.firstNumber {
        trains[party.comm, default: Train()].add(
          stay, pid: party.pid, pause: Self.pause, kept: Self.kept)
      }
    }
    trains = trains.filter { end &- min(end, $0.value.bursts.last?.end ?? 0) < Self.forgotten }
    if trains.count > Self.most {
      let newest = trains.sorted {
        ($0.value.bursts.last?.end ?? 0) > ($1.value.bursts.last?.end ?? 0)
      }
      trains = Dictionary(uniqueKeysWithValues: newest.prefix(Self.most).map { ($0.key, $0.value) })
    }
  }
}

extension BurstTrains.Train {
  fileprivate mutating func add(
    _ stay: BurstLog.Stay, pid: UInt32, pause: UInt64, kept: Int
  ) {
    if pid != 0, pids.count < 32 || pids[pid] != nil {
      pids[pid] = stay.to
      if pids.count == 32 {
        let recent = recent
        pids = pids.filter { recent.contains($0.key) }
      }
    }
    let active = stay.to &- stay.from
    guard let last = bursts.indices.last, stay.from <= bursts[last].end &+ pause else {
      bursts.append(BurstTrains.Burst(start: stay.from, end: stay.to, active: active))
      if bursts.count > kept { bursts.removeFirst() }
      return
    }
    // It ended in this interval, and was over before the last burst began.
    guard stay.to &+ pause >= bursts[last].start else { return }
    bursts[last].start = min(bursts[last].start, stay.from)
    bursts[last].end = max(bursts[last].end, stay.to)
    bursts[last].active &+= active
  }
}
