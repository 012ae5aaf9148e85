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
  private var counts: [Int]

  init(cpus: Int) {
    unsafe runs = .allocate(capacity: max(1, cpus) * Self.length)
    counts = Array(repeating: 0, count: cpus)
  }

  deinit { unsafe runs.deallocate() }

  /// From `time` on the CPU runs another process.
  @inline(__always)
  mutating func append(_ party: UInt32, on cpu: Int, since time: UInt64) {
    let count = counts[cpu]
    unsafe runs[cpu * Self.length + count & (Self.length - 1)] = Run(since: time, party: party)
    counts[cpu] = count + 1
  }

  /// It isn't known until when the CPU ran what it ran last, and what then.
  mutating func forgetLast(on cpu: Int) {
    guard counts[cpu] > 0 else { return }
    unsafe runs[cpu * Self.length + (counts[cpu] - 1) & (Self.length - 1)].party =
      Party.unknownNumber
  }

  /// A run of a CPU, counted back from the last, which is 0; nil where that is too long ago.
  @inline(__always)
  func run(_ back: Int, on cpu: Int) -> Run? {
    guard back < min(counts[cpu], Self.length) else { return nil }
    return unsafe runs[cpu * Self.length + (counts[cpu] - 1 - back) & (Self.length - 1)]
  }
}
