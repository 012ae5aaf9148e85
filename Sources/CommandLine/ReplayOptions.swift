public import ArgumentParser
import FoundationEssentials
public import Input
import Recording
import Reports

/// What of a recording is replayed, and in what intervals: the same for every tool.
public struct ReplayOptions: ParsableArguments {
  @Argument(help: "A file that `record` wrote.")
  var file: String

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Begin at this time: 14:05, 14:05:30 or 2026-11-28T14:05:00Z, in UTC.", valueName: "time"))
  var from: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("End at this time.", valueName: "time"))
  var to: String?

  @OptionGroup var run: RunOptions

  public init() {}

  public func validate() throws {
    for (name, text) in [("--from", from), ("--to", to)] {
      if let text, TimeArgument(text) == nil {
        throw ValidationError(
          "\(name) \(text): must be a time such as 14:05, 14:05:30 or 2026-11-28T14:05:00Z")
      }
    }
  }

  /// - Parameter start: when the recording begins, CLOCK_REALTIME, ns.
  public func window(start: UInt64) throws -> ReplayWindow {
    let from = from.flatMap { TimeArgument($0)?.ns(after: start) }
    let to = to.flatMap { TimeArgument($0)?.ns(after: from ?? start) }
    if let from, let to, to <= from { throw Failure("--to must be later than --from") }
    return ReplayWindow(
      from: from, to: to, interval: run.run.givenInterval?.ns, length: run.run.duration?.ns,
      count: run.run.count)
  }
}

/// A time in UTC: of a day, or on whatever day comes next.
struct TimeArgument {
  /// Since 1970, where the day is named; else since midnight. ns
  private let ns: UInt64
  private let hasDay: Bool
  private static let day: UInt64 = 86_400_000_000_000

  /// Nil where the text is no time.
  init?(_ text: String) {
    if text.contains("T") {
      guard
        let date = (try? Date(text, strategy: .iso8601))
          ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))),
        (0..<4e9).contains(date.timeIntervalSince1970)
      else { return nil }
      (ns, hasDay) = (UInt64((date.timeIntervalSince1970 * 1e3).rounded()) * 1_000_000, true)
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      part.count == 2 && part.allSatisfy { $0.isASCII && $0.isNumber } ? UInt64(part) : nil
    }
    guard (2...3).contains(parts.count), let hour = parts[0], let minute = parts[1], hour < 24,
      minute < 60, let second = parts.count == 3 ? parts[2] : 0, second < 60
    else { return nil }
    (ns, hasDay) = ((hour * 3600 + minute * 60 + second) * 1_000_000_000, false)
  }

  /// That time on the day of another one, or on the next day if it is over an hour before it;
  /// CLOCK_REALTIME, ns.
  func ns(after start: UInt64) -> UInt64 {
    guard !hasDay else { return ns }
    let midnight = start - start % Self.day
    let time = midnight + ns
    // A recording's first minute is asked for, too, by a time that is a little before it.
    return time + 3_600_000_000_000 < start ? time + Self.day : time
  }
}
