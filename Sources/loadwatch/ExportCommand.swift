import ArgumentParser
import CloneProbes
import CommandLine
import Exporting
import LoadProbes
import Metrics
import Pages
import Reports
import Serving
import Session

/// `export`: metrics for Prometheus, over HTTP.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Serve metrics for Prometheus, or push them to OpenTelemetry, until Ctrl-C.",
    discussion: """
      /metrics: text, OpenMetrics, or protobuf with native histograms, whichever the client prefers. \
      /report and /report.json: the last ten minutes, as an HTML page and as JSON. /healthz: 200 \
      while intervals keep completing. POST /record: see --record-to.

      However many processes and cgroups come and go, there are never more than --max-series series: \
      the largest cgroups have their own, the others are combined.

      Examples:
        loadwatch export
        loadwatch export --also cloneprof
        loadwatch export --listen 192.0.2.7:9435 --web-config web.yml
        loadwatch export --otlp http://127.0.0.1:4318
        curl http://127.0.0.1:9435/metrics
      """)

  enum Also: String, ExpressibleByArgument { case cloneprof }

  @OptionGroup var options: ExportOptions

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Also serve what `cloneprof export` serves, from the same process.", valueName: "cloneprof"))
  var also: Also?

  // The tool takes these before and after the subcommand's name.
  @OptionGroup var length: RunLength

  @OptionGroup(visibility: .hidden) var selection: SelectionOptions
  @OptionGroup(visibility: .hidden) var style: OutputStyle

  func validate() throws {
    try options.check(interval: length.givenInterval)
    let least = LoadMetrics.leastSeries + CloneMetrics.leastSeries + 50
    if also != nil, options.maxSeries < least {
      throw ValidationError(
        "--max-series \(options.maxSeries): must be at least \(least) with --also cloneprof")
    }
    if !selection.part.isEmpty || selection.groupedBy != nil || style.format != .text {
      throw ValidationError(
        "metrics cover all tasks, by cgroup: filters, --by and --format don't apply")
    }
  }

  /// How many series are reserved for clones.
  private var seriesOfClones: Int {
    also == nil ? 0 : max(CloneMetrics.leastSeries + 20, options.maxSeries / 3)
  }

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      let each = length.givenInterval ?? ExportOptions.usualInterval
      var load = LoadOptions()
      load.session.interval = each.ns
      load.session.duration = length.length(of: each)
      load.culprits = true
      load.nativeSchema = options.schema
      try checkOpenFiles(tracers: also == nil ? 1 : 2, besides: ExportRun.mostFiles)
      let feed = Feed<LoadMetrics, LoadPage>(
        name: Loadwatch.name, interval: each.ns,
        LoadMetrics(
          mostSeries: options.maxSeries - seriesOfClones,
          classicBuckets: options.classicHistograms)
      ) { $0.describe($1) }
      let clones = also.map { _ in
        CloneFeed(
          interval: each.ns, mostSeries: seriesOfClones, schema: options.schema)
      }
      let run = try ExportRun(
        options, tool: Loadwatch.name, version: Loadwatch.configuration.version,
        interval: each.ns, port: 9435, [feed] + (clones.map { [$0.feed] } ?? []))
      try clones?.begin()
      var session = try Session(
        load.session, LoadTracer(load, recorder: run.recorder?.input))
      try run.begin()
      defer { run.finish() }
      var verdicts = VerdictLog()
      _ = try session.run { report in
        // Metrics that stand still would look as if all were well.
        if let error = clones?.failure { throw error }
        guard !report.final else { return true }
        var kept = report
        kept.native = nil
        feed.take(report, kept: kept)
        run.intervalEnded()
        for line in verdicts.take(report, at: Clocks.monotonic) { warn(line, as: Loadwatch.name) }
        return true
      }
    }
  }
}

extension LoadSnapshot {
  /// What a merge leaves out of the sum of one host's intervals: what is true at the end, and what adds up.
  fileprivate mutating func describe(_ intervals: [LoadSnapshot]) {
    guard let last = intervals.last else { return }
    load = last.load
    (attribution, soFar, verdict, blocked) = (
      last.attribution, last.soFar, last.verdict, last.blocked
    )
    (beats, cpus, limits) = (last.beats, last.cpus, last.limits)
    let waits = intervals.compactMap(\.cpuWaits)
    cpuWaits = waits.isEmpty ? nil : .sum(of: waits)
    pressure = .mean(of: intervals.map { ($0.pressure, $0.intervalNs) })
  }
}
