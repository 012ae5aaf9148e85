import ArgumentParser
import CommandLine
import Faces
import Reports

/// `compare`: what changed from one run to another.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Show what changed from one saved run to others, and whether it is more than noise.",
    usage: "cloneprof compare [<options>] <baseline> <file> ...",
    discussion: """
      Each file holds one run: what --format json wrote, of a run, a replay or a merge. Noise is how \
      much the clones of a run differ from each other; to see what changes from run to run, compare \
      two runs of the same kind.

      Examples:
        cloneprof compare before.json after.json
        cloneprof compare before.json again.json after.json
      """)

  @Argument(help: "Files that cloneprof wrote with --format json, the baseline first.")
  var files: [String]

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if files.count < 2 {
      throw ValidationError("compare needs a baseline and at least one more file")
    }
    try output.checkIsOfNoRun("a comparison")
  }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      let runs = try files.map { (file: $0, run: try CloneSnapshot.run(inFile: $0)) }
      let comparisons = runs.dropFirst().map { CloneComparison(baseline: runs[0], compared: $0) }
      var sink = SnapshotSink<Cloneprof>(output, live: false)
      try sink.use { sink in
        try sink.write(comparisons) { layout in
          CloneComparisonText(columns: layout.columns, color: layout.color).block(comparisons)
        }
      }
    }
  }
}
