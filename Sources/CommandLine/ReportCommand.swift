public import ArgumentParser
import Faces
import Pages
import Recording
import Reports
import SystemPackage

/// `report`: what a file holds, as a page to send on.
public struct ReportCommand<T: Tool>: ParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "report",
      abstract: "Turn a recording or a JSON file into one HTML page.",
      discussion: """
        The page needs no network and no other file, and is readable without scripts. To select a time, \
        use replay with --format html.
        """)
  }

  @Argument(help: "A file that `record` wrote, or \(T.name) with --format json.")
  var file: String

  @OptionGroup var place: OutputPlace
  // The tool takes these before and behind the subcommand's name.
  @OptionGroup(visibility: .hidden) var style: OutputStyle

  public init() {}

  public func validate() throws {
    guard style.format == .text || style.format == .html else {
      throw ValidationError("report writes HTML: use --format \(style.format.rawValue) with replay")
    }
  }

  /// The name of the file that is read, with .html at its end, in the current directory.
  ///
  /// - Throws: `Failure` where that is there already: it may be that file itself, or a page with notes in it.
  private func ownTarget() throws(Failure) -> String {
    let target = (FilePath(file).lastComponent?.stem ?? T.name) + ".html"
    if (try? FileDescriptor.open(FilePath(target), .readOnly, options: .nonBlocking).close()) != nil
    {
      throw Failure("\(target) exists: name another file with -o")
    }
    return target
  }

  public func run() throws {
    try reporting(tool: T.name) {
      let target = try place.output ?? ownTarget()
      let options = ["--format", "html", "--output=\(target)"]
      if RecordingFile.isRecording(file) {
        var replay = try T.Replay.parse(options + ["--", file])
        try replay.run()
      } else {
        let (intervals, whole) = try T.Report.intervals(inFile: file)
        var sink = SnapshotSink<T>(try OutputOptions.parse(options), live: false)
        try sink.use { sink in
          for interval in intervals { _ = try sink.write(interval) }
          var whole = whole
          whole.final = true
          _ = try sink.write(whole)
        }
      }
      warn("wrote \(target)", as: T.name)
    }
  }
}
