public import ArgumentParser
import SystemPackage

/// The form of a report.
public enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json, html, folded
  case foldedCount = "folded-count"
  case pprof, speedscope, perfetto

  /// Stacks of the whole run, for a flame graph or a viewer of profiles.
  public var isOfStacks: Bool {
    switch self {
    case .folded, .foldedCount, .pprof, .speedscope: true
    case .text, .json, .html, .perfetto: false
    }
  }

  /// Whether nobody wants it on a terminal.
  var isForFiles: Bool { self == .html || self == .pprof || self == .perfetto }
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
      "Output format: text, json (one object per line), html (a page of the whole run), perfetto (a trace of every event), or where there are stacks, folded or folded-count (for flame graphs, by ns or by count), pprof or speedscope.",
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
    if format.isForFiles, output == nil, Terminal.isTerminal(.standardOutput) {
      throw ValidationError(
        "--format \(format.rawValue): name a file with -o, or redirect standard output")
    }
  }

  /// Only a run has stacks and intervals.
  ///
  /// - Parameters:
  ///   - what: what is written instead: "a comparison".
  ///   - hasPage: whether it is also made a page of.
  /// - Throws: `ValidationError` where the format is one of a run.
  public func checkIsOfNoRun(_ what: String, hasPage: Bool = false) throws {
    if format == .html && !hasPage || format == .perfetto {
      throw ValidationError("--format \(format.rawValue): not available for \(what)")
    }
    if format.isOfStacks {
      throw ValidationError("--format \(format.rawValue): \(what) has no stacks")
    }
  }

  public var format: OutputFormat { style.format }
  public var color: ColorChoice { style.color }
  public var output: String? { place.output }
}
