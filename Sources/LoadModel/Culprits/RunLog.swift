/// The latest runs of each CPU, in a ring.
@safe struct RunLog: ~Copyable {
  /// A process's time on a CPU; it lasts until the next one begins.
  struct Run {
    var since: UInt64
    /// A process's number.
    var party: UInt32
  }

  /// When a hundred tasks take turns, each wait spans a hundred runs.
  private static let length = 1024
  private let runs: UnsafeMutablePointer<Run>
  /// How many runs each CPU has had.
  private let counts: UnsafeMutablePointer<Int>
  private let cpus: Int

  init(cpus: Int) {
    self.cpus = cpus
    unsafe runs = .allocate(capacity: max(1, cpus) * Self.length)
    unsafe counts = .allocate(capacity: max(1, cpus))
    unsafe counts.initialize(repeating: 0, count: max(1, cpus))
  }

  deinit {
    unsafe runs.deallocate()
    unsafe counts.deallocate()
  }

  /// The CPU runs another process from `time` on.
  @inline(__always)
  mutating func append(_ party: UInt32, on cpu: Int, since time: UInt64) {
    assert(cpu < cpus)
    let count = unsafe counts[cpu]
    let last = cpu * Self.length + (count &- 1) & (Self.length - 1)
    if count > 0, unsafe runs[last].party == party { return }
    unsafe runs[cpu * Self.length + count & (Self.length - 1)] = Run(since: time, party: party)
    unsafe counts[cpu] = count &+ 1
  }

  /// Marks the last run as unknown: records were lost, and with them when it ended and what ran next.
  mutating func forgetLast(on cpu: Int) {
    guard unsafe counts[cpu] > 0 else { return }
    unsafe runs[cpu * Self.length + (counts[cpu] - 1) & (Self.length - 1)].party =
      Party.unknownNumber
  }

  /// A CPU's run, counted back from its last, 0; nil once overwritten.
  @inline(__always)
  func run(_ back: Int, on cpu: Int) -> Run? {
    assert(cpu < cpus)
    let count = unsafe counts[cpu]
    guard back < count, back < Self.length else { return nil }
    return unsafe runs[cpu * Self.length + (count &- 1 &- back) & (Self.length - 1)]
  }
}
