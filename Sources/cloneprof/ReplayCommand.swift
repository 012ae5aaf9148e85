import ArgumentParser
import CloneModel
import CommandLine
import Exports

/// `replay`: the reports of a recording.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract:
      "Report on a recording made by `cloneprof record`, on any machine, without privileges.")

  @OptionGroup var options: ReplayOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      var replayer = try Replayer<Cloneprof>(options)
      var replay = CloneReplay.Options()
      replay.window = try replayer.window(output)
      replay.filterPart = selection.part
      let trace = output.format == .perfetto ? TraceStream<CloneTrace>() : nil
      try replayer.run(
        replay.window, into: CloneReplay(replay, tap: trace), output, trace: trace)
    }
  }
}
