public import ArgumentParser
import SystemPackage

/// The form of a report.
public enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json, html, folded
  case foldedCount = "folded-count"

  /// Stacks for a flame graph, of the whole run.
  public var isFolded: Bool { self == .folded || self == .foldedCount }
}

/// When to use colors.
public enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// Where to: the same for every command that writes something.
public struct OutputPlace: ParsableArguments {
  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "Write to this file (default: standard output; for record, a file named after the time; for report, the name of its input with .html).",
      valueName: "file"))
  public var output: String?

  public init() {}

  public func validate() throws {
    if output == "" { throw ValidationError("--output: must not be empty") }
  }
}

/// What reports look like.
public struct OutputStyle: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Output format: text, json (one object per line), html (a page of the whole run), or where there are stacks, folded or folded-count (for flame graphs, by ns or by count).",
      valueName: "format"))
  public var format = OutputFormat.text

  @Option(name: .long, help: "When to use color: auto, always or never (auto honors NO_COLOR).")
  public var color = ColorChoice.auto

  public init() {}
}

/// How reports are written: the same for every command that writes some.
public struct OutputOptions: ParsableArguments {
  @OptionGroup public var style: OutputStyle

  @OptionGroup public var place: OutputPlace

  public init() {}

  public func validate() throws {
    if format == .html, output == nil, Terminal.isTerminal(.standardOutput) {
      throw ValidationError("--format html: name a file with -o, or redirect standard output")
    }
  }

  /// Only a run has stacks and intervals.
  ///
  /// - Parameter what: what is written instead: "a comparison".
  /// - Throws: `ValidationError` where the format is one of a run.
  public func checkIsOfNoRun(_ what: String) throws {
    if format == .html { throw ValidationError("--format html: not available for \(what)") }
    if format.isFolded {
      throw ValidationError("--format \(format.rawValue): \(what) has no stacks")
    }
  }

  public var format: OutputFormat { style.format }
  public var color: ColorChoice { style.color }
  public var output: String? { place.output }
}
