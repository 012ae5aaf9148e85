import FoundationEssentials
public import Reports
import SystemPackage

extension Snapshot {
  /// What files of snapshots add up to, as a final object. Of each it takes the final objects, and
  /// the intervals of watches that were cut off before theirs.
  ///
  /// - Throws: `Failure` where a file can't be read or holds something else, `MergeError` where they
  ///   can't be added.
  public static func sum(ofFiles files: [String]) throws -> Self {
    var all: [Self] = []
    for file in files {
      do {
        all += try SnapshotJSON.snapshots(in: contents(of: file))
      } catch {
        throw Failure("\(file): \(error)")
      }
    }
    guard var sum = all.first else { throw Failure("no file to add") }
    for snapshot in all.dropFirst() {
      sum = try sum.merged(with: snapshot)
    }
    sum.final = true
    return sum
  }
}

/// Also of a pipe: `loadwatch merge <(ssh web1 ...)`.
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
