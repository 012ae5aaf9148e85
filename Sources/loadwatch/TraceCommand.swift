import ArgumentParser
import CommandLine
import Exports
import Glibc
import LoadProbes
import LoadModel
import Proc
import Reports
import Session
import SystemPackage
import Tasks

/// What the tool does where no subcommand is named.
struct TraceCommand: ParsableCommand {
  @OptionGroup var selection: SelectionOptions

  @OptionGroup var length: RunOptions

  @Flag(
    help:
      "Record the kernel stack of every uninterruptible sleep (json and html only; folded implies it)."
  )
  var stacks = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if stacks, output.format == .text {
      throw ValidationError("--stacks requires --format json, html or folded")
    }
    try selection.checkIsOfAll(output.format)
    if output.format == .perfetto, length.interval.ns > 10_000_000_000 {
      throw ValidationError(
        "--interval \(length.interval.text): at most 10s with --format perfetto, which is written as intervals end"
      )
    }
  }

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      var options = LoadOptions()
      options.session.interval = length.interval.ns
      options.by = try selection.groupings() ?? options.by
      options.culprits = selection.culprits
      options.stacks = stacks || output.format.isOfStacks || output.format == .perfetto
      options.session.duration = length.length
      options.filterPart = selection.part
      options.filter.comms = Set(selection.comm.map { Comm($0) })
      try choosePids(&options)
      options.cgroups = selection.cgroup.map { Cgroup($0) }
      for path in options.cgroups { _ = try path.ids() }
      if output.output == nil { options.session.output = .standardOutput }

      try checkOpenFiles()
      let trace = output.format == .perfetto ? TraceStream<LoadTrace>() : nil
      var sink = SnapshotSink<Loadwatch>(
        output, full: length.full, plain: length.plain, length: length.length, trace: trace)
      // From here on signals are caught: a file that is begun is also finished or removed.
      if sink.isBrowsed {
        options.session.requests = [SIGWINCH]
        options.session.input = .standardInput
      }
      var session = try sink.attaching {
        try Session(options.session, LoadTracer(options, recorder: trace))
      }
      let end = try sink.use { sink in
        try session.run(requested: { try sink.attend() }) { try sink.write($0) }
      }
      if end == .processesEnded { warn("all traced processes have exited", as: Loadwatch.name) }
    }
  }

  /// A process is traced with all its threads; the id of another thread stands for that thread.
  private func choosePids(_ options: inout LoadOptions) throws {
    for id in selection.pid {
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
