import LoadModel
import Records
import Support
import Tasks
import Testing

/// Bursts at regular times, and the kernel's load samples.
struct BeatTests {
  /// LOAD_FREQ, ns.
  private static func samplePeriod(_ hz: Double) -> Double { (5 * hz + 1) * (1e9 / hz).rounded() }

  /// Known from the arithmetic: a period of ten seconds, and of one, at the rates that kernels have.
  @Test func everySoOften() throws {
    func every(_ hz: Double, _ period: Double) throws -> Double {
      let beat = Beat(
        period: period * 1e9, length: 1e8, tasks: 32, samplePeriod: Self.samplePeriod(hz))
      return try #require(beat).every / 1e9
    }
    #expect(try abs(every(250, 10) - 6255) < 0.5 && abs(every(250, 1) - 1251) < 0.5)
    #expect(try abs(every(1000, 10) - 25005) < 0.5)
    let telegraf = try #require(
      Beat(period: 1e10, length: 1e8, tasks: 32, samplePeriod: Self.samplePeriod(250)))
    #expect(abs(telegraf.peak - 14.6) < 0.05)
    #expect(telegraf.samplesPerHit == 2 && abs(telegraf.hits - 12.5) < 1e-6)
    #expect(abs(telegraf.lasts / 1e9 - 125.1) < 0.01 && abs(telegraf.mean - 0.32) < 1e-9)
  }

  /// Against a kernel that counts each sample.
  @Test func asCounted() throws {
    let found = try (0..<200 as Range<UInt64>).count { try asCounted(seed: $0) }
    #expect(found > 60)
  }

  /// - Returns: whether there is anything to count.
  private func asCounted(seed: UInt64) throws -> Bool {
    var random = SplitMix64(seed: seed)
    let samplePeriod = Self.samplePeriod([100, 250, 300, 1000].randomElement(using: &random)!)
    let period = [1, 2, 2.5, 5, 10, 15, 30, 60].randomElement(using: &random)! * 1e9
    // Some programs sleep for that long after their work.
    let late = Bool.random(using: &random) ? 0 : Double.random(in: 0...0.02, using: &random) * 1e9
    let length = Double.random(in: 0.02...0.3, using: &random) * 1e9
    let tasks = Double.random(in: 1...64, using: &random)
    let burst = Double.random(in: 0...1e11, using: &random)
    let first = Double.random(in: 1e12...1.1e12, using: &random)
    guard
      let beat = Beat(
        period: period + late, length: length, tasks: tasks, samplePeriod: samplePeriod)
    else { return false }
    func finds(_ index: Int) -> Bool {
      let phase = (first + Double(index) * samplePeriod - burst).truncatingRemainder(
        dividingBy: period + late)
      return phase < length
    }
    // At least once on the way round.
    let most = Int(min(3e5, beat.every / samplePeriod * Double(beat.samplesPerHit) + 1000))
    let meeting = try #require(beat.meeting(burst: burst, sample: first))
    guard let begins = (0..<most).first(where: finds) else {
      #expect(meeting.begins > first + Double(most) * samplePeriod)
      return true
    }
    let predicted = (meeting.begins - first) / samplePeriod
    #expect(abs(predicted - Double(begins)) < 1, "\(beat), \(begins), \(meeting)")
    var ends = begins
    while finds(ends + beat.samplesPerHit) { ends += beat.samplesPerHit }
    let predictedEnd = (meeting.ends - first) / samplePeriod
    #expect(abs(predictedEnd - Double(ends)) <= Double(beat.samplesPerHit), "\(beat), \(ends)")
    // The rise by the next time that they meet for all of it.
    var next = ends + 1
    while next < ends + most, !finds(next) { next += 1 }
    guard next < ends + most else { return true }
    var load = 0.0
    var index = next
    while finds(index) {
      for skipped in 0..<beat.samplesPerHit {
        let active = skipped == 0 ? tasks : 0
        load = load * 1884 / 2048 + active * (1 - 1884.0 / 2048)
      }
      index += beat.samplesPerHit
    }
    // As it is at the last hit, and not at the samples after it.
    for _ in 1..<beat.samplesPerHit { load = load * 2048 / 1884 }
    #expect(abs(load - beat.peak) < 0.02 * beat.peak + tasks * 0.08, "\(beat), \(load)")
    return true
  }

  @Test func neverAndAlways() throws {
    let samplePeriod = Self.samplePeriod(250)
    let beat = try #require(
      Beat(period: samplePeriod, length: 1e8, tasks: 9, samplePeriod: samplePeriod))
    #expect(beat.drift == 0 && beat.meeting(burst: 0, sample: samplePeriod * 3 + 2e8) == nil)
    let met = try #require(beat.meeting(burst: 0, sample: samplePeriod * 3 + 5e7))
    #expect(met.isNow && met.ends == .greatestFiniteMagnitude)
    #expect(abs(beat.peak - 9) < 1e-6)
    // Met at random; longer than they are apart; none.
    #expect(Beat(period: 3.217e9, length: 1e6, tasks: 9, samplePeriod: samplePeriod) == nil)
    #expect(Beat(period: 1e9, length: 2e9, tasks: 9, samplePeriod: samplePeriod) == nil)
    #expect(Beat(period: 1e9, length: 1e8, tasks: 0, samplePeriod: samplePeriod) == nil)
  }

  /// Early and late by a few ms, some missing.
  @Test(arguments: 0..<50 as Range<UInt64>) func regularTimes(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let period = Double.random(in: 0.8...30, using: &random) * 1e9
    let start = UInt64.random(in: 1_000_000_000...1 << 50, using: &random)
    let count = Int.random(in: 12...60, using: &random)
    let jitter = 3e6
    var times: [UInt64] = []
    for index in 0..<count where index < 2 || !random.once(in: 8) {
      let late = Double.random(in: -jitter...jitter, using: &random)
      times.append(start + UInt64(Double(index) * period + jitter + late))
    }
    let found = try #require(RegularTimes(times))
    #expect(abs(found.period - period) < 4 * jitter / Double(count) + 1e5)
    let last = (found.origin - Double(start) - jitter) / period
    #expect(abs(last - last.rounded()) * period < 2 * jitter, "\(found)")
    #expect(found.jitter < jitter)
  }

  /// People choose round figures.
  @Test func roundPeriods() throws {
    let times = (0..<7 as Range<UInt64>).map { (index: UInt64) -> UInt64 in
      let late = index * 7919 % 3 * 700_000
      return 5_000_000_000 + index * 10_000_000_000 + late
    }
    #expect(try #require(RegularTimes(times)).period == 1e10)
    let others = (0..<7 as Range<UInt64>).map { (index: UInt64) -> UInt64 in
      5_000_000_000 + index * 10_004_000_000
    }
    #expect(abs(try #require(RegularTimes(others)).period - 1.0004e10) < 10)
  }

  @Test(
    arguments: [
      [], [1, 2, 3, 4], [1, 1, 1, 1, 1], [9, 8, 7, 6, 5], [0, 10, 20, 30, 45, 50, 60],
      [0, 1, .max, .max, .max],
    ] as [[UInt64]]) func notRegular(times: [UInt64])
  { #expect(RegularTimes(times) == nil) }

  /// Two tasks that run for a fifth of a second, every second one; by what they do at each switch.
  @Test(arguments: [1, 4]) func seen(inIntervalsOf seconds: UInt64) throws {
    var script = Script()
    for tid in [10, 11] as [UInt32] { script.told(SONDE_KIND_RENAME, at: 0, tid, comm: "agent") }
    let second: UInt64 = 1_000_000_000
    for round in 0..<20 as Range<UInt64> {
      let time = round * 2 * second + 500_000_000
      for (cpu, tid) in [10, 11].enumerated() {
        script.switched(
          at: time, to: Script.next(UInt32(tid), pcount: UInt32(2 * round + 1)), cpu: cpu)
        // It sleeps for a moment meanwhile.
        script.switched(at: time + 50_000_000, from: UInt32(tid), 1, cpu: cpu)
        script.switched(
          at: time + 60_000_000, to: Script.next(UInt32(tid), pcount: UInt32(2 * round + 2)),
          cpu: cpu)
        script.switched(at: time + 200_000_000, from: UInt32(tid), 1, cpu: cpu)
      }
      if (round + 1) * 2 % seconds == 0 { _ = script.close(at: (round + 1) * 2 * second) }
    }
    let found = script.tracker.trains.beats(
      samplePeriod: 5_004_000_000, sample: Script.start + 41 * second,
      end: Script.start + 40 * second, cpus: 2)
    try #require(found.count == 1)
    #expect(found[0].comm.text == "agent")
    #expect(found[0].beat.period == 2e9 && abs(found[0].beat.length - 2e8) < 1e6)
    #expect(abs(found[0].beat.tasks - 1.9) < 0.01, "\(found)")
    // Bursts begin half a second after each even second.
    let meeting = try #require(found[0].meeting)
    #expect(!meeting.isNow && meeting.begins > Double(Script.start + 41 * second))
    // Whoever has stopped is no longer listed.
    #expect(
      script.tracker.trains.beats(
        samplePeriod: 5_004_000_000, sample: Script.start + 60 * second,
        end: Script.start + 60 * second, cpus: 2
      ).isEmpty)
  }
}
