public import ArgumentParser
import CLinux
public import CommandLine
import Serving

/// Where metrics go, and to whom: the same for every tool.
public struct ExportOptions: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Address and port to listen on (default: 127.0.0.1, port 9435 for loadwatch, 9436 for cloneprof).",
      valueName: "address:port"))
  var listen: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "TLS, passwords and client certificates, in the format of Prometheus' exporter-toolkit.",
      valueName: "file"))
  var webConfig: String?

  @Flag(
    help:
      "Without --web-config, allow an address that other machines can reach: metrics go unencrypted to anyone."
  )
  var insecure = false

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("Maximum number of series; at least 300.", valueName: "count"))
  public var maxSeries = 500

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Resolution of native histograms, 2^schema buckets per power of two: 3, 4 or 5.",
      valueName: "schema"))
  public var schema = 3

  @Flag(
    help: "In protobuf, also send classic buckets (the text formats have only those).")
  public var classicHistograms = false

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Keep the last minute of events in memory; POST /record writes it to a file in this directory.",
      valueName: "directory"))
  var recordTo: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Also push metrics to an OpenTelemetry collector, for example http://127.0.0.1:4318.",
      valueName: "url"))
  var otlp: String?

  public init() {}

  /// The default.
  public static let usualInterval = DurationArgument(text: "5s")

  /// Rejects invalid options.
  ///
  /// - Throws: `ValidationError`.
  public func check(interval: DurationArgument?) throws {
    try checkPlace()
    if let interval, !(100_000_000...60_000_000_000).contains(interval.ns) {
      throw ValidationError("--interval \(interval.text): must be between 100ms and 60s")
    }
    if !(300...1_000_000).contains(maxSeries) {
      throw ValidationError("--max-series \(maxSeries): must be at least 300, at most 1000000")
    }
    if !(3...5).contains(schema) { throw ValidationError("--schema \(schema): must be 3, 4 or 5") }
    if let otlp, OTLPEndpoint(otlp) == nil {
      throw ValidationError("--otlp \(otlp): must be a URL such as http://127.0.0.1:4318")
    }
  }

  private func checkPlace() throws {
    guard let listen else { return }
    guard let place = Self.place(listen),
      case let loopback = unsafe sonde_is_loopback(place.address), loopback >= 0
    else {
      throw ValidationError(
        "--listen \(listen): must be an IP address and a port, such as 127.0.0.1:9435 or [::1]:9435"
      )
    }
    guard loopback == 0, !insecure else { return }
    let doors =
      "use --web-config with TLS and passwords or client certificates, or allow it with --insecure"
    guard let webConfig else {
      throw ValidationError(
        "--listen \(listen): other machines can reach this address, and metrics would go unencrypted to anyone; \(doors)"
      )
    }
    do {
      let config = try WebConfig(path: webConfig)
      guard config.encrypts, config.authenticates else {
        throw ValidationError(
          "--listen \(listen): other machines can reach this address, and \(webConfig) \(config.encrypts ? "does not authenticate clients" : "has no TLS"); \(doors)"
        )
      }
    } catch let error as WebConfigError {
      throw ValidationError("--web-config \(error)")
    }
  }

  /// - Parameter port: where none is given.
  func place(port: UInt16) -> (address: String, port: UInt16) {
    listen.flatMap(Self.place) ?? ("127.0.0.1", port)
  }

  private static func place(_ text: String) -> (address: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var address = text[..<colon]
    if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
    return (address == "localhost" ? "127.0.0.1" : String(address), port)
  }
}
