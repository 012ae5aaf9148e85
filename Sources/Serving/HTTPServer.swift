import CLinux
import CServing
import Glibc

/// A small HTTP server with bounded resource use: a limit on connections, on the size of a request
/// and on the time for each.
///
/// On a thread of its own, which sleeps in poll(2). It reads no bodies.
public final class HTTPServer: Sendable {
  public typealias Handler = @Sendable (HTTPRequest) -> HTTPResponse

  private let listener: Int32
  private let handler: Handler
  private let access: WebAccess?
  private let mostConnections: Int
  public let port: UInt16

  private static let mostHeadBytes = 8192
  /// To send a request, to take a response, and between two of them; ns.
  private static let patience: UInt64 = 10_000_000_000
  private static let idlePatience: UInt64 = 120_000_000_000
  /// What each has before it makes room for others, ns.
  private static let leastTurn: UInt64 = 1_000_000_000
  /// How long to stop accepting when out of descriptors or memory, ns.
  private static let pause: UInt64 = 1_000_000_000

  /// Listens.
  ///
  /// - Parameters:
  ///   - address: of IPv4 or IPv6, as numbers.
  ///   - port: 0 for any that is free.
  ///   - access: who may have what; nil: everyone who can reach it.
  /// - Throws: `HTTPServerError`.
  public init(
    address: String, port: UInt16, access: WebAccess? = nil, mostConnections: Int = 64,
    handler: @escaping Handler
  ) throws(HTTPServerError) {
    var actual: UInt16 = 0
    listener = unsafe sonde_listen(address, port, &actual)
    guard listener >= 0 else { throw HTTPServerError(errno: errno) }
    self.port = actual
    self.access = access
    self.mostConnections = mostConnections
    self.handler = handler
  }

  /// Serves until the process ends.
  ///
  /// - Throws: `HTTPServerError` where there can be no thread.
  public func start() throws(HTTPServerError) {
    try DetachedThread.start { self.serve() }
  }

  private struct Connection {
    var descriptor: Int32
    /// Its encryption, if there is any; and what that waits for, where that isn't clear from what is done.
    var tls: TLSConnection?
    var waitsFor: Int16 = 0
    var input: [UInt8] = []
    var output: ArraySlice<UInt8> = []
    /// When to give it up, CLOCK_MONOTONIC, ns.
    var until: UInt64
    var closes = false
    /// The client sends no more.
    var hasEnded = false
    /// Another request is there already; it takes its turn.
    var hasMore = false
    /// Or what may be a part of one, in the TLS record that was read last.
    var hasUnread: Bool { tls?.hasMore ?? false }
    var hasAnswered = false
    /// When it was accepted, or last was answered, on the same clock.
    var began: UInt64

    init(descriptor: Int32, at now: UInt64, until: UInt64) {
      (self.descriptor, began, self.until) = (descriptor, now, until)
    }

    /// Between two requests.
    var isIdle: Bool { input.isEmpty && output.isEmpty && !hasUnread }

    var events: Int16 {
      if hasMore || (output.isEmpty && hasUnread) { return Int16(POLLOUT) }
      return waitsFor != 0 ? waitsFor : Int16(output.isEmpty ? POLLIN : POLLOUT)
    }

    mutating func close() {
      tls?.close()
      tls = nil
      if descriptor >= 0 { _ = Glibc.close(descriptor) }
      descriptor = -1
    }

    /// How many bytes; 0 at the end, nil where it has to wait, negative where it has failed.
    mutating func receive(_ buffer: inout [UInt8]) -> Int? {
      waitsFor = 0
      if let tls { return result(tls.read(into: &buffer)) }
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe recv(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
      }
      return result(count < 0 ? failure(SONDE_TLS_WANTS_READ) : count)
    }

    mutating func send() -> Int? {
      waitsFor = 0
      if let tls { return result(tls.write(output)) }
      let count = unsafe output.withUnsafeBytes { bytes in
        unsafe Glibc.send(
          descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      return result(count < 0 ? failure(SONDE_TLS_WANTS_WRITE) : count)
    }

    private func failure(_ waits: sonde_tls_result) -> Int {
      Int((errno == EAGAIN ? waits : SONDE_TLS_FAILED).rawValue)
    }

    private mutating func result(_ count: Int) -> Int? {
      switch count {
      case Int(SONDE_TLS_WANTS_READ.rawValue): waitsFor = Int16(POLLIN)
      case Int(SONDE_TLS_WANTS_WRITE.rawValue): waitsFor = Int16(POLLOUT)
      default: return count
      }
      return nil
    }
  }

  private func serve() {
    var connections: [Connection] = []
    var pausedUntil: UInt64 = 0
    while true {
      var polled = connections.map {
        pollfd(fd: $0.descriptor, events: $0.events, revents: 0)
      }
      let now = MonotonicClock.now
      let isFull = connections.count >= mostConnections
      let accepts = now >= pausedUntil && (!isFull || Self.victim(of: connections, at: now) != nil)
      if accepts { polled.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0)) }
      var times = connections.map(\.until)
      if now < pausedUntil { times.append(pausedUntil) }
      if isFull, !accepts { times.append(now + Self.leastTurn) }
      let next = times.min()
      let wait = next.map { Int32(min(($0 - min($0, now)) / 1_000_000 + 1, 60_000)) } ?? -1
      _ = unsafe poll(&polled, nfds_t(polled.count), wait)
      for index in connections.indices where polled[index].revents != 0 {
        advance(&connections[index])
      }
      let time = MonotonicClock.now
      for index in connections.indices where connections[index].until <= time {
        connections[index].close()
      }
      connections.removeAll { $0.descriptor < 0 }
      if accepts, polled[polled.count - 1].revents != 0 {
        if connections.count >= mostConnections {
          guard let victim = Self.victim(of: connections, at: time) else { continue }
          connections[victim].close()
          connections.remove(at: victim)
        }
        let descriptor = sonde_accept(listener)
        if descriptor >= 0 {
          var connection = Connection(
            descriptor: descriptor, at: time, until: time + Self.patience)
          if let access, access.encrypts {
            connection.tls = access.encryption(of: descriptor, at: time)
            if connection.tls == nil { connection.close() }
          }
          if connection.descriptor >= 0 { connections.append(connection) }
        } else if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) {
          pausedUntil = time + Self.pause
        }
      }
    }
  }

  /// Which one makes room: one that only might ask again, else the one that has been at it for longest.
  private static func victim(of connections: [Connection], at now: UInt64) -> Int? {
    let idle = connections.indices.filter {
      connections[$0].isIdle && connections[$0].hasAnswered
    }
    if let longest = idle.min(by: { connections[$0].until < connections[$1].until }) {
      return longest
    }
    return connections.indices.filter { now > connections[$0].began + leastTurn }
      .min { connections[$0].began < connections[$1].began }
  }

  /// One request a turn, however many have come.
  private func advance(_ connection: inout Connection) {
    if connection.output.isEmpty {
      if !connection.hasMore {
        guard read(into: &connection) else { return connection.close() }
      }
      connection.hasMore = false
      answer(&connection)
      if connection.hasEnded, connection.output.isEmpty { return connection.close() }
    }
    while !connection.output.isEmpty {
      guard let count = connection.send() else { return }
      guard count > 0 else { return connection.close() }
      connection.output = connection.output.dropFirst(count)
      guard connection.output.isEmpty else { continue }
      if connection.closes { return connection.close() }
      connection.until = MonotonicClock.now + Self.idlePatience
      connection.hasMore = Self.endOfHead(connection.input) != nil
      if !connection.hasMore, connection.hasEnded { connection.close() }
    }
  }

  /// False where there is nothing more to come.
  private func read(into connection: inout Connection) -> Bool {
    let wasEmpty = connection.input.isEmpty
    var buffer = [UInt8](repeating: 0, count: 4096)
    while connection.input.count <= Self.mostHeadBytes {
      guard let count = connection.receive(&buffer) else { break }
      if count == 0 {
        connection.hasEnded = true
        break
      }
      guard count > 0 else { return false }
      connection.input += buffer.prefix(count)
    }
    if wasEmpty, !connection.input.isEmpty {
      connection.began = MonotonicClock.now
      connection.until = connection.began + Self.patience
    }
    return true
  }

  private func answer(_ connection: inout Connection) {
    guard let end = Self.endOfHead(connection.input) else {
      if connection.input.count > Self.mostHeadBytes {
        refuse(&connection, HTTPResponse(431, text: "request header too large"))
      }
      return
    }
    let head = connection.input[..<end.start]
    guard let request = HTTPRequest(head: head) else {
      return refuse(&connection, HTTPResponse(400, text: "not an HTTP/1 request"))
    }
    let length = request.headers["content-length"] ?? "0"
    guard length == "0", request.headers["transfer-encoding"] == nil else {
      return refuse(&connection, HTTPResponse(413, text: "request bodies are not accepted"))
    }
    connection.input.removeSubrange(..<end.end)
    let refusal = access?.refusal(of: request, at: MonotonicClock.now)
    connection.closes = !request.keepsAlive || refusal != nil
    connection.output =
      (refusal ?? handler(request)).bytes(
        keepsAlive: !connection.closes, withBody: request.method != "HEAD")[...]
    connection.began = MonotonicClock.now
    connection.until = connection.began + Self.patience
    connection.hasAnswered = true
  }

  private func refuse(_ connection: inout Connection, _ response: HTTPResponse) {
    connection.closes = true
    connection.input = []
    connection.output = response.bytes(keepsAlive: false, withBody: true)[...]
    connection.until = MonotonicClock.now + Self.patience
  }

  /// Where the empty line begins, and where it ends.
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
