import FoundationEssentials
public import Reports
import SystemPackage

extension Snapshot {
  /// What a file of snapshots holds: its final objects, and the intervals of runs that were cut off
  /// before theirs; at least one. Each with its place, for messages: "FILE: line 4".
  ///
  /// - Throws: `Failure` where the file can't be read, or holds something else.
  static func read(_ file: String) throws(Failure) -> [(place: String, snapshot: Self)] {
    do {
      return try SnapshotJSON.numbered(in: contents(of: file)).map { line, snapshot in
        ("\(file): line \(line)", snapshot)
      }
    } catch {
      throw Failure("\(file): \(error)")
    }
  }

  /// The intervals of the one run that a file holds, and the whole: where it was cut off, their sum.
  ///
  /// - Throws: `Failure` where it holds several, or something else.
  static func intervals(inFile file: String) throws(Failure) -> (intervals: [Self], whole: Self) {
    do {
      let all: [(line: Int, snapshot: Self)] = try SnapshotJSON.all(in: contents(of: file))
      let finals = all.filter(\.snapshot.final)
      guard finals.count < 2 else {
        throw Failure(
          "\(file): line \(finals[1].line): a second run; write one file for each")
      }
      let intervals = all.map(\.snapshot).filter { !$0.final }
      if let whole = finals.first {
        if let other = all.first(where: {
          !$0.snapshot.final && !whole.snapshot.sumsUp($0.snapshot)
        }) {
          throw Failure("\(file): line \(other.line): a second run; write one file for each")
        }
        return (intervals, whole.snapshot)
      }
      var sum = intervals[0]
      for (line, interval) in all.dropFirst() {
        guard interval.host.names == sum.host.names, sum.end <= interval.start else {
          throw Failure("\(file): line \(line): a second run; write one file for each")
        }
        sum = try sum.merged(with: interval)
      }
      return (intervals, sum)
    } catch let error as Failure {
      throw error
    } catch {
      throw Failure("\(file): \(error)")
    }
  }

  /// The one whole run that a file holds.
  ///
  /// - Throws: `Failure` where it holds none, several, or something else.
  public static func run(inFile file: String) throws(Failure) -> Self {
    let found = try read(file)
    if let cut = found.first(where: { !$0.snapshot.final }) {
      throw Failure(
        "\(cut.place): a run that was cut off; add its intervals up with merge first")
    }
    guard found.count == 1 else {
      throw Failure("\(found[1].place): a second run; add them up with merge first")
    }
    return found[0].snapshot
  }
}

/// Also of a pipe: `loadwatch merge <(ssh web1 ...)`
private func contents(of path: String) throws -> Data {
  let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
  defer { try? file.close() }
  var data = Data()
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = try unsafe chunk.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
    if count == 0 { return data }
    data.append(contentsOf: chunk[..<count])
  }
}
