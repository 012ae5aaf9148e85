import ArgumentParser
import FoundationEssentials
import Snapshots
import SystemPackage

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
    try reporting {
      var all: [LoadSnapshot] = []
      for file in files {
        do {
          all += try SnapshotJSON.snapshots(in: Self.contents(of: file))
        } catch {
          throw Failure("\(file): \(error)")
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

  /// Also of a pipe: `loadwatch merge <(ssh web1 ...)`.
  private static func contents(of path: String) throws -> Data {
    let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    defer { try? file.close() }
    var data = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try unsafe chunk.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
      if count == 0 { return data }
      data.append(contentsOf: chunk[..<count])
    }
  }
}
