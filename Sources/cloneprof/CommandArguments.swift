import ArgumentParser
import CloneProbes
import CommandLine
import Reports
import Session

/// A command to run and trace.
struct CommandArguments: ParsableArguments {
  @Argument(
    parsing: .postTerminator,
    help: "Command to run and profile, with all its descendants, until it exits.")
  var command: [String] = []

  func check(_ selection: SelectionOptions) throws {
    if !command.isEmpty, !selection.pid.isEmpty {
      throw ValidationError("--pid can't be combined with a command")
    }
  }

  /// Traces to the end: the command, where there is one, whose exit code then is thrown.
  ///
  /// - Parameter trace: runs a session, and lets the command run as that begins.
  func run(
    _ options: inout CloneOptions, _ trace: (CloneOptions, HeldCommand?) throws -> SessionEnd
  ) throws {
    guard !command.isEmpty else {
      if try trace(options, nil) == .processesEnded {
        warn("all traced processes have exited", as: Cloneprof.name)
      }
      return
    }
    let started = try HeldCommand(command)
    options.probeOptions.processes = [started.pid]
    options.probeOptions.follows = true
    options.session.processes = [started.pid]
    options.filterPart.pids = [Int(started.pid)]
    // What a key sent the command has had.
    if case .signal(let signal, fromTerminal: false) = try trace(options, started) {
      started.send(signal)
    }
    throw ExitCode(try started.wait())
  }
}
