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

  public init() {}

  public func run() throws {
    try reporting(tool: T.name) {
      let target = place.output ?? (FilePath(file).lastComponent?.stem ?? T.name) + ".html"
      let options = ["--format", "html", "-o", target]
      if RecordingFile.isRecording(file) {
        var replay = try T.Replay.parse([file] + options)
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
