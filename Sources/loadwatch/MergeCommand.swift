import ArgumentParser
import FoundationEssentials
import Presentation
import Snapshots

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

  func validate() throws {
    if files.isEmpty { throw ValidationError("name at least one file") }
  }

  func run() throws {
    try reporting {
      var all: [LoadSnapshot] = []
      for file in files {
        do {
          all += try SnapshotJSON.snapshots(in: Data(contentsOf: URL(filePath: file)))
        } catch let error as LoadSnapshot.MergeError {
          throw Failure("\(escaped(file)): \(error)")
        } catch {
          throw Failure("\(escaped(file)): can't be read")
        }
      }
      var sum = all[0]
      for snapshot in all.dropFirst() {
        sum = try sum.merged(with: snapshot)
      }
      sum.final = true
      var options = output
      options.live = false
      var sink = try SnapshotSink(options)
      do {
        _ = try sink.write(sum)
        try sink.finish()
      } catch {
        sink.abandon()
        throw error
      }
    }
  }
}
