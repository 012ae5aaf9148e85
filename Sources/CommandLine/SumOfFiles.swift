public import Reports

extension Snapshot {
  /// What files of snapshots add up to, as a final object. Of each it takes the final objects, and
  /// the intervals of runs that were cut off before theirs.
  ///
  /// - Parameter again: whether to add what is of the same hosts and begins at the same time as
  ///   another, which most likely is the same.
  /// - Throws: `Failure` where a file can't be read, holds something else, or can't be added.
  public static func sum(ofFiles files: [String], again: Bool) throws -> Self {
    var sum: Self?
    var places: [String: String] = [:]
    for file in files {
      for (place, snapshot) in try read(file) {
        let key = ([snapshot.start] + snapshot.host.names.sorted()).joined(separator: "\0")
        if let other = places.updateValue(place, forKey: key), !again {
          throw Failure(
            "\(place): same host and start as \(other); use --again to add it anyway")
        }
        do {
          sum = try sum.map { try $0.merged(with: snapshot) } ?? snapshot
        } catch {
          throw Failure("\(place): \(error)")
        }
      }
    }
    guard var sum else { throw Failure("no file to add") }
    sum.final = true
    return sum
  }
}
