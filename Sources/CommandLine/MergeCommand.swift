public import ArgumentParser

/// `merge`: the sum of several files.
public struct MergeCommand<T: Tool>: ParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "merge",
      abstract: "Add up snapshots of several hosts or runs.",
      discussion: """
        Takes of each file its final objects, or its intervals where it was cut off. Counts, sums \
        and buckets are exact.
        """)
  }

  @Argument(help: "Files that \(T.name) wrote with --format json.")
  var files: [String]

  @Flag(help: "Also add what is of the same host and begins at the same time as another.")
  var again = false

  @OptionGroup var output: OutputOptions

  public init() {}

  public func run() throws {
    try reporting(tool: T.name) {
      let sum = try T.Report.sum(ofFiles: files, again: again)
      var sink = SnapshotSink<T>(output, live: false)
      try sink.use { _ = try $0.write(sum) }
    }
  }
}
