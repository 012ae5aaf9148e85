import CLinux
import CommandLine
import Serving
import Session

/// A run that exports: its server, its recorder, and where else its metrics go.
public struct ExportRun {
  public let recorder: FlightRecorder?
  private let server: HTTPServer
  private let exporter: Exporter
  private let pusher: OTLPPusher?
  private let tool: String
  private let scheme: String
  private let shownAddress: String

  /// How many files it has open besides those of the probes.
  public static let mostFiles: UInt64 = 80

  /// Listens; nothing is answered yet.
  ///
  /// - Parameters:
  ///   - feeds: what is served; the first is that of the tool itself.
  ///   - port: where none is given.
  /// - Throws: `Failure`.
  public init(
    _ options: ExportOptions, tool: String, version: String, interval: UInt64, port: UInt16,
    _ feeds: [any FeedContent]
  ) throws {
    sonde_keep_heap_small()
    self.tool = tool
    let request = FlightRecorder.Request()
    recorder = try options.recordTo.map {
      try FlightRecorder(tool: tool, directory: $0, request)
    }
    let say: @Sendable (String) -> Void = { warn($0, as: tool) }
    if let url = options.otlp {
      pusher = try OTLPPusher(url, tool: tool, version: version, say: say)
    } else {
      pusher = nil
    }
    var settings = Exporter.Options(
      mostSeries: options.maxSeries, classicHistograms: options.classicHistograms,
      interval: interval, version: version)
    if options.recordTo != nil { settings.record = { request.ask() } }
    let exporter = Exporter(feeds, settings)
    self.exporter = exporter
    var access: WebAccess?
    if let path = options.webConfig {
      do {
        access = try WebAccess(path: path, complain: say)
      } catch {
        throw Failure("\(error)")
      }
    }
    scheme = access?.encrypts ?? false ? "https" : "http"
    let place = options.place(port: port)
    shownAddress = place.address.contains(":") ? "[\(place.address)]" : place.address
    do {
      server = try HTTPServer(address: place.address, port: place.port, access: access) {
        exporter.answer($0)
      }
    } catch {
      throw Failure("can't listen on \(shownAddress):\(place.port): \(error)")
    }
  }

  /// Serves from here on.
  public func begin() throws {
    do {
      try server.start()
      try pusher?.start()
    } catch {
      throw Failure("can't serve: \(error)")
    }
    warn("serving \(scheme)://\(shownAddress):\(server.port)/metrics", as: tool)
  }

  /// An interval has ended, and its feed has taken it.
  public func intervalEnded() {
    recorder?.intervalEnded()
    pusher?.push(exporter.families)
  }

  /// The run is over: what was asked for is written.
  public func finish() {
    recorder?.finish()
    pusher?.finish()
  }
}
