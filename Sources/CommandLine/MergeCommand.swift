public import ArgumentParser

/// `merge`: the sum of several files.
public struct MergeCommand<T: Tool>: ParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "merge",
      abstract: "Add up snapshots of several hosts or runs.",
      discussion: """
        Adds up the final objects of each file, and the intervals of any run that was cut off. \
        Counts, sums and buckets stay exact.
        """)
  }

  @Argument(help: "Files that \(T.name) wrote with --format json.")
  var files: [String]

  @Flag(help: "Add a snapshot even if another has the same host and start time.")
  var again = false

  @OptionGroup var output: OutputOptions

  public init() {}

  public func validate() throws {
    if output.format == .perfetto {
      throw ValidationError("--format perfetto: only a recording holds events; use replay")
    }
  }

  public func run() throws {
    try reporting(tool: T.name) {
      let sum = try T.Report.sum(ofFiles: files, again: again)
      var sink = SnapshotSink<T>(output, live: false)
      try sink.use { _ = try $0.write(sum) }
    }
  }
}
