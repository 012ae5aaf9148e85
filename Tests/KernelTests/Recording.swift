import BPF
import Glibc
import Input
import LoadModel
import LoadProbes
import Proc
import Records

/// Everything that the kernel side reported over some time, to be replayed to trackers with different
/// filters: one run, and the truth of every task.
struct Recording: ~Copyable {
  private var probes: SchedProbes
  private var kept = KeptInput<LoadObservation>()
  private let possibleCPUs: Int
  /// How many records came through.
  private(set) var count = 0
  /// How many of these were migrations.
  private(set) var migrations: UInt64 = 0
  let start: UInt64

  init(ringSize: Int? = nil) throws {
    let host = try Proc.Host.current()
    let cpus = (host.possibleCPUs.last ?? 0) + 1
    var probes = try SchedProbes(
      possibleCPUs: cpus, cpus: host.presentCPUs, ringSize: ringSize)
    try probes.synchronizeClocks()
    possibleCPUs = cpus
    start = now() &+ (probes.clockOffset ?? 0)
    self.probes = probes
  }

  /// Records for that long.
  mutating func run(milliseconds: Int) {
    let end = now() + UInt64(milliseconds) * 1_000_000
    while now() < end {
      usleep(20_000)
      drain(upTo: now() &+ (probes.clockOffset ?? 0) &- 10_000_000)
    }
  }

  mutating func finish() throws -> LoadCounters {
    try probes.stop()
    usleep(10_000)
    drain()
    return try probes.counters()
  }

  func counters() throws -> LoadCounters { try probes.counters() }

  mutating func drain(upTo horizon: UInt64 = .max) {
    count += Self.drain(&probes.rings, into: &kept, &migrations, upTo: horizon)
  }

  private static func drain(
    _ rings: inout RingBuffers, into kept: inout KeptInput<LoadObservation>,
    _ migrations: inout UInt64,
    upTo horizon: UInt64
  ) -> Int {
    rings.drain(upTo: horizon) { record, cpu in
      let header = unsafe record.unsafeLoad(as: sonde_header.self)
      if UInt32(header.kind) == SONDE_KIND_MIGRATE.rawValue { migrations += 1 }
      kept.append(record: record, cpu: cpu)
    }
  }

  /// A tracker alone, without load samples or reports.
  private struct Follower: ~Copyable, InputSink {
    var tracker: LoadTracker

    mutating func record(_ bytes: RawSpan, cpu: Int) { tracker.consume(bytes, cpu: cpu) }
    mutating func scanned(_ bytes: RawSpan) {}
    mutating func observed(_ observation: LoadObservation) {}
  }

  /// What a tracker with that filter makes of it, from the beginning of the recording on.
  func played(_ filter: TaskFilter) throws -> LoadInterval {
    var follower = Follower(
      tracker: LoadTracker(cpus: possibleCPUs, filter: filter, interval: 10_000_000_000))
    follower.tracker.begin(at: start)
    try kept.replay(into: &follower)
    return follower.tracker.close(at: now() &+ (probes.clockOffset ?? 0))
  }

  func played(thread: Int32) throws -> LoadInterval {
    var filter = TaskFilter()
    filter.threads = [UInt32(thread)]
    return try played(filter)
  }
}

/// CLOCK_MONOTONIC, ns.
func now() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// The state letter of a thread in /proc/TID/stat.
func state(of tid: Int32) -> Character? {
  (try? ProcessStatus.of(pid: tid))?.state
}
