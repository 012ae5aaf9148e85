import LoadModel
import Support
import Testing

/// The kernel's arithmetic, and when it does it.
struct KernelLoadTests {
  /// calc_load() as kernel/sched/loadavg.c and include/linux/sched/loadavg.h have it.
  private func calcLoad(_ load: UInt64, _ exp: UInt64, _ active: UInt64) -> UInt64 {
    var newload = load * exp + active * (2048 - exp)
    if active >= load { newload += 2048 - 1 }
    return newload / 2048
  }

  @Test func fromNothing() {
    var load = KernelLoad([3 of UInt64](repeating: 0))
    load.sample(active: 1)
    #expect([load.averages[0], load.averages[1], load.averages[2]] == [164, 34, 11])
    #expect(KernelLoad.shown(load.averages[0]) == 0.08)
  }

  /// A thousand samples of any activity: every bit.
  @Test(arguments: [1, 2, 3]) func everyBit(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var load = KernelLoad([3 of UInt64](repeating: 0))
    var expected: [UInt64] = [0, 0, 0]
    for _ in 0..<1000 {
      let active = random.next() % 5 == 0 ? random.next() % 600_000 : random.next() % 4
      load.sample(active: active)
      for (index, exp) in [1884, 2014, 2037].enumerated() {
        expected[index] = calcLoad(expected[index], UInt64(exp), active * 2048)
        #expect(load.averages[index] == expected[index])
      }
    }
  }

  /// From the two digits that are shown, the number of active tasks, whatever it was.
  @Test(arguments: [1, 2, 3]) func activeFromTwoDigits(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var load = KernelLoad([3 of UInt64](repeating: 0))
    for _ in 0..<1000 {
      let before = KernelLoad.shown(load.averages[0])
      let active = random.next() % 3 == 0 ? random.next() % 5000 : random.next() % 6
      load.sample(active: active)
      let after = KernelLoad.shown(load.averages[0])
      #expect(KernelLoad.active(before: before, after: after) == active, "\(before) \(after)")
    }
    #expect(KernelLoad.active(before: 1, after: 0.5) == nil)
  }

  /// The same of the bits, exactly.
  @Test func activeOfTheBits() {
    var load = KernelLoad([9000, 4000, 1000])
    for active in [0, 1, 7, 0, 530_000, 3, 200, 200, 0] as [UInt64] {
      let before = load
      load.sample(active: active)
      #expect(before.active(before: load) == active)
    }
    // Of two samples, no one number.
    var later = load
    later.sample(active: 9)
    later.sample(active: 2)
    #expect(load.active(before: later) == nil)
  }

  /// From readings that come late by up to a tick and some idle ticks, the instant of each sample.
  @Test(arguments: [100, 250, 300, 1000] as [UInt64]) func samplesAreKnown(hz: UInt64) throws {
    var random = SplitMix64(seed: hz)
    let tick = (1_000_000_000 + hz / 2) / hz
    let origin: UInt64 = 37_123_456
    let initial: UInt64 = (1 << 32) - 300 * hz
    var clock = LoadClock()
    #expect(clock.sample(after: 1_000_000_000) == nil)
    var now: UInt64 = 3_000_000_000_000
    for _ in 0..<400 {
      now += 10_000_000 + random.next() % 50_000_000
      clock.learn(monotonic: now, jiffies: initial + (now - origin) / tick)
    }
    #expect(clock.hz == hz)
    let sample = try #require(clock.sample(after: now))
    let period = (5 * hz + 1) * tick
    #expect(sample > now && sample <= now + period + tick)
    // Late by less than what was the least delay of a reading after its tick.
    let phase = (sample - origin) % period
    #expect(phase < tick / 4, "\(phase)")
    #expect(clock.sample(after: sample) == sample + period)
  }

  @Test func delayedTasksInD() {
    // None in D: what is too much stays to be explained.
    #expect(KernelLoad.excludingCountedInD(delayed: 5, seen: 10, inD: 0, active: 12) == 5)
    #expect(KernelLoad.excludingCountedInD(delayed: 5, seen: 10, inD: 2, active: 12) == 3)
    #expect(KernelLoad.excludingCountedInD(delayed: 5, seen: 10, inD: 9, active: 12) == 2)
    #expect(KernelLoad.excludingCountedInD(delayed: 1, seen: 9, inD: 4, active: 9) == 0)
    // More than is seen, and less.
    #expect(KernelLoad.excludingCountedInD(delayed: 1, seen: 9, inD: 4, active: 20) == 1)
    #expect(KernelLoad.excludingCountedInD(delayed: 1, seen: 9, inD: 4, active: 3) == 0)
  }
}
