import LoadProbes
import LoadModel
import Reports
import Tasks

/// Runs a watch to its end and gives all its snapshots, the final one last.
func watched(
  seconds: Double, interval: Double = 0.5, _ filter: TaskFilter = TaskFilter(),
  meanwhile: (Int) -> Void = { _ in }
) throws -> [LoadSnapshot] {
  var options = WatchOptions()
  options.interval = UInt64(interval * 1e9)
  options.duration = UInt64(seconds * 1e9)
  options.filter = filter
  // This thread goes on to run other tests.
  options.raisesPriority = false
  var watch = try LoadWatch(options)
  var snapshots: [LoadSnapshot] = []
  _ = try watch.run {
    snapshots.append($0)
    meanwhile(snapshots.count)
    return true
  }
  return snapshots
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
