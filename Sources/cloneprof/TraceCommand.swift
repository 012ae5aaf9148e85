import ArgumentParser
import CloneProbes
import CommandLine
import Exports
import Glibc
import Reports
import Session
import SystemPackage

/// What the tool does where no subcommand is named.
struct TraceCommand: ParsableCommand {
  @OptionGroup var profile: ProfileOptions

  @OptionGroup var length: RunOptions

  @OptionGroup var output: OutputOptions

  @OptionGroup var command: CommandArguments

  func validate() throws { try command.check(profile.selection) }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      var options = try profile.cloneOptions(length.run)
      if output.output == nil { options.session.output = .standardOutput }
      try checkOpenFiles()
      try command.run(&options, trace)
    }
  }

  /// Runs to the end, and lets the command run as the tracing begins. The signals are free again as
  /// this returns.
  private func trace(_ options: CloneOptions, _ held: HeldCommand?) throws -> SessionEnd {
    // The keys are for the command, which may be an editor.
    let trace = output.format == .perfetto ? TraceStream<CloneTrace>() : nil
    var sink = SnapshotSink<Cloneprof>(
      output, full: length.full, plain: length.plain, takesKeys: held == nil,
      length: length.length, trace: trace)
    var options = options
    if sink.isBrowsed {
      options.session.requests = [SIGWINCH]
      options.session.input = .standardInput
    }
    // From here on signals are caught: a file that is begun is also finished or removed.
    var session = try sink.attaching {
      try Session(options.session, CloneTracer(options, recorder: trace))
    }
    return try sink.use { sink in
      try held?.release()
      return try session.run(requested: { try sink.attend() }) { try sink.write($0) }
    }
  }
}
