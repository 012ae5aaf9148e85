import ArgumentParser
import CommandLine
import LoadProbes
import LoadModel
import Proc
import Reports
import Session
import SystemPackage
import Tasks

/// What the tool does where no subcommand is named.
struct TraceCommand: ParsableCommand {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this process, or this thread (repeatable).", valueName: "id"))
  var pid: [Int32] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: "Only tasks of this name (repeatable).")
  var comm: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only tasks in this cgroup (v2) and below (repeatable).", valueName: "path"))
  var cgroup: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Group the load average by one or two of process, thread, cgroup, user, comm, state and "
        + "site.", valueName: "key,key"))
  var by = "process,site"

  @OptionGroup var length: RunOptions

  @Flag(
    help: "Record the kernel stack of every uninterruptible sleep (json only; folded implies it).")
  var stacks = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    let kinds = by.split(separator: ",", omittingEmptySubsequences: false)
    if let bad = kinds.first(where: { Grouping(rawValue: String($0)) == nil }) {
      throw ValidationError(
        "--by \(by): '\(bad)' is not one of "
          + Grouping.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if stacks, output.format == .text {
      throw ValidationError("--stacks requires --format json or folded")
    }
    if kinds.count > 2 { throw ValidationError("--by \(by): must be at most two") }
    if let id = pid.first(where: { $0 < 1 }) {
      throw ValidationError("--pid \(id): must be positive")
    }
  }

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      var options = LoadOptions()
      options.session.interval = length.interval.ns
      options.by = by.split(separator: ",").compactMap { Grouping(rawValue: String($0)) }
      options.stacks = stacks || output.format.isFolded
      options.session.duration = length.length
      options.filterPart = FilterPart(pids: pid.map(Int.init), comms: comm, cgroups: cgroup)
      options.filter.comms = Set(comm.map { Comm($0) })
      try choosePids(&options)
      options.cgroups = cgroup.map { Cgroup($0) }
      for path in options.cgroups { _ = try path.ids() }
      if output.output == nil { options.session.output = .standardOutput }

      try checkOpenFiles()
      var sink = SnapshotSink<Loadwatch>(output, full: length.full, length: length.length)
      // From here on signals are caught: a file that is begun is also finished or removed.
      var session = try sink.attaching { try Session(options.session, LoadTracer(options)) }
      let end = try sink.use { sink in try session.run { try sink.write($0) } }
      if end == .processesEnded { warn("all traced processes have exited", as: Loadwatch.name) }
    }
  }

  /// A process is traced with all its threads; the id of another thread stands for that thread.
  private func choosePids(_ options: inout LoadOptions) throws {
    for id in pid {
      guard let status = try? ProcessStatus.of(pid: id) else {
        throw Failure("no such process: \(id)")
      }
      if status.tgid == id {
        options.filter.processes.insert(UInt32(id))
      } else {
        options.filter.threads.insert(UInt32(id))
      }
      options.session.processes.append(id)
    }
  }
}
