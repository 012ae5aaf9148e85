import Histograms

/// A figure of a report, described once: reports are added up by this, their documentation holds it,
/// and programs find it by its name.
public struct Figure<Report>: Sendable {
  /// Where it stands in the JSON object: "loss.ring_full".
  public let name: String
  /// "ns", "bytes", "tasks"; empty where the name says what is counted.
  public let unit: String
  /// What it means, as the documentation has it.
  public let help: String
  public let merging: Merging
  public let value: Value

  /// How a figure of two reports becomes one.
  public enum Merging: Sendable {
    /// Added up exactly; more than 64 bits are an error. Of histograms bucket by bucket.
    case sum
    case largest
    /// What is true at the end: added over hosts; of one host the later one.
    case atEnd
    /// The mean by some weight, of those that have it.
    case mean
    /// By a rule of its own, from other figures.
    case derived
  }

  public enum Value: Sendable {
    /// Nil where the report hasn't got it.
    case number(@Sendable (Report) -> Double?)
    case histogram(@Sendable (Report) -> HistogramPart)
  }

  let merge: @Sendable (_ sum: inout Report, Report, Report) throws -> Void
}

extension Figure where Report: Snapshot {
  typealias Path<Number> = any WritableKeyPath<Report, Number> & Sendable

  static func sum(
    _ path: Path<UInt64>, _ name: String, _ unit: String, _ help: String
  ) -> Figure {
    Figure(
      name: name, unit: unit, help: help, merging: .sum,
      value: .number { Double($0[keyPath: path]) }
    ) {
      $0[keyPath: path] = try $1[keyPath: path].adding($2[keyPath: path])
    }
  }

  static func largest<Number: BinaryInteger & SendableMetatype>(
    _ path: Path<Number>, _ name: String, _ unit: String, _ help: String
  ) -> Figure {
    Figure(
      name: name, unit: unit, help: help, merging: .largest,
      value: .number { Double($0[keyPath: path]) }
    ) {
      $0[keyPath: path] = max($1[keyPath: path], $2[keyPath: path])
    }
  }

  static func atEnd<Number: FixedWidthInteger & SendableMetatype>(
    _ path: Path<Number>, _ name: String, _ unit: String, _ help: String
  ) -> Figure {
    Figure(
      name: name, unit: unit, help: help, merging: .atEnd,
      value: .number { Double($0[keyPath: path]) }
    ) { sum, one, two in
      sum[keyPath: path] =
        one.host.names == two.host.names
        ? (two.end >= one.end ? two : one)[keyPath: path]
        : try one[keyPath: path].adding(two[keyPath: path])
    }
  }

  /// - Parameter weight: what it is a mean over.
  static func mean(
    _ path: Path<Double?>, over weight: any KeyPath<Report, UInt64> & Sendable, _ name: String,
    _ unit: String, _ help: String
  ) -> Figure {
    Figure(name: name, unit: unit, help: help, merging: .mean, value: .number { $0[keyPath: path] })
    {
      $0[keyPath: path] = weighted(
        $1[keyPath: path], $1[keyPath: weight], $2[keyPath: path], $2[keyPath: weight])
    }
  }

  /// One that the report's own `merged(with:)` sees to.
  static func derived(
    _ name: String, _ unit: String, _ help: String, _ read: @escaping @Sendable (Report) -> Double?
  ) -> Figure {
    Figure(name: name, unit: unit, help: help, merging: .derived, value: .number(read)) { _, _, _ in
    }
  }

  /// In ns.
  static func histogram(_ path: Path<HistogramPart>, _ name: String, _ help: String) -> Figure {
    Figure(
      name: name, unit: "ns", help: help, merging: .sum, value: .histogram { $0[keyPath: path] }
    ) { sum, one, two in
      sum[keyPath: path] = try one[keyPath: path].adding(two[keyPath: path])
    }
  }
}

extension Snapshot {
  /// Those that every form has.
  static var commonFigures: [Figure<Self>] {
    [
      .sum(\.intervalNs, "interval_ns", "ns", "length of the interval; after a merge, the sum"),
      .derived("host.cpus", "CPUs", "online CPUs of all hosts") { Double($0.host.cpus) },
      .sum(\.loss.expected, "loss.expected", "records", "emitted, by the kernel side's own count"),
      .sum(\.loss.delivered, "loss.delivered", "records", "that reached the consumer"),
      .atEnd(
        \.loss.pending, "loss.pending", "records",
        "still in the rings when the interval ended, plus those lost after them; by their timestamps they belong to a later interval"
      ),
      .sum(
        \.loss.ringFull, "loss.ring_full", "records",
        "lost because a ring was full, in the interval in which they are missing"),
      .sum(\.loss.noRing, "loss.no_ring", "records", "lost because a CPU had no ring"),
      .sum(
        \.loss.mapFull, "loss.map_full", "records",
        "`cloneprof` only: lost because the map of calls in progress, or of processes to follow, was full"
      ),
      .sum(
        \.loss.missedEnds, "loss.missed_ends", "records",
        "`cloneprof` only: lost because the program at the end of the call did not run"),
      .sum(
        \.loss.recursion, "loss.recursion", "runs",
        "of a program that the kernel skipped because the program was already running on that CPU"),
      .sum(
        \.loss.untraced, "loss.untraced", "switches",
        "that happened, by the kernel's own count (`rq->nr_switches`), and that the tracepoint did not show; not part of `expected`"
      ),
      .sum(
        \.loss.namesLeftOut, "loss.names_left_out", "names",
        "of tasks, cgroups, files and functions that could not be looked up within a deadline, because of a hung mount or a process that holds its locks. No records are lost because of it"
      ),
    ]
  }
}
