import CommandLine
import Glibc
import Metrics
import Proc
import Serving
import Session
import Synchronization

/// Where a collector listens.
package struct OTLPEndpoint: Sendable {
  package var host: String
  package var port: String
  package var path: String
  package var encrypts: Bool

  /// Nil where the text is no such URL. Without a path it is that of the protocol, `/v1/metrics`.
  package init?(_ url: String) {
    let parts = url.split(separator: "://", maxSplits: 1)
    guard parts.count == 2, ["http", "https"].contains(parts[0]) else { return nil }
    encrypts = parts[0] == "https"
    let slash = parts[1].firstIndex(of: "/") ?? parts[1].endIndex
    var authority = parts[1][..<slash]
    let rest = parts[1][slash...]
    path = rest.isEmpty || rest == "/" ? "/v1/metrics" : String(rest)
    port = encrypts ? "443" : "4318"
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      port = String(authority[authority.index(after: colon)...])
      authority = authority[..<colon]
    }
    if authority.hasPrefix("["), authority.hasSuffix("]") {
      authority = authority.dropFirst().dropLast()
    }
    host = String(authority)
    let isClean = (host + path).utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x40 }
    guard !host.isEmpty, isClean, UInt16(port) ?? 0 > 0 else { return nil }
  }
}

/// Pushes metrics to a collector over OTLP/HTTP. What can't be sent is queued; a full queue drops
/// the oldest.
///
/// Has a thread of its own: the tracing thread only queues.
final class OTLPPusher: Sendable {
  private let endpoint: OTLPEndpoint
  private let client: HTTPClient
  private let headers: [(name: String, value: String)]
  private let resource: [MetricsOTLP.Attribute]
  private let tool: String
  private let version: String
  private let began = Clocks.wall
  private let queue: PushQueue
  private let isEnding = Atomic(false)
  private let say: @Sendable (String) -> Void

  /// Waits between attempts, ns.
  private static let firstPause: UInt64 = 1_000_000_000
  private static let longestPause: UInt64 = 30_000_000_000
  /// As the collector asks, seconds.
  private static let longestRetryAfter: UInt64 = 600

  /// - Parameter say: gets messages about the collector.
  /// - Throws: `Failure` if OTEL_EXPORTER_OTLP_HEADERS is malformed.
  init(
    _ url: String, tool: String, version: String, say: @escaping @Sendable (String) -> Void
  ) throws {
    guard let endpoint = OTLPEndpoint(url) else { throw Failure("\(url) is not a collector URL") }
    self.endpoint = endpoint
    client = HTTPClient(host: endpoint.host, port: endpoint.port, encrypts: endpoint.encrypts)
    headers = try Self.headers()
    resource = Self.resource(tool: tool, version: version)
    (self.tool, self.version, self.say) = (tool, version, say)
    queue = try PushQueue()
  }

  /// OTEL_EXPORTER_OTLP_HEADERS, as all exporters of OpenTelemetry take it: "name=value,name=value", for
  /// tokens.
  private static func headers() throws -> [(name: String, value: String)] {
    guard let text = unsafe getenv("OTEL_EXPORTER_OTLP_HEADERS") else { return [] }
    return try unsafe String(cString: text).split(separator: ",").map { pair throws(Failure) in
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, pair.allSatisfy({ ("\u{20}"..."\u{7e}").contains($0) }) else {
        throw Failure("OTEL_EXPORTER_OTLP_HEADERS must be name=value,name=value")
      }
      guard let value = decoded(parts[1]) else {
        throw Failure("OTEL_EXPORTER_OTLP_HEADERS: \(parts[0]): not percent-encoded text")
      }
      return (String(parts[0].filter { $0 != " " }), value)
    }
  }

  /// Percent-encoded (W3C Baggage); nil where that stands for no text of one line.
  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return bytes.allSatisfy { (0x20...0x7e).contains($0) }
      ? String(decoding: bytes, as: UTF8.self) : nil
  }

  /// By the semantic conventions.
  private static func resource(tool: String, version: String) -> [MetricsOTLP.Attribute] {
    var host = utsname()
    unsafe uname(&host)
    let name = unsafe withUnsafeBytes(of: &host.nodename) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    var attributes = [
      ("service.name", tool), ("service.version", version),
      // Prometheus' "instance".
      ("service.instance.id", name), ("host.name", name),
      ("os.type", "linux"),
    ]
    // man machine-id(5).
    if let id = try? contents(of: "/etc/machine-id").prefix(while: { !$0.isNewline }),
      id.count == 32
    {
      attributes.append(("host.id", String(id)))
    }
    return attributes
  }

  /// An interval has ended.
  func push(_ families: [MetricFamily]) {
    guard !families.isEmpty else { return }
    let dropped = queue.put(
      MetricsOTLP.bytes(
        families, resource: resource, scope: (tool, version), start: began, now: Clocks.wall))
    if dropped { say("\(place): queue full, dropping the oldest intervals") }
  }

  /// The run is over: whatever is queued gets a second to be sent.
  func finish() {
    isEnding.store(true, ordering: .relaxed)
    let end = Clocks.monotonic + Self.firstPause
    while !queue.isEmpty, Clocks.monotonic < end { usleep(10_000) }
    let left = queue.count
    if left > 0 { say("\(place): \(left) intervals could not be sent") }
  }

  private var place: String { "\(endpoint.host):\(endpoint.port)" }

  func start() throws(HTTPServerError) {
    try DetachedThread.start { self.send() }
  }

  /// Not for long once the run is over.
  private func sleep(_ pause: UInt64) {
    let end = Clocks.monotonic + pause
    while Clocks.monotonic < end, !isEnding.load(ordering: .relaxed) { usleep(100_000) }
    if isEnding.load(ordering: .relaxed) { usleep(100_000) }
  }

  private func send() {
    var pause = Self.firstPause
    var isFailing = false
    while true {
      let body = queue.wait()
      do {
        let answer = try client.post(
          body, to: endpoint.path, type: "application/x-protobuf", headers: headers)
        switch answer.status {
        case 200...299:
          let dropped = queue.sent()
          if isFailing {
            say(
              "\(place): sending works again"
                + (dropped > 0 ? "; \(dropped) intervals were dropped" : "")
            )
          }
          (isFailing, pause) = (false, Self.firstPause)
          if let refusal = MetricsOTLP.refusal(in: answer.body) {
            say("\(place): rejected \(refusal.points) data points: \(refusal.reason)")
          }
          continue
        // Statuses that the protocol requires to be retried (OTLP/HTTP, Failures).
        case 429, 502, 503, 504:
          if !isFailing { say("\(place): HTTP status \(answer.status); retrying") }
          if let wait = answer.retryAfter {
            pause = min(max(wait, 1), Self.longestRetryAfter) * 1_000_000_000
          }
        default:
          if !isFailing { say("\(place): HTTP status \(answer.status); interval dropped") }
          isFailing = true
          _ = queue.refused()
          continue
        }
      } catch {
        if !isFailing { say("\(place): \(error); retrying") }
      }
      isFailing = true
      sleep(pause)
      pause = min(2 * min(pause, Self.longestPause), Self.longestPause)
    }
  }
}

/// What waits to be sent: the newest, up to a number of bytes.
package final class PushQueue: Sendable {
  private let state = Mutex(State())
  /// A pipe, to sleep on.
  private let bell: (read: Int32, write: Int32)

  private struct State {
    var bodies: [[UInt8]] = []
    var bytes = 0
    /// How many have been dropped since the last was sent.
    var dropped = 0
    /// Whether the first is the one that is being sent; and whether that was dropped meanwhile.
    var isSending = false
    var isSentWithoutPlace = false
    var hasSaidFull = false
  }

  private let mostBytes: Int

  package init(mostBytes: Int = 8 << 20) throws {
    self.mostBytes = mostBytes
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0, fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 else {
      throw Failure("pipe: \(unsafe String(cString: strerror(errno)))")
    }
    bell = (ends[0], ends[1])
  }

  /// - Returns: whether it is the first time since one was sent that others had to be dropped for it.
  package func put(_ body: [UInt8]) -> Bool {
    let isFirst = state.withLock { state in
      state.bodies.append(body)
      state.bytes += body.count
      let before = state.dropped
      while state.bytes > mostBytes, state.bodies.count > 1 {
        // The one that is being sent may be the first: it is dropped only from here.
        state.bytes -= state.bodies.removeFirst().count
        if state.isSending { state.isSentWithoutPlace = true }
        state.isSending = false
        state.dropped += 1
      }
      guard state.dropped > before, !state.hasSaidFull else { return false }
      state.hasSaidFull = true
      return true
    }
    // If the pipe is full, the reader wakes anyway.
    var ring: UInt8 = 0
    _ = unsafe write(bell.write, &ring, 1)
    return isFirst
  }

  /// The oldest, once there is one; it stays until it is said to be sent.
  package func wait() -> [UInt8] {
    while true {
      let first = state.withLock { state in
        state.isSending = !state.bodies.isEmpty
        state.isSentWithoutPlace = false
        return state.bodies.first
      }
      if let first { return first }
      var rings = [UInt8](repeating: 0, count: 64)
      _ = unsafe read(bell.read, &rings, rings.count)
    }
  }

  package var count: Int { state.withLock { $0.bodies.count } }
  package var isEmpty: Bool { count == 0 }

  /// - Returns: how many were dropped before.
  package func sent() -> Int {
    state.withLock { state in
      remove(&state)
      // It was dropped, and has arrived after all.
      if state.isSentWithoutPlace { state.dropped -= 1 }
      defer { (state.dropped, state.hasSaidFull, state.isSentWithoutPlace) = (0, false, false) }
      return state.dropped
    }
  }

  package func refused() -> Int {
    state.withLock { state in
      remove(&state)
      if !state.isSentWithoutPlace { state.dropped += 1 }
      state.isSentWithoutPlace = false
      return state.dropped
    }
  }

  private func remove(_ state: inout State) {
    guard state.isSending, !state.bodies.isEmpty else { return }
    state.bytes -= state.bodies.removeFirst().count
    state.isSending = false
  }
}
