import ArgumentParser
import CommandLine
import CloneProbes
import CloneModel
import Glibc
import Proc
import Reports
import Session
import SystemPackage
import Tasks

/// What the tool does where no subcommand is named.
struct TraceCommand: ParsableCommand {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only clones by this process (repeatable).", valueName: "id"))
  var pid: [Int32] = []

  @Flag(name: .long, help: "With --pid: also clones by its future descendants.")
  var follow = false

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: "Only clones by tasks of this name (repeatable).")
  var comm: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only clones by tasks in this cgroup (v2) and below (repeatable).", valueName: "path"))
  var cgroup: [String] = []

  @Flag(name: .long, help: "Also trace the creation of threads.")
  var threads = false

  @Flag(
    name: .long,
    help: "Also measure the steps of copying each mapping (two more probes per step).")
  var steps = false

  @OptionGroup var length: RunOptions

  @Option(
    name: .long, parsing: .unconditional,
    help: "Number of clones to trace (default: until Ctrl-C).")
  var clones: Int?

  @OptionGroup var output: OutputOptions

  @Argument(
    parsing: .postTerminator,
    help: "Command to run and profile, with all its descendants, until it exits.")
  var command: [String] = []

  func validate() throws {
    if let clones, clones < 1 { throw ValidationError("--clones \(clones): must be at least 1") }
    if let id = pid.first(where: { $0 < 1 }) {
      throw ValidationError("--pid \(id): must be positive")
    }
    if follow, pid.isEmpty { throw ValidationError("--follow requires --pid") }
    if !command.isEmpty, !pid.isEmpty {
      throw ValidationError("--pid can't be combined with a command")
    }
  }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      var options = CloneOptions()
      options.session.interval = length.interval.ns
      options.session.duration = length.length
      options.clones = clones.map(UInt64.init)
      options.filterPart = FilterPart(pids: pid.map(Int.init), comms: comm, cgroups: cgroup)
      options.filter.comms = Set(comm.map { Comm($0) })
      options.filter.threads = threads
      options.probeOptions.threads = threads
      options.probeOptions.steps = steps
      options.cgroups = cgroup.map { Cgroup($0) }
      for path in options.cgroups { _ = try path.ids() }
      try choosePids(&options)
      if output.output == nil { options.session.output = .standardOutput }

      try checkOpenFiles()
      guard !command.isEmpty else {
        if try trace(options) == .processesEnded {
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

  /// Runs to the end, and lets the command run as the tracing begins. The signals are free again as
  /// this returns.
  private func trace(
    _ options: CloneOptions, _ held: HeldCommand? = nil
  ) throws -> SessionEnd {
    // The keys are for the command, which may be an editor.
    var sink = SnapshotSink<Cloneprof>(
      output, full: length.full, takesKeys: held == nil, length: length.length)
    // From here on signals are caught: a file that is begun is also finished or removed.
    var session = try sink.attaching { try Session(options.session, CloneTracer(options)) }
    return try sink.use { sink in
      try held?.release()
      return try session.run { try sink.write($0) }
    }
  }

  /// Whom an id belongs to that was read inside a container.
  private func inContainers(_ id: Int32) -> String {
    let found = PIDNamespace.processes(withInnerID: id).prefix(3)
    guard !found.isEmpty else { return "" }
    return "; inside a container it is "
      + found.map { "\($0.name): use --pid \($0.pid)" }.joined(separator: ", or ")
  }

  private func choosePids(_ options: inout CloneOptions) throws {
    for id in pid {
      guard let status = try? ProcessStatus.of(pid: id) else {
        throw Failure("no such process: \(id)" + inContainers(id))
      }
      guard status.tgid == id else {
        throw Failure("\(id) is a thread: use --pid \(status.tgid), its process")
      }
      options.probeOptions.processes.append(id)
      options.session.processes.append(id)
    }
    options.probeOptions.follows = follow
  }
}
