public import ArgumentParser
import Glibc
import Input
import Proc
import Recording
public import Reports

/// What is recorded, when, and where to: the same for every tool.
public struct RecordOptions: ParsableArguments {
  @OptionGroup var place: OutputPlace

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Write only around intervals that meet this condition, starting with what --keep has in memory.",
      valueName: "condition"))
  var when: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "How much of the past to keep in memory; SIGUSR1 writes it to a file (default with --when: 2m).",
      valueName: "time"))
  var keep: DurationArgument?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "How long to keep writing after --when no longer holds, or after SIGUSR1.", valueName: "time")
  )
  var after = DurationArgument(text: "30s")

  @Option(name: .long, help: ArgumentHelp("Maximum size of each file.", valueName: "size"))
  var maxSize = SizeArgument(text: "256M")

  @Option(
    name: .long,
    help: ArgumentHelp("Number of files to keep; older ones are deleted.", valueName: "count"))
  var maxFiles = 10

  public init() {}

  public func validate() throws {
    if maxFiles < 1 { throw ValidationError("--max-files \(maxFiles): must be at least 1") }
    if maxSize.bytes < 1 << 20 {
      throw ValidationError("--max-size \(maxSize.text): must be at least 1M")
    }
    if let keep, keep.ns < 1_000_000_000 {
      throw ValidationError("--keep \(keep.text): must be at least 1s")
    }
  }

  /// Refuses a condition that can't be understood.
  public func check<Report: Snapshot>(on: Report.Type) throws { _ = try condition(on: Report.self) }

  func condition<Report: Snapshot>(on: Report.Type) throws -> Condition<Report>? {
    do {
      return try when.map { try Condition($0) }
    } catch let error as ConditionError {
      throw ValidationError("--when \(error)")
    }
  }

  /// Nil: a dated one in the current folder.
  var output: String? { place.output }

  /// How much of the past is kept, ns; nil: all is written as it comes.
  var keepNs: UInt64? { keep?.ns ?? (when == nil ? nil : 120_000_000_000) }

  /// Bytes that the past may take, at 16 a context switch and 100,000 of these a second on each CPU.
  ///
  /// - Throws: `Failure` where there is no memory for that.
  func mostKept() throws -> Int {
    try keepNs.map { try Self.mostKept(of: $0, option: "--keep \(keep?.text ?? "2m")") } ?? 0
  }

  /// - Parameters:
  ///   - keepNs: how much of the past is kept.
  ///   - option: what asks for that.
  public static func mostKept(of keepNs: UInt64, option: String) throws -> Int {
    let cpus = (try? Host.current().onlineCPUCount) ?? 1
    let most = Double(keepNs) / 1e9 * 1_600_000 * Double(cpus)
    let available = Double((try? TaskLimits.current().available) ?? 0)
    guard most < available / 2 else {
      throw Failure(
        "\(option) could take \(gigabytes(most)) at 100,000 switches/s per CPU; "
          + "only half of the \(gigabytes(available)) of available memory may be used")
    }
    return max(64 << 20, Int(most))
  }

  private static func gigabytes(_ bytes: Double) -> String {
    "\((bytes / 1e8).rounded() / 10) GB"
  }
}

/// A size as a user writes it: 1000, 64K, 256M, 2G; in 1,024s.
public struct SizeArgument: ExpressibleByArgument, Sendable {
  /// As it was written.
  public let text: String
  public let bytes: UInt64

  /// One that the program itself names; anything else than a size stops it.
  public init(text: String) { self.init(argument: text)! }

  /// Nil where the text is no size.
  public init?(argument: String) {
    let digits = argument.prefix { $0.isNumber }
    let shifts: [Substring: UInt64] = ["": 0, "K": 10, "M": 20, "G": 30, "T": 40]
    guard let number = UInt64(digits), let shift = shifts[argument.dropFirst(digits.count)],
      number <= UInt64.max >> (shift + 1)
    else { return nil }
    (text, bytes) = (argument, number << shift)
  }

  public var defaultValueDescription: String { text }
}
