import ArgumentParser
import CLinux
import CommandLine
import LoadProbes
import Metrics
import Reports
import Serving
import Session

/// `export`: metrics for Prometheus, over HTTP.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Serve metrics for Prometheus, until Ctrl-C.",
    discussion: """
      /metrics: text, OpenMetrics, or protobuf with native histograms, as the client asks for. \
      /report: the last ten minutes as an HTML page. /healthz: 200 as long as intervals keep ending.

      However many processes and cgroups come and go, there are never more than --max-series series: \
      the largest cgroups have their own, the others are combined.

      Examples:
        loadwatch export
        loadwatch export --listen 192.0.2.7:9435 --insecure
        curl http://127.0.0.1:9435/metrics
      """)

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Address and port to listen on.", valueName: "address:port"))
  var listen = "127.0.0.1:9435"

  @Flag(
    help:
      "Allow an address that other machines can reach. Metrics are sent unencrypted to anyone who asks; prefer a reverse proxy."
  )
  var insecure = false

  // The tool takes these before and behind the subcommand's name.
  @OptionGroup var length: RunLength

  private var interval: UInt64 { length.givenInterval?.ns ?? 5_000_000_000 }

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Maximum number of series; at least 300.", valueName: "count"))
  var maxSeries = 500

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Resolution of native histograms, 2^schema buckets per power of two: 3, 4 or 5.",
      valueName: "schema"))
  var schema = 3

  @Flag(
    help: "Also give histograms classic buckets in protobuf (the text formats have only those).")
  var classicHistograms = false

  @OptionGroup(visibility: .hidden) var selection: SelectionOptions
  @OptionGroup(visibility: .hidden) var style: OutputStyle

  private var place: (address: String, port: UInt16)? {
    guard let colon = listen.lastIndex(of: ":"),
      let port = UInt16(listen[listen.index(after: colon)...])
    else { return nil }
    var address = listen[..<colon]
    if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
    return (address == "localhost" ? "127.0.0.1" : String(address), port)
  }

  func validate() throws {
    guard let place, case let loopback = unsafe sonde_is_loopback(place.address), loopback >= 0
    else {
      throw ValidationError(
        "--listen \(listen): must be an IP address and a port, such as 127.0.0.1:9435 or [::1]:9435"
      )
    }
    if loopback == 0, !insecure {
      throw ValidationError(
        "--listen \(listen): other machines reach this address, and metrics are sent without encryption to everyone who asks; allow it with --insecure, or put a reverse proxy before 127.0.0.1"
      )
    }
    if let given = length.givenInterval, !(100_000_000...60_000_000_000).contains(given.ns) {
      throw ValidationError("--interval \(given.text): must be between 100ms and 60s")
    }
    if maxSeries < 300 { throw ValidationError("--max-series \(maxSeries): must be at least 300") }
    if !(3...5).contains(schema) { throw ValidationError("--schema \(schema): must be 3, 4 or 5") }
    if !selection.part.isEmpty || selection.groupedBy != nil || style.format != .text {
      throw ValidationError(
        "metrics are about all tasks, by cgroup: they take no filter and no format")
    }
  }

  func run() throws {
    try reporting(tool: Loadwatch.name) {
      guard let place else { return }
      var options = LoadOptions()
      options.session.interval = interval
      let each = length.givenInterval ?? DurationArgument(text: "5s")
      options.session.duration =
        [length.duration?.ns, length.count.map { each.times($0) }].compactMap { $0 }.min()
      options.by = [.cgroup]
      options.culprits = true
      options.nativeSchema = schema
      try checkOpenFiles()
      let exporter = Exporter(
        .init(
          mostSeries: maxSeries, classicHistograms: classicHistograms, interval: interval,
          version: Loadwatch.configuration.version))
      let server: HTTPServer
      do {
        server = try HTTPServer(address: place.address, port: place.port) { exporter.answer($0) }
      } catch {
        throw Failure("can't listen on \(listen): \(error)")
      }
      var session = try Session(options.session, LoadTracer(options))
      do {
        try server.start()
      } catch {
        throw Failure("can't serve: \(error)")
      }
      let shown = place.address.contains(":") ? "[\(place.address)]" : place.address
      warn("serving http://\(shown):\(server.port)/metrics", as: Loadwatch.name)
      _ = try session.run { report in
        exporter.take(report)
        return true
      }
    }
  }
}
