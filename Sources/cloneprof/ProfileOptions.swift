import ArgumentParser
import CommandLine
import CloneProbes
import CloneModel
import Proc
import Reports
import Session
import SystemPackage
import Tasks

/// What is traced: the same for reports and recordings.
struct ProfileOptions: ParsableArguments {
  @OptionGroup var selection: SelectionOptions

  @OptionGroup var descendants: FollowOption

  var follow: Bool { descendants.follow }

  @Flag(name: .long, help: "Also trace the creation of threads.")
  var threads = false

  @Flag(
    name: .long,
    help: "Also measure the steps of copying each mapping (two more probes per step).")
  var steps = false

  @Flag(
    name: .long,
    help:
      "Also count copy-on-write faults after forks (runs a BPF program on every page fault and page allocation)."
  )
  var faults = false

  @Option(
    name: .long, parsing: .unconditional,
    help: "Number of clones to trace (default: no limit).")
  var clones: Int?

  func validate() throws {
    if let clones, clones < 1 { throw ValidationError("--clones \(clones): must be at least 1") }
    if follow, selection.pid.isEmpty { throw ValidationError("--follow requires --pid") }
  }

  /// What a run of that length is to do.
  func cloneOptions(_ length: RunLength) throws -> CloneOptions {
    var options = CloneOptions()
    options.session.interval = length.interval.ns
    options.session.duration = length.length
    options.clones = clones.map(UInt64.init)
    options.filterPart = selection.part
    options.filter.comms = Set(selection.comm.map { Comm($0) })
    options.filter.threads = threads
    options.probeOptions.threads = threads
    options.probeOptions.steps = steps
    options.probeOptions.faults = faults
    options.cgroups = selection.cgroup.map { Cgroup($0) }
    for path in options.cgroups { _ = try path.ids() }
    try choosePids(&options)
    return options
  }

  /// Whom an id belongs to that was read inside a container.
  private func inContainers(_ id: Int32) -> String {
    let found = PIDNamespace.processes(withInnerID: id).prefix(3)
    guard !found.isEmpty else { return "" }
    return "; inside a container it is "
      + found.map { "\($0.name): use --pid \($0.pid)" }.joined(separator: ", or ")
  }

  private func choosePids(_ options: inout CloneOptions) throws {
    for id in selection.pid {
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
