import Input
import LoadModel
import Proc
import Tasks

/// What the model wants to know, looked up on this machine.
extension LoadTracer {
  /// Names those that only /proc names: the iterator doesn't show every task everywhere.
  mutating func nameTasks(at time: UInt64) throws {
    for tid in door.model.unnamedTasks(at: time) {
      guard let status = try? ProcessStatus.of(pid: Int32(bitPattern: tid)) else { continue }
      try door.observe(
        .task(tid: tid, tgid: UInt32(bitPattern: status.tgid), comm: Comm(status.name)))
    }
  }

  /// Looks up what the model wants to know of the sample at hand, or for the report that comes next.
  mutating func resolve(forReport: Bool = false) throws {
    while true {
      let lookups = forReport ? door.model.takeReportLookups() : door.model.takeLookups()
      guard !lookups.isEmpty else { return }
      try answer(lookups)
    }
  }

  private mutating func answer(_ lookups: [Lookup]) throws {
    var answers: [Answer] = []
    for lookup in lookups { answers.append(resolver.answer(lookup, probes)) }
    segments?.note(answers)
    try door.observe(.names(answers))
  }
}
