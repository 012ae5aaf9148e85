import ArgumentParser
import CommandLine
import Faces
import FoundationEssentials
import Glibc
import Pages
import Proc
import Reports

/// `try`: the user's own program with each change that may help it.
struct TryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try",
    abstract: "Run a program as it is and with each change that may make its forks faster.",
    usage: "cloneprof try [<options>] -- <command> [<arguments> ...]",
    discussion: """
      Runs the command once for each change, profiles its forks and those of its descendants, ends \
      it with SIGTERM after --duration (10s), and sets the results side by side. The command must fork on its own. What it \
      prints goes to standard error.

      Examples:
        cloneprof try -- ./server --port 8080
        cloneprof try --comm redis-server --duration 20s -- Examples/servers/redis run
      """)

  @OptionGroup var length: DurationOption

  @OptionGroup var names: CommOption

  @OptionGroup var output: OutputOptions

  @OptionGroup var arguments: CommandArguments

  private var command: [String] { arguments.command }
  private var duration: DurationArgument { length.duration ?? DurationArgument(text: "10s") }

  func validate() throws {
    if command.isEmpty { throw ValidationError("name a command after --") }
    if duration.ns < 100_000_000 {
      throw ValidationError("--duration \(duration.text): must be at least 100ms")
    }
    try output.checkIsOfNoRun("try", hasPage: true)
  }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      try checkOpenFiles()
      let host = try Proc.Host.current()
      var report = TryReport(
        host: HostPart(
          names: [host.hostname], kernels: [host.kernelRelease], cpus: host.onlineCPUCount),
        start: SnapshotJSON.timestamp(Date()), command: command, durationNs: duration.ns)
      let signal = try measure(&report)
      try Document(output).write(json: report, html: { ChangePages.html(report) }) {
        columns, color in TryText(columns: columns, color: color).block(report)
      }
      if report.rows.first?.clone == nil {
        let who = names.comm.isEmpty ? command[0] : names.comm.joined(separator: ", ")
        throw Failure("\(who) did not fork within \(duration.text)")
      }
      if let signal, signal != SIGINT { throw ExitCode(128 + signal) }
    }
  }

  private func measure(_ report: inout TryReport) throws -> Int32? {
    let trial = Trial(command: command, duration: duration.ns, comms: names.comm)
    var progress = ProgressLine()
    defer { progress.clear() }
    var facts: Trial.Facts?
    var plain: CloneSnapshot?
    for change in TryRow.Change.allCases {
      if let facts, let skip = reasonAgainst(change, facts) {
        var row = TryRow(change)
        row.skipped = skip
        report.rows.append(row)
        continue
      }
      progress.show("\(Cloneprof.name): \(change.label)")
      var result = try trial.run(change)
      if facts == nil { (facts, plain) = (result.facts, result.profile) }
      if change != .none, let plain, let profile = result.profile {
        result.row.outcome =
          CloneComparison(baseline: ("", plain), compared: ("", profile)).outcome
      }
      result.row.reason = result.row.reason ?? reason(change, result)
      report.rows.append(result.row)
      if let signal = result.signal { return signal }
      // What does not fork as it is does not with a change either.
      if change == .none, result.row.clone == nil { return nil }
    }
    return nil
  }

  /// What can't have an effect isn't tried.
  private func reasonAgainst(_ change: TryRow.Change, _ facts: Trial.Facts) -> String? {
    switch change {
    case .none: return nil
    case .glibcMadvise, .glibcPool:
      if !facts.usesGlibc {
        return "the program doesn't load glibc: it is static, or uses another libc"
      }
      if facts.usesJemalloc { return "its memory comes from jemalloc, not from glibc" }
      if change == .glibcMadvise {
        return facts.mayHaveHugePages ? nil : "the program has switched huge pages off for itself"
      }
      let pool = HugePages.pool(of: 2 << 20)
      guard let pool, pool.available > 0 else {
        return "the pool is empty: echo 512 > /proc/sys/vm/nr_hugepages"
      }
      return nil
    case .jemalloc:
      if !facts.usesJemalloc { return "the program doesn't load jemalloc" }
      return facts.mayHaveHugePages ? nil : "the program has switched huge pages off for itself"
    case .always:
      return HugePages.current().enabled == .always
        ? "already so: transparent_hugepage/enabled is always"
        : "Linux has no such setting for one program alone; for all: "
          + "echo always > /sys/kernel/mm/transparent_hugepage/enabled"
    case .collapse:
      return facts.mayHaveHugePages ? nil : "the program has switched huge pages off for itself"
    }
  }

  /// Why a change that was tried had no effect, where that can be told.
  private func reason(_ change: TryRow.Change, _ result: Trial.Result) -> String? {
    guard result.row.hugeBytes + result.row.hugetlbBytes < 2 << 20 else { return nil }
    switch change {
    case .glibcMadvise where !result.facts.wantsHugePages,
      .glibcPool where result.facts.heapShare < 0.5:
      return "its memory comes from mmap, not from malloc's heap"
    case .jemalloc where !result.facts.wantsHugePages:
      return "jemalloc did not ask for huge pages"
    case .glibcMadvise, .jemalloc:
      return "no part of its memory was large and aligned enough when it was first touched"
    default: return nil
    }
  }
}
