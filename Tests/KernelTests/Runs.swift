import LoadModel
import LoadProbes
import Reports
import Session
import Tasks

/// Runs loadwatch's session to its end and gives all its reports, the final one last.
func watched(
  seconds: Double, interval: Double = 0.5, _ filter: TaskFilter = TaskFilter(),
  meanwhile: (Int) -> Void = { _ in }
) throws -> [LoadSnapshot] {
  var options = LoadOptions()
  options.session.interval = UInt64(interval * 1e9)
  options.session.duration = UInt64(seconds * 1e9)
  options.filter = filter
  return try reports(options, meanwhile: meanwhile)
}

func reports(
  _ options: LoadOptions, meanwhile: (Int) -> Void = { _ in }
) throws -> [LoadSnapshot] {
  var options = options
  // This thread goes on to run other tests.
  options.raisesPriority = false
  var session = try Session(options.session, LoadTracer(options))
  var reports: [LoadSnapshot] = []
  _ = try session.run {
    reports.append($0)
    meanwhile(reports.count)
    return true
  }
  return reports
}

extension TaskFilter {
  static func named(_ comm: String) -> TaskFilter {
    var filter = TaskFilter()
    filter.comms = [Comm(comm)]
    return filter
  }

  static func threads(_ tids: [Int32]) -> TaskFilter {
    var filter = TaskFilter()
    filter.threads = Set(tids.map { UInt32($0) })
    return filter
  }
}
