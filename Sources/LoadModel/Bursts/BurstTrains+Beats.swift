import Reports
package import Tasks

extension BurstTrains {
  /// Processes whose bursts make the load average rise for a while, and then don't.
  package struct Found {
    package var comm: Comm
    package var pids: Set<UInt32>
    package var beat: Beat
    package var meeting: Beat.Meeting?
  }

  /// A rise of load1 that is worth a line; on a large machine a tenth of its CPUs.
  private static let leastRise = 0.5
  /// How many of the last bursts may be regular.
  private static let lengths = [64, 16, 6]

  /// - Parameters:
  ///   - samplePeriod: from one load sample to the next.
  ///   - sample: when the next one is.
  ///   - end: up to when bursts are known.
  /// - Returns: the largest rise first.
  package func beats(
    samplePeriod: UInt64, sample: UInt64, end: UInt64, cpus: Int
  ) -> [Found] {
    let found = trains.compactMap { comm, train -> Found? in
      // Of who has changed its ways, what came since.
      let found = Self.lengths.lazy.map { train.bursts.suffix($0) }.compactMap { bursts in
        RegularTimes(bursts.map(\.start)).map { (bursts, $0) }
      }.first
      guard let (bursts, times) = found else { return nil }
      // The last may go on.
      let whole = bursts.dropLast()
      let lengths = whole.map { Double($0.end &- $0.start) }.sorted()
      let length = lengths[lengths.count / 2]
      let active = whole.reduce(0) { $0 + Double($1.active) }
      guard times.jitter <= max(length / 4, 5e6), active > 0,
        Double(end) - times.origin < 2.5 * times.period,
        let beat = Beat(
          period: times.period, length: length, tasks: active / lengths.reduce(0, +),
          samplePeriod: Double(samplePeriod)),
        beat.peak - beat.mean >= max(Self.leastRise, 0.1 * Double(cpus))
      else { return nil }
      return Found(
        comm: comm, pids: train.recent, beat: beat,
        meeting: beat.meeting(burst: times.origin, sample: Double(sample)))
    }
    return found.sorted { ($0.beat.peak, $1.comm.text) > ($1.beat.peak, $0.comm.text) }
  }
}

extension BurstTrains.Found {
  /// As a report has it.
  ///
  /// - Parameter timestamp: the wall clock at a time of CLOCK_MONOTONIC.
  func part(_ timestamp: (UInt64) -> String) -> BeatPart {
    func ns(_ value: Double) -> UInt64? {
      value < 0x1p62 ? UInt64(max(0, value.rounded())) : nil
    }
    return BeatPart(
      process: comm.text, pid: pids.count == 1 ? pids.first : nil, count: max(1, pids.count),
      periodNs: ns(beat.period) ?? 0, burstNs: ns(beat.length) ?? 0, tasks: beat.tasks,
      mean: beat.mean, load1: beat.peak, lastsNs: ns(beat.lasts), everyNs: ns(beat.every),
      now: meeting?.isNow ?? false, begins: meeting.flatMap { ns($0.begins) }.map(timestamp),
      ends: meeting.flatMap { ns($0.ends) }.map(timestamp))
  }
}
