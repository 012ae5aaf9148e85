import Histograms
import LoadModel
import Records
import Testing
import Support

/// What remains true where records are lost: a full ring, or switches that are never traced.
struct LossTests {
  /// All but a random part of them.
  static func lossy(
    _ records: [Told], part: Double, _ random: inout SplitMix64
  ) -> [Told] {
    // Lost one by one, or many in a row.
    var rest = 0
    return records.filter { _ in
      if rest > 0 {
        rest -= 1
        return false
      }
      guard Double.random(in: 0..<1, using: &random) < part else { return true }
      rest = random.once(in: 10) ? Int.random(in: 0..<50, using: &random) : 0
      return false
    }
  }

  /// The account goes on where it was: of tasks that were known, every wait and every run counts as
  /// soon as the task is heard of again, by a switch or by a survey.
  @Test(arguments: 0..<20 as Range<UInt64>, [0, 40, nil]) func noWaitIsForgotten(
    seed: UInt64, surveys: Int?
  ) {
    var options = Simulator.Options()
    options.lives = false
    options.execs = false
    var watched = Watched(seed: seed, options)
    var random = SplitMix64(seed: seed)
    let part = Double.random(in: 0.01...0.7, using: &random)
    // What is lost from before the beginning would count as told after it.
    _ = watched.interval(1_000_000)
    var told = LoadInterval(start: watched.simulator.now, end: watched.simulator.now)
    var truth = told
    for _ in 0..<8 {
      let both = watched.interval(30_000_000, surveyed: surveys) {
        Self.lossy($0, part: part, &random)
      }
      told.append(both.told)
      truth.append(both.truth)
    }
    let before = watched.simulator.tasks.map(\.pcount)
    while zip(watched.simulator.tasks, before).contains(where: { $0.pcount == $1 }) {
      let both = watched.interval(30_000_000, surveyed: surveys)
      told.append(both.told)
      truth.append(both.truth)
    }
    // What was in flight as a survey told of it.
    let both = watched.interval(30_000_000)
    told.append(both.told)
    truth.append(both.truth)
    #expect(told.runQueueLatency.count == truth.runQueueLatency.count)
    #expect(told.runQueueLatency.sum == truth.runQueueLatency.sum)
    // The rest can only be too little: what has begun or ended unseen doesn't count.
    #expect(told.switches < truth.switches && told.preemptions < truth.preemptions)
    #expect(told.onCPU.count < truth.onCPU.count && told.onCPU.sum < truth.onCPU.sum)
  }

  /// A survey finds every task where it is, whatever was lost before. Those that ended unseen are
  /// gone with the second.
  @Test(arguments: 0..<20 as Range<UInt64>, [false, true]) func surveysSetItRight(
    seed: UInt64, lives: Bool
  ) {
    var options = Simulator.Options()
    options.lives = lives
    options.execs = lives
    var watched = Watched(seed: seed, options)
    var random = SplitMix64(seed: seed)
    for _ in 0..<10 {
      let both = watched.interval(25_000_000) { Self.lossy($0, part: 0.4, &random) }
      if !lives {
        #expect(both.told.runnable.now == both.truth.runnable.now)
        #expect(both.told.uninterruptible.now == both.truth.uninterruptible.now)
      }
    }
    // Until every CPU has told of a switch that comes right after one.
    for _ in 0..<2 { _ = watched.interval(20_000_000) }
    LosslessTests.expectTrue(watched.interval(100_000_000))
    #expect(watched.watch.tracker.taskCount == watched.simulator.tasks.count { $0.isAlive })
  }

  /// Of one thread, all that is told must have had room in the time that has passed.
  @Test(arguments: 0..<10 as Range<UInt64>, [0, 40, nil]) func oneThreadAtATime(
    seed: UInt64, surveys: Int?
  ) {
    var options = Simulator.Options()
    options.execs = false
    var random = SplitMix64(seed: seed)
    let part = Double.random(in: 0.01...0.8, using: &random)
    var simulator = Simulator(seed: seed, options)
    simulator.run(steps: 1000)
    simulator.attach()
    // One that is there, and ids that will be used again.
    let there = simulator.present.filter { simulator.tasks[$0].isAlive }.prefix(3)
    let threads = there.map { simulator.tasks[$0].tid } + simulator.freeTids.prefix(3).map(\.tid)
    var inputs: [(told: [Told], survey: [sonde_task], end: UInt64)] = []
    let start = simulator.now + 1
    for _ in 0..<8 {
      let end = simulator.now + 40_000_000
      simulator.run(until: end)
      simulator.run(steps: surveys ?? 0)
      inputs.append(
        (Self.lossy(simulator.take(upTo: end), part: part, &random), simulator.survey(), end))
    }
    for thread in threads {
      var filter = TaskFilter()
      filter.threads = [thread]
      var watch = Watch(simulator, filter: filter)
      watch.tracker.begin(at: start)
      var whole = LoadInterval(start: start, end: start)
      for (told, survey, end) in inputs {
        watch.take(told)
        if surveys != nil { watch.survey(survey, boundary: end) }
        let interval = watch.tracker.close(at: end)
        let length = interval.end - interval.start
        #expect(interval.runnable.now + interval.uninterruptible.now <= 1)
        #expect(interval.runnable.total + interval.uninterruptible.total <= length)
        #expect(interval.runnable.maximum <= 1 && interval.uninterruptible.maximum <= 1)
        #expect(interval.longest.map { $0.duration <= end - Simulator.start } ?? true)
        whole.append(interval)
      }
      let waited = whole.runQueueLatency.sum
      #expect(waited <= simulator.growth[thread, default: 0])
      let all = LosslessTests.histograms.reduce(0) { $0 + whole[keyPath: $1.1].sum }
      #expect(all <= simulator.now - Simulator.start)
    }
  }
}

/// What the kernel's clocks and the rings make of the order of things.
struct OrderTests {
  /// The clocks of two CPUs differ: records of one task come in the wrong order.
  @Test(arguments: 0..<20 as Range<UInt64>) func clocksThatDiffer(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var options = Simulator.Options()
    options.lives = false
    options.execs = false
    options.skew = (0..<3).map { _ in UInt64.random(in: 0...5_000_000, using: &random) }
    var watched = Watched(seed: seed, options)
    // Nothing happens around the beginning: by each clock it is at another time.
    watched.simulator.pass(to: watched.simulator.now + 6_000_000)
    watched.watch.take(watched.simulator.take())
    watched.begin()
    let start = watched.simulator.now
    var told = LoadInterval(start: start, end: start)
    var truth = told
    for _ in 0..<6 {
      let both = watched.interval(50_000_000, surveyed: 0) { $0 }
      told.append(both.told)
      truth.append(both.truth)
    }
    // What is still on its way, of clocks that are ahead.
    watched.watch.take(watched.simulator.take())
    told.append(watched.watch.tracker.close(at: watched.simulator.now + 5_000_000))
    #expect(told.runQueueLatency.sum == truth.runQueueLatency.sum)
    #expect(told.runQueueLatency.count == truth.runQueueLatency.count)
    #expect(told.switches == truth.switches)
    for (name, histogram) in LosslessTests.histograms {
      let longest = told[keyPath: histogram].max ?? 0
      #expect(longest <= watched.simulator.now - Simulator.start + 5_000_000, "\(name)")
    }
  }

  /// The same by hand: its arrival on the second CPU comes before it left the first.
  @Test func departuresThatComeLate() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 18, to: Script.next(7, pcount: 2, runDelay: 1), cpu: 1)
    script.switched(at: 20, from: 7, 2)
    let running = script.close(at: 25)
    #expect(running.runnable.now == 1 && running.uninterruptible.now == 0)
    script.switched(at: 30, from: 7, 1, cpu: 1)
    let asleep = script.close(at: 40)
    #expect(asleep.onCPU.sum == 12 && asleep.uninterruptible.total == 0)
    #expect(asleep.runnable.now == 0 && asleep.runnable.total == 5)
  }

  /// A record that comes after its interval was closed counts in the next.
  @Test(arguments: 0..<10 as Range<UInt64>) func recordsThatAreLate(seed: UInt64) {
    var options = Simulator.Options()
    options.lives = false
    options.execs = false
    var watched = Watched(seed: seed, options)
    var told = LoadInterval(start: watched.simulator.now, end: watched.simulator.now)
    var truth = told
    var late: [Told] = []
    for index in 0..<6 {
      let both = watched.interval(50_000_000, surveyed: nil) { records in
        // The last ones of one ring stay behind.
        let inTime = records.filter { $0.cpu == 1 }.dropLast(index == 5 ? 0 : 9).last?.time ?? 0
        let isLate = { (told: Told) in told.cpu == 1 && told.time > inTime }
        let taken = late + records.filter { !isLate($0) }
        late = records.filter(isLate)
        return taken
      }
      told.append(both.told)
      truth.append(both.truth)
    }
    #expect(told.runQueueLatency.sum == truth.runQueueLatency.sum)
    #expect(told.runQueueLatency.count == truth.runQueueLatency.count)
    #expect(told.switches == truth.switches)
  }

  /// Every record twice: it counts once.
  @Test(arguments: 0..<10 as Range<UInt64>) func recordsThatComeTwice(seed: UInt64) {
    var watched = Watched(seed: seed)
    let both = watched.interval(200_000_000, surveyed: nil) { $0.flatMap { [$0, $0] } }
    #expect(both.told.runQueueLatency.sum == both.truth.runQueueLatency.sum)
    #expect(both.told.runQueueLatency.count == both.truth.runQueueLatency.count)
    #expect(both.told.preemptions == both.truth.preemptions)
    let areEqual = both.told.onCPU == both.truth.onCPU
    #expect(areEqual)
  }
}
