import ArgumentParser
import Reports

/// Which clones the figures are about.
struct SelectionOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only clones by this process (repeatable).", valueName: "id"))
  var pid: [Int32] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: "Only clones by tasks of this name (repeatable).")
  var comm: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only clones by tasks in this cgroup (v2) and below (repeatable).", valueName: "path"))
  var cgroup: [String] = []

  func validate() throws {
    if let id = pid.first(where: { $0 < 1 }) {
      throw ValidationError("--pid \(id): must be positive")
    }
  }

  var part: FilterPart { FilterPart(pids: pid.map(Int.init), comms: comm, cgroups: cgroup) }
}
