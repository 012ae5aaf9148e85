public import FoundationEssentials

/// Snapshots as lines of JSON.
public enum SnapshotJSON {
  /// One line, without the newline.
  public static func line(_ snapshot: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = try encoder.encode(snapshot)
    // JSON asks only for those below a space to be escaped, but terminals obey others as well: DEL
    // and, as two bytes each, the C1 controls. They can stand in nothing but strings.
    guard line.contains(where: { $0 == 0x7f || $0 == 0xc2 }) else { return line }
    let scalars = String(decoding: line, as: UTF8.self).unicodeScalars.map { scalar in
      (0x7f...0x9f).contains(scalar.value)
        ? "\\u00" + String(scalar.value, radix: 16) : String(scalar)
    }
    return Data(scalars.joined().utf8)
  }

  /// What `data`, one object a line, sums up to: its final objects, and the intervals of runs that
  /// were cut off before theirs.
  /// - Throws: `MergeError` where a line is not a snapshot, or there is none.
  public static func snapshots<Report: Snapshot>(in data: Data) throws -> [Report] {
    try numbered(in: data).map(\.snapshot)
  }

  /// The same, each with the number of its line, the first being 1.
  public static func numbered<Report: Snapshot>(
    in data: Data
  ) throws -> [(line: Int, snapshot: Report)] {
    let all: [(line: Int, snapshot: Report)] = try all(in: data)
    let finals = all.filter(\.snapshot.final)
    return all.filter { _, snapshot in
      snapshot.final || !finals.contains { $0.snapshot.sumsUp(snapshot) }
    }
  }

  /// All of them, also the intervals of whole runs; at least one.
  public static func all<Report: Snapshot>(
    in data: Data
  ) throws -> [(line: Int, snapshot: Report)] {
    let decoder = JSONDecoder()
    var all: [(line: Int, snapshot: Report)] = []
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.isEmpty {
      do {
        let snapshot = try decoder.decode(Report.self, from: Data(line))
        if let key = StrictJSON.repeatedKey(in: line) {
          throw MergeError(description: "duplicate key \(key)")
        }
        try snapshot.check()
        all.append((index + 1, snapshot))
      } catch let error as MergeError {
        throw MergeError(description: "line \(index + 1): \(error)")
      } catch {
        throw MergeError(
          description: "line \(index + 1) is not a \(Report.schemaName) snapshot")
      }
    }
    guard !all.isEmpty else { throw MergeError(description: "contains no snapshot") }
    return all
  }

  /// A point in time as the snapshots write it, in UTC with milliseconds.
  public static func timestamp(_ date: Date) -> String {
    Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(date)
  }
}

extension Snapshot {
  /// Whether an interval is a part of what this final object tells. Times of one form compare as
  /// text.
  public func sumsUp(_ interval: Self) -> Bool {
    host.names == interval.host.names && start <= interval.start && interval.end <= end
  }
}
