import Input
import LoadModel
import Records
import Reports
import Testing

/// Load samples that were seen as the kernel made its averages of them.
struct MadeSampleTests {
  private static let offset = Simulator.clockOffset
  private static let before = KernelLoad([4096, 3000, 2100])
  private static let after = {
    var load = before
    load.sample(active: 3)
    return load
  }()

  private func reading(_ time: UInt64) -> IntervalReading {
    IntervalReading(
      at: Script.start + time, clockOffset: Self.offset, wall: time + 1, counters: LoadCounters(),
      own: OwnUsage(cpuNs: 0, residentBytes: 0), system: SystemCounters(), load: [2, 1.4, 1],
      onlineCPUs: 2, limits: nil)
  }

  private static func model() -> LoadAnalysis {
    var model = LoadAnalysis()
    model.observed(
      .setUp(
        LoadSetup(
          cpus: 2, interval: 1_000_000_000, filter: TaskFilter(), by: [.process, .site],
          followsStacks: false, takesSamples: true, pidsAreGlobal: true,
          host: HostPart(names: ["a"], kernels: ["6.18"], cpus: 2), filterPart: FilterPart(),
          probes: [], ringBytes: 0)))
    return model
  }

  /// The report of a run that came too late to read what became of its one sample.
  ///
  /// - Parameters:
  ///   - seen: how long after the sample its tick was by the record, ns; nil for no record.
  ///   - change: what else is in the record.
  private func report(
    seen: Int64?, _ change: (inout sonde_load) -> Void = { _ in }
  ) throws -> LoadSnapshot {
    var model = Self.model()
    model.observed(
      .begins(reading(0), load: LoadReading(shown: Self.before.shown, exact: nil)))
    let start = Script.start - Self.offset
    // 250 Hz.
    let jiffies: UInt64 = (1 << 32) - 300 * 250 + 100_000
    for (time, ticks) in [(0, 0), (1_000_000_000, 250)] as [(UInt64, UInt64)] {
      model.observed(.ticks(monotonic: start + time, jiffies: jiffies + ticks, now: start + time))
    }
    let next = model.nextSample
    let sample = try #require(next)
    model.observed(
      .sample(
        SampleReading(
          time: sample, clockOffset: Self.offset, throttled: [], delayed: 3, counters: nil,
          system: nil)))
    model.observed(.sampleEnds)
    if let seen {
      var record = sonde_load()
      record.header.time = sample + Self.offset + 40_000_000
      record.header.kind = UInt8(SONDE_KIND_LOAD.rawValue)
      // The reading was in the tick before the one that has just begun.
      let ticks = (Int64(sample - start) + seen + 2_000_000) / 4_000_000
      record.jiffies = UInt64(Int64(jiffies) + ticks)
      record.active = 3
      let (before, after) = (Self.before.averages, Self.after.averages)
      record.before = (before[0], before[1], before[2])
      record.after = (after[0], after[1], after[2])
      change(&record)
      unsafe model.record(CollectionOfOne(record).span.bytes, cpu: 1)
    }
    // By now another sample has made others of them.
    model.observed(
      .settles(LoadReading(shown: [9, 9, 9], exact: nil), isLate: true, wall: 600))
    model.observed(.settleEnds)
    model.observed(.closes(reading(10_000_000_000)))
    let report = model.takeReport()
    return try #require(report)
  }

  @Test(arguments: [-4_000_000, 0, 4_000_000] as [Int64]) func late(seen: Int64) throws {
    let load = try report(seen: seen).load
    let sample = try #require(load.samples?.first)
    #expect(sample.active == 3 && sample.load1 == KernelLoad.shown(Self.after.averages[0]))
    let after = [0, 1, 2].map { Self.after.averages[$0] }
    #expect(load.avenrun == after)
    #expect(load.recomputed?.map { UInt64($0 * 2048) } == after)
  }

  /// None, and that of another sample.
  @Test(arguments: [nil, -5_004_000_000, 5_004_000_000] as [Int64?])
  func unknown(seen: Int64?) throws {
    let load = try report(seen: seen).load
    let sample = try #require(load.samples?.first)
    #expect(sample.active == nil && load.avenrun == nil)
  }

  /// What no kernel writes.
  @Test(arguments: [0, 1, 1 << 42, .max, .max - 1] as [UInt64]) func impossible(number: UInt64)
    throws
  {
    let most: UInt64 = (1 << 50) - 1
    for seen in [0, 5_004_000_000] as [Int64] {
      let report = try report(seen: seen) { record in
        if seen != 0 { record.jiffies = number }
        record.active = Int64(truncatingIfNeeded: number)
        record.before = (number, most, most)
        record.after = (most, number, 0)
      }
      let sample = try #require(report.load.samples?.first)
      #expect(sample.active.map { $0 < 1 << 32 } ?? true)
    }
  }

  /// An interval that ends as the first sample has been taken, and the kernel's averages of it aren't there yet.
  @Test func whileTheFirstOneSettles() throws {
    var model = Self.model()
    model.observed(
      .begins(reading(0), load: LoadReading(shown: Self.before.shown, exact: nil)))
    model.observed(
      .sample(
        SampleReading(
          time: Script.start - Self.offset + 990_000_000, clockOffset: Self.offset, throttled: [],
          delayed: 0, counters: nil, system: nil)))
    model.observed(.sampleEnds)
    #expect(model.wantsLook == true)
    model.observed(.looks(at: Script.start + 1_000_000_000, throttled: []))
    model.observed(.lookEnds)
    model.observed(.closes(reading(1_000_000_000)))
    let early = model.takeReport()
    #expect(try #require(early).soFar != nil)
    model.observed(
      .settles(LoadReading(shown: Self.after.shown, exact: nil), isLate: false, wall: 600))
    model.observed(.settleEnds)
    model.observed(.closes(reading(2_000_000_000)))
    let report = model.takeReport()
    #expect(try #require(report).soFar == nil && report?.attribution != nil)
  }

  /// A replay that begins while the rings are full, and an interval that ends before they are drained.
  @Test func beginsWithALateConsumer() throws {
    var model = Self.model()
    var begin = reading(0)
    (begin.counters.records, begin.counters.delivered) = (300, 100)
    model.observed(
      .begins(begin.asBeginning, load: LoadReading(shown: Self.before.shown, exact: nil)))
    for (records, delivered, told) in [(400, 150, 0), (400, 350, 50), (500, 500, 200)]
      as [(
        UInt64, UInt64, UInt64
      )]
    {
      var end = reading(1_000_000_000)
      (end.counters.records, end.counters.delivered) = (records, delivered)
      var interval = model.reported(.closes(end))
      if delivered == 500 { interval = model.reported(.totals) }
      let loss = try #require(interval).loss
      if delivered != 350 {
        #expect(loss.delivered == told && loss.expected == loss.delivered + loss.pending, "\(loss)")
      }
    }
  }
}

extension LoadAnalysis {
  fileprivate mutating func reported(_ observation: LoadObservation) -> LoadSnapshot? {
    observed(observation)
    return takeReport()
  }
}
