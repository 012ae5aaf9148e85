import ArgumentParser

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// How snapshots are shown: the same for every command that shows some.
struct OutputOptions: ParsableArguments {
  @Option(name: .long, help: "text, or json: one object a line.")
  var format = OutputFormat.text

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "Write to this file, which appears when all is written, instead of standard output.",
      valueName: "file"))
  var output: String?

  @Option(name: .long, help: "auto, always or never; NO_COLOR in the environment means never.")
  var color = ColorChoice.auto

  /// Whether a picture may be redrawn in place on a terminal.
  var live = true

  func validate() throws {
    if output == "" { throw ValidationError("--output: the name of a file, not nothing") }
  }

  enum CodingKeys: CodingKey {
    case format, output, color
  }
}
