import ArgumentParser
import CloneProbes
import CommandLine
import Exporting
import Metrics
import Pages
import Reports
import Session

/// `export`: metrics for Prometheus, over HTTP.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Serve metrics for Prometheus, or push them to OpenTelemetry, until Ctrl-C.",
    discussion: """
      The same server and options as `loadwatch export`, which serves these metrics too with --also \
      cloneprof.

      Examples:
        cloneprof export
        cloneprof export --comm redis-server --faults
        curl http://127.0.0.1:9436/metrics
      """)

  @OptionGroup var options: ExportOptions
  @OptionGroup var profile: ProfileOptions
  @OptionGroup var length: RunLength
  // The tool takes these before and after the subcommand's name.
  @OptionGroup(visibility: .hidden) var style: OutputStyle

  func validate() throws {
    try options.check(interval: length.givenInterval)
    if style.format != .text {
      throw ValidationError("export takes no --format: clients choose the format")
    }
  }

  func run() throws {
    try reporting(tool: Cloneprof.name) {
      let each = length.givenInterval ?? ExportOptions.usualInterval
      var clones = try profile.cloneOptions(length)
      clones.session.interval = each.ns
      clones.session.duration = length.length(of: each)
      clones.nativeSchema = options.schema
      clones.namesCallers = false
      try checkOpenFiles(besides: ExportRun.mostFiles)
      let feed = Feed<CloneMetrics, ClonePage>(
        name: Cloneprof.name, interval: each.ns,
        CloneMetrics(
          mostSeries: options.maxSeries, sharesProcess: false, tracesThreads: profile.threads)
      ) { $0.describe($1) }
      let run = try ExportRun(
        options, tool: Cloneprof.name, version: Cloneprof.configuration.version,
        interval: each.ns, port: 9436, [feed])
      var session = try Session(
        clones.session, CloneTracer(clones, recorder: run.recorder?.input))
      try run.begin()
      defer { run.finish() }
      let end = try session.run { report in
        guard !report.final else { return true }
        var kept = report
        kept.native = nil
        feed.take(report, kept: kept)
        run.intervalEnded()
        return true
      }
      if end == .processesEnded {
        warn("all traced processes have exited", as: Cloneprof.name)
      }
    }
  }
}
