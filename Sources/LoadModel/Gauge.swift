/// How many tasks were in a state, over an interval: the exact integral, and the count at each of
/// up to some thousand instants.
///
/// A task's stay is added when it is known, which may be long after it began: that a task had been
/// woken shows only as it gets a CPU. So stays are added whole and not counted up and down.
package struct Gauge {
  /// Instants lie 2^shift ns apart, from the interval's start.
  private var start: UInt64 = 0
  private var shift: UInt64 = 20
  /// At each instant, how many more tasks than at the one before.
  private var steps: [Int32] = []
  /// Task-nanoseconds.
  package private(set) var total: UInt64 = 0
  private var wasEntered = false

  package init() {}

  private static let instants = 4096

  /// Forgets all and begins an interval that is to be `length` ns long.
  package mutating func begin(at start: UInt64, length: UInt64) {
    self.start = start
    shift = 20
    while length >> shift > Self.instants { shift += 1 }
    let count = Int(length >> shift) + 2
    if steps.count == count {
      for index in steps.indices { steps[index] = 0 }
    } else {
      steps = [Int32](repeating: 0, count: count)
    }
    total = 0
    wasEntered = false
  }

  /// A task was in the state from `begin` to `end`; what lies before the interval is left out.
  @inline(__always)
  package mutating func add(from begin: UInt64, to end: UInt64) {
    let begin = max(begin, start)
    guard end > begin else { return }
    total &+= end &- begin
    wasEntered = true
    let first = instant(notBefore: begin)
    let last = instant(notBefore: end)
    if first != last {
      steps[first] &+= 1
      steps[last] &-= 1
    }
  }

  @inline(__always)
  private func instant(notBefore time: UInt64) -> Int {
    min(Int((time &- start &+ (1 << shift) &- 1) >> shift), steps.count - 1)
  }

  /// The largest count at any instant; at least the mean, rounded up, which it can't be below.
  package func maximum(over length: UInt64) -> Int {
    var count = 0
    var largest = 0
    for step in steps {
      count += Int(step)
      largest = max(largest, count)
    }
    let mean = length == 0 ? 0 : total / length + (total % length == 0 ? 0 : 1)
    return max(largest, Int(clamping: mean), wasEntered ? 1 : 0)
  }
}
