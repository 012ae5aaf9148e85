public import FoundationEssentials

/// Snapshots as lines of JSON.
public enum SnapshotJSON {
  /// One line, without the newline.
  public static func line(_ snapshot: LoadSnapshot) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(snapshot)
  }

  /// What `data`, one object a line, sums up to: its final objects, or, of a watch that was cut
  /// off, its intervals.
  /// - Throws: where a line is not a snapshot, or there is none.
  public static func snapshots(in data: Data) throws -> [LoadSnapshot] {
    let decoder = JSONDecoder()
    var all: [LoadSnapshot] = []
    for (index, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
      do {
        all.append(try decoder.decode(LoadSnapshot.self, from: Data(line)))
      } catch {
        throw LoadSnapshot.MergeError(
          description: "line \(index + 1) is not a snapshot of the form \(LoadSnapshot.schemaName)")
      }
    }
    let finals = all.filter { $0.final }
    guard !all.isEmpty else { throw LoadSnapshot.MergeError(description: "holds no snapshot") }
    return finals.isEmpty ? all : finals
  }

  /// A point in time as the snapshots write it, in UTC with milliseconds.
  public static func timestamp(_ date: Date) -> String {
    Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(date)
  }
}
