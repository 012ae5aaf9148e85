import Foundation
import Reports
import Support
import Testing

/// When the kernel's load samples meet bursts, foretold and then counted.
@Suite(.serialized)
struct BeatPredictionTests {
  private func whole(seconds: Int) throws -> LoadSnapshot {
    let ended = try loadwatch(
      arguments: ["--format", "json", "--interval", "2s", "--duration", "\(seconds)s"],
      seconds: Double(seconds + 30))
    #expect(ended.status == 0, "\(ended.errors)")
    return try #require(try ended.snapshots().last)
  }

  private func milliseconds(_ timestamp: String) throws -> Int64 {
    let date = try Date(
      timestamp, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    return Int64((date.timeIntervalSince1970 * 1000).rounded())
  }

  /// The time of the next load sample, and the time between two; ms.
  private func samples() throws -> (next: Int64, period: Int64) {
    let times = try #require(try whole(seconds: 12).load.samples).map { try milliseconds($0.at) }
    try #require(times.count >= 2)
    let apart = times[1] - times[0]
    // 5 s and a tick, at the rates at which that is a whole number of ms.
    let period = try #require([5001, 5004, 5010].min { abs($0 - apart) < abs($1 - apart) })
    #expect(abs(period - apart) <= 1)
    return (times[times.count - 1] + period, period)
  }

  /// Twelve processes that run for 60 ms at a time. The first sample to find them is to be one that is well after
  /// their period has become known.
  @Test(arguments: [(1000, 8), (10_000, 14)]) func theNextSpike(
    period: Int64, after samples: Int64
  ) throws {
    let (next, apart) = try self.samples()
    let meets = next + (samples - 1) * apart
    let phase = (meets - 2) % period
    let load = try Load("bursts", "12", "\(phase)", "\(period)", "60")
    let ended = try loadwatch(
      arguments: [
        "--format", "json", "--interval", "2s", "--duration", "\(samples * 5 + 12)s",
      ], seconds: Double(samples * 5 + 60))
    _ = load.stop()
    let snapshots = try ended.snapshots()
    let all = try #require(snapshots.last?.load.samples)
    let first = try #require(all.first { ($0.active ?? 0) >= 6 }, "\(all)")
    let truth = try milliseconds(first.at)
    #expect(abs(truth - meets) < 5100, "\(all)")
    // Each report from which on there is an answer, up to then.
    let told = try snapshots.compactMap { snapshot -> (BeatPart, Int64)? in
      guard let beat = snapshot.beats?.first(where: { $0.process == "testload" }),
        let begins = beat.begins, !beat.now, try milliseconds(snapshot.end) < truth
      else { return nil }
      return (beat, try milliseconds(begins))
    }
    try #require(!told.isEmpty, "\(snapshots.map(\.beats))")
    for (beat, begins) in told {
      #expect(abs(begins - truth) <= apart + 100, "\(beat), \(truth)")
      #expect(abs(Int64(beat.periodNs) - period * 1_000_000) < 1_000_000, "\(beat)")
      #expect(abs(Int64(beat.burstNs) - 60_000_000) < 15_000_000, "\(beat)")
      #expect(abs(beat.tasks - 12) < 2.5 && beat.count == 12, "\(beat)")
    }
  }

  /// As far apart as the samples: met always, or never.
  @Test(arguments: [true, false]) func inStep(isMet: Bool) throws {
    let (next, apart) = try samples()
    let phase = (next - (isMet ? 30 : 1000)) % apart
    let load = try Load("bursts", "12", "\(phase)", "\(apart)", "60")
    let final = try whole(seconds: 45)
    _ = load.stop()
    let beat = try #require(final.beats?.first { $0.process == "testload" }, "\(final.load)")
    #expect(
      beat.now == isMet && abs(Int64(beat.periodNs) - apart * 1_000_000) < 1_000_000, "\(beat)")
    // That doesn't end while anybody watches.
    if isMet { #expect((beat.lastsNs ?? .max) > 300_000_000_000, "\(beat)") }
    let active = try #require(final.load.samples).suffix(5).map { $0.active ?? 0 }
    #expect(active.allSatisfy { ($0 >= 6) == isMet }, "\(active)")
  }
}
