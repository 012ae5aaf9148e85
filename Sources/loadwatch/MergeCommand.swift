import ArgumentParser
import CommandLine
import Reports

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Add up snapshots of several hosts or runs.",
    discussion: """
      Takes of each file its final objects, or its intervals where it was cut off. Counts, sums and \
      buckets are exact.
      """)

  @Argument(help: "Files that loadwatch wrote with --format json.")
  var files: [String]

  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      let sum = try LoadSnapshot.sum(ofFiles: files)
      var sink = try SnapshotSink(output, live: false)
      try sink.use { _ = try $0.write(sum) }
    }
  }
}
