import ArgumentParser
import CommandLine
import LoadModel
import Reports

/// Which tasks the figures are about.
struct SelectionOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Only this process, or this thread if given a thread ID (repeatable).", valueName: "id"))
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
    name: .customLong("by"),
    help: ArgumentHelp(
      "Group the load average by one or two of process, thread, cgroup, container, unit, user, "
        + "comm, state and site (default: process,site).", valueName: "key,key"))
  var groupedBy: String?

  @Flag(
    help: ArgumentHelp(
      "Report up to 64 processes that waited for a CPU, with up to 16 culprits each (default: 10 and "
        + "3)."))
  var culprits = false

  func validate() throws {
    _ = try groupings()
    if let id = pid.first(where: { $0 < 1 }) {
      throw ValidationError("--pid \(id): must be positive")
    }
  }

  /// - Throws: `ValidationError` where the format shows whole CPUs, and only some tasks are selected.
  func checkIsOfAll(_ format: OutputFormat) throws {
    if format == .perfetto, !part.isEmpty {
      throw ValidationError(
        "--format perfetto: a trace shows every task; select in the viewer, not with --pid, --comm or --cgroup"
      )
    }
  }

  var part: FilterPart { FilterPart(pids: pid.map(Int.init), comms: comm, cgroups: cgroup) }

  /// What `--by` names; nil where it isn't there.
  func groupings() throws -> [Grouping]? {
    guard let by = groupedBy else { return nil }
    let kinds = by.split(separator: ",", omittingEmptySubsequences: false)
    if let bad = kinds.first(where: { Grouping(rawValue: String($0)) == nil }) {
      throw ValidationError(
        "--by \(by): '\(bad)' is not one of "
          + Grouping.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if kinds.count > 2 { throw ValidationError("--by \(by): must be at most two") }
    return kinds.compactMap { Grouping(rawValue: String($0)) }
  }
}
