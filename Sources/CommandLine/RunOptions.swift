public import ArgumentParser

/// How long something lasts.
public struct DurationOption: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "How long to run or measure, such as 10s or 5m (without it, a run lasts until Ctrl-C, or the "
        + "end of the command or recording).",
      valueName: "time"))
  public var duration: DurationArgument?

  public init() {}
}

/// How long a run lasts and how often it reports: the same for every tool.
public struct RunLength: ParsableArguments {
  @Option(
    name: .customLong("interval"), parsing: .unconditional,
    help: ArgumentHelp(
      "Length of an interval, such as 500ms, 1s or 5m (default: 1s; for export, 5s; for replay, as recorded).",
      valueName: "time"))
  public var givenInterval: DurationArgument?

  @OptionGroup var lasting: DurationOption

  public var duration: DurationArgument? { lasting.duration }

  @Option(
    name: .long, parsing: .unconditional,
    help: "Number of intervals (default: no limit).")
  public var count: Int?

  public init() {}

  public var interval: DurationArgument { givenInterval ?? DurationArgument(text: "1s") }

  public func validate() throws {
    if interval.ns < 10_000_000 {
      throw ValidationError("--interval \(interval.text): must be at least 10ms")
    }
    if let count, count < 1 { throw ValidationError("--count \(count): must be at least 1") }
  }

  /// ns; nil: until Ctrl-C.
  public var length: UInt64? { length(of: interval) }

  /// The same, where intervals are as long as that.
  public func length(of each: DurationArgument) -> UInt64? {
    [duration?.ns, count.map { each.times($0) }].compactMap { $0 }.min()
  }
}

/// What a run that reports has besides.
public struct RunOptions: ParsableArguments {
  @OptionGroup public var run: RunLength

  @Flag(
    help: "When writing to a pipe or file, print a full report per interval instead of one line.")
  public var full = false

  @Flag(
    help: "On a terminal, redraw the report in place instead of opening the interactive screen.")
  public var plain = false

  public init() {}

  public var interval: DurationArgument { run.interval }
  public var length: UInt64? { run.length }
}
