import CloneModel
import Input

/// What a recording of `cloneprof` can begin with anew: for a model that has seen nothing before, what
/// one that has knows.
struct CloneSegments {
  private let setup: CloneSetup
  /// Names of stacks and mappings, for clones of processes that clone again.
  private var answers: [CloneLookup: CloneAnswer] = [:]
  private var last: UInt64 = 0
  private static let length: UInt64 = 10_000_000_000
  private static let mostAnswers = 4096

  init(_ setup: CloneSetup) { self.setup = setup }

  mutating func note(_ new: [CloneAnswer]) {
    if answers.count > Self.mostAnswers { answers = [:] }
    for answer in new {
      if case .page(let tgid, _) = answer.lookup {
        guard let mapping = answer.mapping else { continue }
        // One for each mapping.
        answers[.page(tgid: tgid, address: mapping.start)] = answer
      } else {
        answers[answer.lookup] = answer
      }
    }
  }

  /// - Parameter time: the end of an interval, CLOCK_MONOTONIC, ns.
  func isDue(at time: UInt64) -> Bool { last == 0 || time >= last &+ Self.length }

  /// - Parameters:
  ///   - reading: of the end of an interval.
  ///   - matching: the cgroups that the run is filtered by, if it is.
  mutating func begin(
    _ reading: CloneReading, matching: Set<UInt64>?, _ cgroups: [UInt64: String]
  ) throws -> KeptInput<CloneObservation> {
    last = reading.at
    var prologue = KeptInput<CloneObservation>()
    try prologue.append(.setUp(setup))
    if let matching { try prologue.append(.cgroups(matching)) }
    try prologue.append(.cgroupPaths(cgroups))
    try prologue.append(.begins(reading.asBeginning))
    try prologue.append(.names(Array(answers.values)))
    return prologue
  }
}
