import ArgumentParser
import CommandLine
import Glibc
import LoadProbes
import Reports
import Session

/// `record`: all input of a run, in a file.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Record every event, continuously or around a condition, for `loadwatch replay`.",
    discussion: """
      A condition compares figures: load1 > 2*cpus, uninterruptible > 20, \
      run_queue_latency.p99 > 50ms, verdict = disk, lost > 0; combine \
      them with "and" and "or". An unknown name prints all valid names.

      Examples:
        loadwatch record --duration 1m -o minute.rec
        loadwatch record --when "load1 > 2*cpus or verdict = disk"
        loadwatch record --keep 5m                 # kill -USR1 writes it
      """)

  @OptionGroup var options: RecordOptions
  @OptionGroup var length: RunLength
  // The tool takes these before and behind the subcommand's name.
  @OptionGroup(visibility: .hidden) var selection: SelectionOptions
  @OptionGroup(visibility: .hidden) var style: OutputStyle

  func validate() throws {
    try options.check(on: LoadSnapshot.self)
    if !selection.part.isEmpty || selection.groupedBy != nil || style.format != .text {
      throw ValidationError(
        "a recording holds every task: use --pid, --comm, --cgroup, --by and --format with replay")
    }
  }

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      var load = LoadOptions()
      load.session.interval = length.interval.ns
      load.session.duration = length.length
      load.session.requests = [SIGUSR1]
      try checkOpenFiles()
      let recorded = try RecordedRun<Loadwatch>(options)
      var session = try Session(load.session, LoadTracer(load, recorder: recorded.recorder))
      try recorded.begin()
      _ = try session.run(requested: recorded.writeNow) { recorded.take($0) }
      try recorded.finish()
    }
  }
}
