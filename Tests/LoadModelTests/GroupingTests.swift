import Input
import LoadModel
import Records
import Reports
import Support
import Testing

/// Tasks told apart by where their cgroups are: of a recording, from the paths that it keeps.
struct GroupingTests {
  private static let one = String(repeating: "1", count: 64)
  private static let two = String(repeating: "2", count: 64)
  private static let pod = "8b3c0f2a-1111-4222-8333-444455556666"
  private static let paths: [UInt64: String] = [
    1: "/", 10: "/system.slice/docker-\(one).scope",
    11: "/system.slice/docker-\(one).scope/init",
    20: "/kubepods/burstable/pod\(pod)/\(two)", 30: "/system.slice/nginx.service",
    31: "/system.slice/nginx.service/worker",
  ]
  /// The cgroups of the tasks; of one the path isn't kept.
  private static let tasks: [UInt64] = [10, 10, 11, 20, 1, 30, 31, 99]

  /// The report after one load sample of these tasks, all of which run.
  private func report(by: [Grouping]) throws -> LoadSnapshot {
    var options = LoadReplay.Options()
    options.by = by
    var replay = LoadReplay(options)
    let offset = Simulator.clockOffset
    func reading(_ time: UInt64) -> IntervalReading {
      IntervalReading(
        at: Script.start + time, clockOffset: offset, wall: time + 1, counters: LoadCounters(),
        own: OwnUsage(cpuNs: 0, residentBytes: 0), system: SystemCounters(), load: [0, 0, 0],
        onlineCPUs: 8, limits: nil)
    }
    let none = LoadReading(shown: [0, 0, 0], exact: nil)
    replay.observed(
      .setUp(
        LoadSetup(
          cpus: 8, interval: 1_000_000_000, filter: TaskFilter(), by: [.process, .site],
          followsStacks: false, takesSamples: true, pidsAreGlobal: true,
          host: HostPart(names: ["a"], kernels: ["6.18"], cpus: 8), filterPart: FilterPart(),
          probes: [], ringBytes: 0)))
    replay.observed(.cgroupPaths(Self.paths))
    replay.observed(
      .scanBegins(TaskScan(clockOffset: offset, boundary: Script.start, isComplete: true)))
    for (index, cgroup) in Self.tasks.enumerated() {
      var task = sonde_task.running(UInt32(100 + index), since: 0)
      (task.cgroup, task.monotonic) = (cgroup, Script.start - offset)
      unsafe replay.scanned(CollectionOfOne(task).span.bytes)
    }
    replay.observed(.scanEnds)
    replay.observed(.begins(reading(10), load: none))
    replay.observed(
      .sample(
        SampleReading(
          time: Script.start + 500 - offset, clockOffset: offset, throttled: [], delayed: 0,
          counters: nil, system: nil)))
    replay.observed(.sampleEnds)
    // Eight of 1/12.5.
    let after = LoadReading(shown: [0.64, 0.13, 0.04], exact: nil)
    replay.observed(.settles(after, isLate: false, wall: 600))
    replay.observed(.settleEnds)
    replay.observed(.closes(reading(1_000_000_000)))
    #expect(replay.fault == nil)
    let report = replay.takeReport()
    return try #require(report)
  }

  private func rows(by: [Grouping]) throws -> [AttributionRow] {
    let report = try report(by: by)
    let part = try #require(report.attribution)
    #expect(part.rows.reduce(0) { $0 + ($1.active ?? 0) } == UInt64(Self.tasks.count))
    let parts = part.rows.reduce(0) { $0 + $1.load1 }
    let rest = part.delayed[0] + part.beforeRun[0] + part.unattributed[0]
    #expect(abs(parts - 0.64) < 0.01 && abs(parts + rest - report.load.kernel[0]) < 1e-9)
    return part.rows
  }

  @Test func containers() throws {
    let rows = try rows(by: [.container])
    #expect(rows.map(\.container) == ["(no container)", Self.one, nil, Self.two])
    #expect(rows.map(\.active) == [3, 3, 1, 1] && rows.map(\.pod) == [nil, nil, nil, Self.pod])
    #expect(rows.map(\.count) == [1, 1, 1, 1] && rows.allSatisfy { $0.unit == nil })
  }

  @Test func units() throws {
    let rows = try rows(by: [.unit])
    #expect(rows.map(\.unit) == ["docker-\(Self.one).scope", "(no unit)", "nginx.service", nil])
    #expect(rows.map(\.active) == [3, 2, 2, 1] && rows.allSatisfy { $0.container == nil })
  }

  @Test func withOthers() throws {
    let both = try rows(by: [.unit, .container])
    #expect(both.count == 5)
    let pod = try #require(both.first { $0.container == Self.two })
    #expect(pod.unit == "(no unit)" && pod.pod == Self.pod && pod.active == 1)
    // The path itself tells subgroups of a container apart.
    let paths = try rows(by: [.container, .cgroup])
    #expect(paths.filter { $0.container == Self.one }.map(\.active) == [2, 1])
    #expect(paths.contains { $0.container == nil && $0.cgroup == "cgroup 99" })
    let threads = try rows(by: [.thread, .container])
    #expect(threads.count == 8 && threads.filter { $0.container == Self.one }.count == 3)
  }

  /// Of one process or thread its cgroup is known, whatever rows go by.
  @Test(arguments: [[Grouping.thread], [.process, .site]]) func homes(_ by: [Grouping]) throws {
    let rows = try rows(by: by)
    #expect(rows.count == Self.tasks.count)
    for row in rows {
      let id = try #require(row.tid ?? row.pid)
      #expect(row.cgroup == Self.paths[Self.tasks[Int(id) - 100]], "\(row)")
    }
  }

  /// Over many samples of tasks that come and go: each cgroup's averages are what the kernel's weights make of the
  /// counts in the reports, in every bit. All add up to those of the machine, but for what the kernel rounds.
  @Test(arguments: 0..<20 as Range<UInt64>) func averages(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var options = LoadReplay.Options()
    options.by = [.cgroup]
    var replay = LoadReplay(options)
    let offset = Simulator.clockOffset
    let period: UInt64 = 5_004_000_000
    func reading(_ time: UInt64) -> IntervalReading {
      IntervalReading(
        at: Script.start + time, clockOffset: offset, wall: time + 1, counters: LoadCounters(),
        own: OwnUsage(cpuNs: 0, residentBytes: 0), system: SystemCounters(), load: [1, 0.5, 0.25],
        onlineCPUs: 8, limits: nil)
    }
    replay.observed(
      .setUp(
        LoadSetup(
          cpus: 8, interval: period, filter: TaskFilter(), by: [.process, .site],
          followsStacks: false, takesSamples: true, pidsAreGlobal: true,
          host: HostPart(names: ["a"], kernels: ["6.18"], cpus: 8), filterPart: FilterPart(),
          probes: [], ringBytes: 0)))
    replay.observed(.cgroupPaths(Self.paths))
    replay.observed(
      .scanBegins(TaskScan(clockOffset: offset, boundary: Script.start, isComplete: true)))
    for (index, cgroup) in Self.tasks.enumerated() {
      var task = sonde_task.running(UInt32(100 + index), since: 0)
      (task.cgroup, task.monotonic) = (cgroup, Script.start - offset)
      unsafe replay.scanned(CollectionOfOne(task).span.bytes)
    }
    replay.observed(.scanEnds)
    var kernel = KernelLoad([2048, 1024, 512])
    let before = LoadReading(
      shown: kernel.shown, exact: LoadReading.Exact(active: 1, averages: kernel))
    replay.observed(.begins(reading(10), load: before))
    var runs = [Bool](repeating: true, count: Self.tasks.count)
    var arrivals = [UInt32](repeating: 1, count: Self.tasks.count)
    var expected: [String: [3 of Double]] = [:]
    for sample in 1...30 as ClosedRange<UInt64> {
      let time = sample * period
      for cpu in runs.indices where random.once(in: 3) {
        var record = sonde_switch()
        record.header.time = Script.start + time - 1_000_000
        record.header.kind = UInt8(SONDE_KIND_SWITCH.rawValue)
        let tid = UInt32(100 + cpu)
        if runs[cpu] {
          (record.prev_tid, record.header.aux) = (tid, 1)
        } else {
          arrivals[cpu] += 1
          (record.header.tid, record.next_pcount) = (tid, arrivals[cpu])
        }
        runs[cpu].toggle()
        unsafe replay.record(CollectionOfOne(record).span.bytes, cpu: cpu)
      }
      replay.observed(
        .sample(
          SampleReading(
            time: Script.start + time - offset, clockOffset: offset, throttled: [], delayed: 0,
            counters: nil, system: nil)))
      replay.observed(.sampleEnds)
      kernel.sample(active: UInt64(runs.count { $0 }))
      let after = LoadReading(
        shown: kernel.shown,
        exact: LoadReading.Exact(active: Int64(runs.count { $0 }), averages: kernel))
      replay.observed(.settles(after, isLate: false, wall: time))
      replay.observed(.settleEnds)
      replay.observed(.closes(reading(time + 100_000_000)))
      #expect(replay.fault == nil)
      let made = replay.takeReport()
      let report = try #require(made)
      let part = try #require(report.attribution)
      var counted: [String: UInt64] = [:]
      for (index, cgroup) in Self.tasks.enumerated() where runs[index] {
        counted[Self.paths[cgroup] ?? "cgroup \(cgroup)", default: 0] += 1
      }
      for name in Set(expected.keys).union(counted.keys) {
        var averages = expected[name] ?? [3 of Double](repeating: 0)
        for (index, factor) in [1884.0, 2014, 2037].enumerated() {
          averages[index] *= factor / 2048
          averages[index] += Double(counted[name] ?? 0) * (1 - factor / 2048)
        }
        expected[name] = averages
      }
      #expect(part.rows.count == expected.count)
      for row in part.rows {
        let name = try #require(row.cgroup)
        let averages = try #require(expected[name])
        #expect(row.active ?? 0 == counted[name] ?? 0)
        #expect([row.load1, row.load5, row.load15] == averages.indices.map { averages[$0] })
      }
      for (index, load) in report.load.kernel.enumerated() {
        let rows = part.rows.reduce(0) { $0 + [$1.load1, $1.load5, $1.load15][index] }
        let rest = part.delayed[index] + part.beforeRun[index] + part.unattributed[index]
        // What the kernel rounds, up to 1/2048 at each sample.
        #expect(abs(load - rows - rest + part.unattributed[index]) < 0.11)
      }
    }
  }
}
