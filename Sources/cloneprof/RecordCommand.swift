import ArgumentParser
import CloneProbes
import CommandLine
import Glibc
import Reports
import Session

/// `record`: all input of a run, in a file.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Record every clone, continuously or around a condition, for `cloneprof replay`.",
    usage: """
      cloneprof record [<options>]
      cloneprof record [<options>] -- <command> [<arguments> ...]
      """,
    discussion: """
      A condition compares figures: clone.max > 100ms, clone.count > 1000, lost > 0; combine them \
      with "and" and "or". An unknown name prints all valid names.

      Examples:
        cloneprof record --pid 1234 --duration 10m -o redis.rec
        cloneprof record --when "clone.max > 100ms"
        cloneprof record -- make -j8
      """)

  @OptionGroup var options: RecordOptions
  @OptionGroup var profile: ProfileOptions
  @OptionGroup var length: RunLength
  @OptionGroup var command: CommandArguments
  // The tool takes these before and behind the subcommand's name.
  @OptionGroup(visibility: .hidden) var style: OutputStyle

  func validate() throws {
    try options.check(on: CloneSnapshot.self)
    if style.format != .text {
      throw ValidationError("a recording has its own format: use --format with replay")
    }
    try command.check(profile.selection)
  }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      var clones = try profile.cloneOptions(length)
      clones.session.requests = [SIGUSR1]
      try checkOpenFiles()
      let recorded = try RecordedRun<Cloneprof>(options)
      try command.run(&clones) { clones, held in
        var session = try Session(
          clones.session, CloneTracer(clones, recorder: recorded.recorder))
        try recorded.begin()
        try held?.release()
        let end = try session.run(requested: recorded.writeNow) { recorded.take($0) }
        try recorded.finish()
        return end
      }
    }
  }
}
