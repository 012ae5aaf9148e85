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
struct WatchCommand: ParsableCommand {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this process, or this thread; may be repeated.", valueName: "id"))
  var pid: [Int32] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: "Only tasks of this name; may be repeated.")
  var comm: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only tasks in this cgroup (version 2) and below; may be repeated.", valueName: "path"))
  var cgroup: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What the load average is split by: one or two of process, thread, cgroup, user, comm, state "
        + "and site.", valueName: "what,what"))
  var by = "process,site"

  @Option(
    name: .long, parsing: .unconditional, help: "How long an interval is: 500ms, 1s, 5m.")
  var interval = TimeLength(text: "1s")

  @Option(
    name: .long, parsing: .unconditional,
    help: "How long to watch: 10s, 5m. Until stopped unless given.")
  var duration: TimeLength?

  @Option(name: .long, parsing: .unconditional, help: "How many intervals to watch.")
  var count: Int?

  @Flag(help: "Follow every sleep in D with its kernel stack: for json, and always for folded.")
  var stacks = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if interval.ns < 10_000_000 {
      throw ValidationError("--interval \(interval.text): at least 10ms")
    }
    let kinds = by.split(separator: ",", omittingEmptySubsequences: false)
    if let bad = kinds.first(where: { Grouping(rawValue: String($0)) == nil }) {
      throw ValidationError(
        "--by \(by): '\(bad)' is none of "
          + Grouping.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if stacks, output.format == .text {
      throw ValidationError("--stacks: only json and folded have them, see --format")
    }
    if kinds.count > 2 { throw ValidationError("--by \(by): at most two") }
    if let count, count < 1 { throw ValidationError("--count \(count): at least 1") }
    if let id = pid.first(where: { $0 < 1 }) {
      throw ValidationError("--pid \(id): ids of processes begin at 1")
    }
  }

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      var options = LoadOptions()
      options.session.interval = interval.ns
      options.by = by.split(separator: ",").compactMap { Grouping(rawValue: String($0)) }
      options.stacks = stacks || output.format.isFolded
      options.session.duration = [duration?.ns, count.map { interval.times($0) }].compactMap { $0 }
        .min()
      options.filterPart = FilterPart(pids: pid.map(Int.init), comms: comm, cgroups: cgroup)
      options.filter.comms = Set(comm.map { Comm($0) })
      try choosePids(&options)
      options.cgroups = cgroup.map { Cgroup($0) }
      for path in options.cgroups { _ = try path.ids() }
      if output.output == nil { options.session.output = .standardOutput }

      // From here on signals are caught: a file that is begun is also finished or removed.
      var session = try Session(options.session, LoadTracer(options))
      var sink = try SnapshotSink(output)
      let end = try sink.use { sink in try session.run { try sink.write($0) } }
      if end == .processesEnded { say("the last process to watch has ended", as: Loadwatch.name) }
    }
  }

  /// A process is watched with all its threads; the id of another thread stands for that thread.
  private func choosePids(_ options: inout LoadOptions) throws {
    for id in pid {
      guard let status = try? ProcessStatus.of(pid: id) else {
        throw Failure("no process has the id \(id)")
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
