import Input
import LoadModel

/// What a recording of `loadwatch` can begin with anew: for a model that has seen nothing before, what
/// one that has knows.
struct LoadSegments {
  private let setup: LoadSetup
  /// What the machine was asked for. Names of tasks are asked for again at each load sample, stacks once.
  private var answers: [Lookup: Answer] = [:]
  private var last: UInt64 = 0
  /// The more segments, the less is kept for nothing, and the more it takes to keep them.
  private static let length: UInt64 = 10_000_000_000
  private static let mostAnswers = 20_000

  init(_ setup: LoadSetup) { self.setup = setup }

  mutating func note(_ new: [Answer]) {
    if answers.count > Self.mostAnswers {
      answers = answers.filter { $0.key.isStack }
      if answers.count > Self.mostAnswers { answers = [:] }
    }
    for answer in new where !answer.lookup.isOfOneTime { answers[answer.lookup] = answer }
  }

  /// - Parameter time: the end of an interval, run queue clock, ns.
  func isDue(at time: UInt64) -> Bool { last == 0 || time >= last &+ Self.length }

  /// - Parameters:
  ///   - reading: of the end of an interval.
  ///   - scan: the entries of the task scan that went with it.
  ///   - waiters: tasks in D, with their stacks.
  mutating func begin(
    _ reading: IntervalReading, scan: [UInt8], _ waiters: [(UInt32, [UInt64])],
    _ cgroups: [UInt64: String]
  ) throws -> KeptInput<LoadObservation> {
    last = reading.at
    var prologue = KeptInput<LoadObservation>()
    try prologue.append(.setUp(setup))
    try prologue.append(.cgroupPaths(cgroups))
    prologue.append(entries: scan)
    for (tid, frames) in waiters { try prologue.append(.waiter(tid: tid, frames: frames)) }
    try prologue.append(.names(Array(answers.values)))
    try prologue.append(
      .begins(reading.asBeginning, load: LoadReading(shown: reading.load, exact: nil)))
    return prologue
  }
}

extension Lookup {
  fileprivate var isStack: Bool {
    if case .stack = self { true } else { false }
  }
}
