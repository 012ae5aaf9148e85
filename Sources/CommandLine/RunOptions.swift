public import ArgumentParser

/// How long a run lasts and how often it reports: the same for every tool.
public struct RunOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditional, help: "Length of an interval, such as 500ms, 1s or 5m.")
  public var interval = DurationArgument(text: "1s")

  @Option(
    name: .long, parsing: .unconditional,
    help: "How long to run, such as 10s or 5m (default: until Ctrl-C).")
  public var duration: DurationArgument?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Number of intervals (default: until Ctrl-C).")
  public var count: Int?

  @Flag(help: "In a pipe or file: a full report per interval, not one line.")
  public var full = false

  public init() {}

  public func validate() throws {
    if interval.ns < 10_000_000 {
      throw ValidationError("--interval \(interval.text): must be at least 10ms")
    }
    if let count, count < 1 { throw ValidationError("--count \(count): must be at least 1") }
  }

  /// ns; nil: until Ctrl-C.
  public var length: UInt64? {
    [duration?.ns, count.map { interval.times($0) }].compactMap { $0 }.min()
  }
}
