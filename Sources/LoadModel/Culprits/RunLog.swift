/// What each CPU ran last.
@safe struct RunLog: ~Copyable {
  /// Up to where the next one begins.
  struct Run {
    var since: UInt64
    /// A process's number.
    var party: UInt32
  }

  /// A hundred runnable tasks that take turns each wait for a hundred runs.
  private static let length = 1024
  private let runs: UnsafeMutablePointer<Run>
  /// Of each CPU, how many runs it has had.
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

  /// From `time` on the CPU runs another process.
  @inline(__always)
  mutating func append(_ party: UInt32, on cpu: Int, since time: UInt64) {
    assert(cpu < cpus)
    let count = unsafe counts[cpu]
    unsafe runs[cpu * Self.length + count & (Self.length - 1)] = Run(since: time, party: party)
    unsafe counts[cpu] = count &+ 1
  }

  /// It isn't known until when the CPU ran what it ran last, and what then.
  mutating func forgetLast(on cpu: Int) {
    guard unsafe counts[cpu] > 0 else { return }
    unsafe runs[cpu * Self.length + (counts[cpu] - 1) & (Self.length - 1)].party =
      Party.unknownNumber
  }

  /// A run of a CPU, counted back from the last, which is 0; nil where that is too long ago.
  @inline(__always)
  func run(_ back: Int, on cpu: Int) -> Run? {
    assert(cpu < cpus)
    let count = unsafe counts[cpu]
    guard back < count, back < Self.length else { return nil }
    return unsafe runs[cpu * Self.length + (count &- 1 &- back) & (Self.length - 1)]
  }
}
