import ArgumentParser
import CommandLine
import Exports
import LoadModel
import Reports
import Tasks

/// `replay`: the reports of a recording.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract:
      "Report on a recording made by `loadwatch record`, on any machine, without privileges.")

  @OptionGroup var options: ReplayOptions
  @OptionGroup var selection: SelectionOptions

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if output.format.isOfStacks {
      throw ValidationError(
        "--format \(output.format.rawValue): not available in replay: a recording does not hold the stack of every sleep"
      )
    }
    try selection.checkIsOfAll(output.format)
  }

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      var replayer = try Replayer<Loadwatch>(options)
      var replay = LoadReplay.Options()
      replay.window = try replayer.window(output)
      replay.filterPart = selection.part
      replay.filter.comms = Set(selection.comm.map { Comm($0) })
      // An id does not tell whether it is a process or a thread.
      let ids = Set(selection.pid.map { UInt32($0) })
      (replay.filter.processes, replay.filter.threads) = (ids, ids)
      if !selection.cgroup.isEmpty { replay.filter.cgroups = [] }
      replay.by = try selection.groupings()
      replay.culprits = selection.culprits
      let trace = output.format == .perfetto ? TraceStream<LoadTrace>() : nil
      try replayer.run(
        replay.window, into: LoadReplay(replay, tap: trace), output, trace: trace)
    }
  }
}
