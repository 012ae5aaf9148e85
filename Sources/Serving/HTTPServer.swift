import CLinux
import Glibc

/// A small HTTP server that nobody can make large: so many connections, so many bytes of a request, so much
/// time for each.
///
/// On a thread of its own, which sleeps in poll(2). It reads no bodies.
public final class HTTPServer: Sendable {
  public typealias Handler = @Sendable (HTTPRequest) -> HTTPResponse

  private let listener: Int32
  private let handler: Handler
  public let port: UInt16

  private static let mostConnections = 64
  private static let mostHeadBytes = 8192
  /// To send a request, to take a response, and between two of them; ns.
  private static let patience: UInt64 = 10_000_000_000
  private static let idlePatience: UInt64 = 120_000_000_000
  /// Without descriptors or memory for another connection it waits so long before it tries again.
  private static let pause: UInt64 = 1_000_000_000

  /// Listens.
  ///
  /// - Parameters:
  ///   - address: of IPv4 or IPv6, as numbers.
  ///   - port: 0 for any that is free.
  /// - Throws: `HTTPServerError`.
  public init(
    address: String, port: UInt16, handler: @escaping Handler
  ) throws(HTTPServerError) {
    var actual: UInt16 = 0
    listener = unsafe sonde_listen(address, port, &actual)
    guard listener >= 0 else { throw HTTPServerError(errno: errno) }
    self.port = actual
    self.handler = handler
  }

  /// Serves until the process ends.
  ///
  /// - Throws: `HTTPServerError` where there can be no thread.
  public func start() throws(HTTPServerError) {
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let result = unsafe pthread_create(
      &thread, &attributes,
      { context in
        let server = unsafe Unmanaged<HTTPServer>.fromOpaque(context!).takeRetainedValue()
        server.serve()
        return nil
      }, context)
    unsafe pthread_attr_destroy(&attributes)
    if result != 0 { throw HTTPServerError(errno: result) }
  }

  private struct Connection {
    var descriptor: Int32
    var input: [UInt8] = []
    var output: ArraySlice<UInt8> = []
    /// When to give it up, CLOCK_MONOTONIC, ns.
    var until: UInt64
    var closes = false
    /// The client sends no more.
    var hasEnded = false

    /// Between two requests.
    var isIdle: Bool { input.isEmpty && output.isEmpty }
  }

  private static var now: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private func serve() {
    // Ends of the run are for the thread that traces.
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    var connections: [Connection] = []
    var pausedUntil: UInt64 = 0
    while true {
      var polled = connections.map {
        pollfd(fd: $0.descriptor, events: Int16($0.output.isEmpty ? POLLIN : POLLOUT), revents: 0)
      }
      let now = Self.now
      // Who is connected is served before those that wait; who only might ask again is not.
      let accepts =
        now >= pausedUntil
        && (connections.count < Self.mostConnections || connections.contains { $0.isIdle })
      if accepts { polled.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0)) }
      let next = (connections.map(\.until) + (now < pausedUntil ? [pausedUntil] : [])).min()
      let wait = next.map { Int32(min(($0 - min($0, now)) / 1_000_000 + 1, 60_000)) } ?? -1
      _ = unsafe poll(&polled, nfds_t(polled.count), wait)
      for index in connections.indices where polled[index].revents != 0 {
        advance(&connections[index])
      }
      let time = Self.now
      connections.removeAll { connection in
        guard connection.descriptor >= 0, connection.until > time else {
          if connection.descriptor >= 0 { close(connection.descriptor) }
          return true
        }
        return false
      }
      if accepts, polled[polled.count - 1].revents != 0 {
        if connections.count >= Self.mostConnections {
          let idle = connections.indices.filter { connections[$0].isIdle }
          guard let longest = idle.min(by: { connections[$0].until < connections[$1].until }) else {
            continue
          }
          close(connections.remove(at: longest).descriptor)
        }
        let descriptor = sonde_accept(listener)
        if descriptor >= 0 {
          connections.append(Connection(descriptor: descriptor, until: time + Self.patience))
        } else if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) {
          pausedUntil = time + Self.pause
        }
      }
    }
  }

  private func advance(_ connection: inout Connection) {
    if connection.output.isEmpty {
      guard read(into: &connection) else { return give(up: &connection) }
      answer(&connection)
      if connection.hasEnded, connection.output.isEmpty { return give(up: &connection) }
    }
    while !connection.output.isEmpty {
      let count = unsafe connection.output.withUnsafeBytes { bytes in
        unsafe send(
          connection.descriptor, bytes.baseAddress, bytes.count,
          Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      if count < 0, errno == EAGAIN { return }
      guard count > 0 else { return give(up: &connection) }
      connection.output = connection.output.dropFirst(count)
      guard connection.output.isEmpty else { continue }
      if connection.closes { return give(up: &connection) }
      connection.until = Self.now + Self.idlePatience
      // What the client has sent meanwhile.
      answer(&connection)
      if connection.hasEnded, connection.output.isEmpty { return give(up: &connection) }
    }
  }

  private func give(up connection: inout Connection) {
    close(connection.descriptor)
    connection.descriptor = -1
  }

  /// False where there is nothing more to come.
  private func read(into connection: inout Connection) -> Bool {
    let wasEmpty = connection.input.isEmpty
    var buffer = [UInt8](repeating: 0, count: 4096)
    while connection.input.count <= Self.mostHeadBytes {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe recv(connection.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
      }
      if count < 0, errno == EAGAIN { break }
      if count == 0 {
        connection.hasEnded = true
        break
      }
      guard count > 0 else { return false }
      connection.input += buffer.prefix(count)
    }
    if wasEmpty { connection.until = Self.now + Self.patience }
    return true
  }

  private func answer(_ connection: inout Connection) {
    guard let end = Self.endOfHead(connection.input) else {
      if connection.input.count > Self.mostHeadBytes {
        refuse(&connection, HTTPResponse(431, text: "the request's head is too long"))
      }
      return
    }
    let head = connection.input[..<end.start]
    guard let request = HTTPRequest(head: head) else {
      return refuse(&connection, HTTPResponse(400, text: "not an HTTP/1 request"))
    }
    let length = request.headers["content-length"] ?? "0"
    guard length == "0", request.headers["transfer-encoding"] == nil else {
      return refuse(&connection, HTTPResponse(413, text: "no request has a body here"))
    }
    connection.input.removeSubrange(..<end.end)
    connection.closes = !request.keepsAlive
    connection.output =
      handler(request).bytes(
        keepsAlive: request.keepsAlive, withBody: request.method != "HEAD")[...]
    connection.until = Self.now + Self.patience
  }

  private func refuse(_ connection: inout Connection, _ response: HTTPResponse) {
    connection.closes = true
    connection.input = []
    connection.output = response.bytes(keepsAlive: false, withBody: true)[...]
    connection.until = Self.now + Self.patience
  }

  /// Where the empty line is, and what is behind it.
  private static func endOfHead(_ bytes: [UInt8]) -> (start: Int, end: Int)? {
    let (carriage, line) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
    for index in bytes.indices where bytes[index] == line {
      if index + 1 < bytes.count, bytes[index + 1] == line { return (index, index + 2) }
      if index + 2 < bytes.count, bytes[index + 1] == carriage, bytes[index + 2] == line {
        return (bytes[..<index].last == carriage ? index - 1 : index, index + 3)
      }
    }
    return nil
  }
}

/// Why it can't listen.
public struct HTTPServerError: Error, CustomStringConvertible {
  public let errno: Int32

  public var description: String {
    unsafe String(cString: strerror(errno))
  }
}
