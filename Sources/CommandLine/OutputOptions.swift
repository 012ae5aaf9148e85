public import ArgumentParser

/// How a snapshot is written.
public enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json, folded
  case foldedCount = "folded-count"

  /// Stacks for a flame graph, of the whole watch.
  public var isFolded: Bool { self == .folded || self == .foldedCount }
}

/// When to use colors.
public enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// How snapshots are shown: the same for every command that shows some.
public struct OutputOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "text; json: one object a line; folded, folded-count: stacks for a flame graph, by ns or number.",
      valueName: "format"))
  public var format = OutputFormat.text

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "Write to this file, which appears when all is written, instead of standard output.",
      valueName: "file"))
  public var output: String?

  @Option(name: .long, help: "auto, always or never; NO_COLOR in the environment means never.")
  public var color = ColorChoice.auto

  public init() {}

  public func validate() throws {
    if output == "" { throw ValidationError("--output: the name of a file, not nothing") }
  }
}
