import ArgumentParser
import Reports

/// Which processes. A group of its own, since the tool takes its options before and behind the name of
/// a subcommand, and passes on only whole groups.
struct ProcessOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Process to trace, or to collapse (repeatable, except for collapse).", valueName: "id"))
  var pid: [Int32] = []

  func validate() throws {
    if let id = pid.first(where: { $0 < 1 }) {
      throw ValidationError("--pid \(id): must be positive")
    }
  }
}

/// And those that they make.
struct FollowOption: ParsableArguments {
  @Flag(
    name: .long,
    help: "With --pid: also its descendants.")
  var follow = false
}

/// By whom.
struct CommOption: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: "Only clones by tasks of this name (repeatable).")
  var comm: [String] = []
}

/// Which clones the figures are about.
struct SelectionOptions: ParsableArguments {
  @OptionGroup var processes: ProcessOptions

  var pid: [Int32] { processes.pid }

  @OptionGroup var names: CommOption

  var comm: [String] { names.comm }

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only clones by tasks in this cgroup (v2) and below (repeatable).", valueName: "path"))
  var cgroup: [String] = []

  var part: FilterPart { FilterPart(pids: pid.map(Int.init), comms: comm, cgroups: cgroup) }
}
