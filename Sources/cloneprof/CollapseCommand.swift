import ArgumentParser
import CloneProbes
import Collapse
import CommandLine
import Experiments
import Faces
import Glibc
import Pages
import Proc
import Reports
import Session

/// `collapse`: the cure for a process that runs.
struct CollapseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collapse",
    abstract: "Make the forks of a running process faster: give its memory huge pages.",
    discussion: """
      Collapses a running process's memory into 2 MiB huge pages from outside, with \
      process_madvise(MADV_COLLAPSE) (Linux 6.1): no restart. A fork then copies one entry instead \
      of 512. The process keeps running; its longest pause is measured and shown.

      Try --dry-run first: it shows what could be huge, what a fork would gain, and what it costs \
      in memory. With --follow its children are collapsed too, and no longer share that memory with \
      it. With --duration its forks are profiled for that long before and after.

      Examples:
        cloneprof collapse --pid 1234 --dry-run
        cloneprof collapse --pid 1234
        cloneprof collapse --pid 1234 --duration 30s   profile its forks before and after
      """)

  @OptionGroup var processes: ProcessOptions

  @Flag(name: .long, help: "Only show what would be done, and the expected gain.")
  var dryRun = false

  @OptionGroup var descendants: FollowOption

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Stop if a step holds the process up for longer than this.", valueName: "time"))
  var pace = DurationArgument(text: "1s")

  @OptionGroup var length: DurationOption

  @OptionGroup var output: OutputOptions

  private var pid: Int32 { processes.pid[0] }

  func validate() throws {
    guard processes.pid.count == 1 else {
      throw ValidationError("name exactly one process with --pid")
    }
    if pace.ns == 0 { throw ValidationError("--pace \(pace.text): must be greater than 0") }
    try output.checkIsOfNoRun("collapse", hasPage: true)
  }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      do {
        try collapse()
      } catch let error as CollapseError {
        warn("\(error)", as: Cloneprof.name)
        switch error.kind {
        case .failed, .gone: throw Exit.failure
        case .unsupported: throw Exit.unsupported
        case .notPermitted: throw Exit.notPermitted
        }
      } catch let error as ProcError where [EACCES, EPERM].contains(error.errno) {
        warn(
          "\(error); permission to trace it is needed: run as root, or grant CAP_SYS_PTRACE",
          as: Cloneprof.name)
        throw Exit.notPermitted
      } catch let error as ProcError where [ENOENT, ESRCH].contains(error.errno) {
        throw Failure("no such process: \(pid)")
      }
    }
  }

  private func collapse() throws {
    var options = Collapser.Options(pid: pid, pace: pace.ns)
    options.follows = descendants.follow
    // What can't be done is said before anything is measured.
    var collapser = try Collapser(options, dryRun: dryRun) { bytes in
      let (calibration, rejected) = CalibrationFile.read()
      if let rejected { warn(rejected, as: Cloneprof.name) }
      return try calibration ?? Demo.quickCalibration(for: bytes)
    }
    var report = collapser.report
    if !dryRun {
      let processes = collapser.report.processes.map { Int32($0.pid) }
      let before = try profile(processes, "before")
      let signal = try change(&collapser)
      report = collapser.report
      report.measuredBefore = before
      report.measuredAfter = signal == nil ? try profile(processes, "after") : nil
    }
    try Document(output).write(json: report, html: { ChangePages.html(report) }) {
      columns, color in CollapseText(columns: columns, color: color).block(report)
    }
    if report.stopped != nil { throw Exit.failure }
  }

  /// Until it is done, or a signal comes.
  private func change(_ collapser: inout Collapser) throws -> Int32? {
    var loop = try EventLoop(signals: [SIGINT, SIGTERM, SIGHUP], rings: [], output: nil)
    var progress = ProgressLine()
    defer { progress.clear() }
    var signal: Int32?
    // Whoever waits for a CPU while it holds the process's lock holds up the process.
    _ = raisePriority()
    try collapser.run { done, all in
      if done % 16 == 0 {
        progress.show("\(Cloneprof.name): \(done)/\(all) huge pages")
      }
      signal = (try? loop.wait(until: Clocks.monotonic))?.signal
      return signal == nil
    }
    return signal
  }

  /// The durations of their forks.
  private func profile(_ processes: [Int32], _ when: String) throws -> DurationsPart? {
    guard let duration = length.duration else { return nil }
    var progress = ProgressLine()
    progress.show("\(Cloneprof.name): profiling forks \(when), \(duration.text)")
    defer { progress.clear() }
    var options = CloneOptions()
    options.session.duration = duration.ns
    options.session.interval = duration.ns
    options.session.processes = processes
    options.probeOptions.processes = processes
    options.filterPart.pids = processes.map(Int.init)
    var session = try Session(options.session, CloneTracer(options))
    var final: CloneSnapshot?
    _ = try session.run { report in
      if report.final { final = report }
      return true
    }
    return final.flatMap { DurationsPart($0.histograms.clone) }
  }
}
