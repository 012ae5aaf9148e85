import BPF
import Glibc
import LoadProbes
import LoadModel
import Proc

/// Everything that the kernel side told over some time, to be played back to trackers with different
/// filters: one run, and the truth of every task.
struct Recording: ~Copyable {
  private var probes: SchedProbes
  private var bytes: [UInt8] = []
  private var records: [(offset: Int, count: Int, cpu: Int)] = []
  private let possibleCPUs: Int
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

  mutating func finish() throws -> SchedProbes.Account {
    try probes.stop()
    usleep(10_000)
    drain()
    return try probes.account()
  }

  /// How many records came through.
  var count: Int { records.count }

  func account() throws -> SchedProbes.Account { try probes.account() }

  mutating func drain(upTo horizon: UInt64 = .max) {
    var new: [(offset: Int, count: Int, cpu: Int)] = []
    var all: [UInt8] = []
    let base = bytes.count
    probes.rings.drain(upTo: horizon) { record, cpu in
      new.append((base + all.count, record.byteCount, cpu))
      unsafe record.withUnsafeBytes { unsafe all.append(contentsOf: $0) }
    }
    bytes += all
    records += new
  }

  /// What a tracker with that filter makes of it, from the beginning of the recording on.
  func played(_ filter: TaskFilter) -> LoadInterval {
    var tracker = LoadTracker(cpus: possibleCPUs, filter: filter, interval: 10_000_000_000)
    tracker.begin(at: start)
    let span = unsafe bytes.span.bytes
    for record in records {
      tracker.consume(
        span.extracting(record.offset..<record.offset + record.count), cpu: record.cpu)
    }
    return tracker.close(at: now() &+ (probes.clockOffset ?? 0))
  }

  func played(thread: Int32) -> LoadInterval {
    var filter = TaskFilter()
    filter.threads = [UInt32(thread)]
    return played(filter)
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
