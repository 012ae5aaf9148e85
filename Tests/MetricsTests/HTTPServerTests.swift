import Foundation
import Glibc
import Serving
import Testing

/// The server, by clients that behave and others.
@Suite(.serialized)
struct HTTPServerTests {
  private let port: UInt16
  private static let large = [UInt8](repeating: UInt8(ascii: "x"), count: 32 << 20)

  init() throws {
    let server = try HTTPServer(address: "127.0.0.1", port: 0) { request in
      request.path == "/large"
        ? HTTPResponse(body: Self.large)
        : HTTPResponse(text: "\(request.method) \(request.path) \(request.headers["x"] ?? "-")")
    }
    try server.start()
    port = server.port
  }

  /// A connection; what it has sent so far may be anything.
  private final class Client {
    let descriptor: Int32

    init(_ port: UInt16) throws {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      place.sin_port = port.bigEndian
      place.sin_addr.s_addr = inet_addr("127.0.0.1")
      let result = withUnsafePointer(to: &place) { place in
        place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(result == 0)
      var patience = timeval(tv_sec: 15, tv_usec: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
      let bytes = Array(text.utf8)
      _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Until that is there, or no more comes.
    func receive(until end: String) -> String {
      var all = ""
      var buffer = [UInt8](repeating: 0, count: 4096)
      while !all.contains(end) {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { break }
        all += String(decoding: buffer.prefix(count), as: UTF8.self)
      }
      return all
    }
  }

  @Test func aRequest() throws {
    let client = try Client(port)
    client.send("GET /a?b=c HTTP/1.1\r\nHost: h\r\nX: 1\r\nx:2 \r\n\r\n")
    let answer = client.receive(until: "1, 2\n")
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.contains("Content-Length: 12\r\n") && answer.hasSuffix("\r\n\r\nGET /a 1, 2\n"))
    // And another one; the connection stays.
    client.send("HEAD /b HTTP/1.1\r\n\r\n")
    #expect(client.receive(until: "\r\n\r\n").hasSuffix("Connection: keep-alive\r\n\r\n"))
    // Two at once; after the second it closes.
    client.send("GET /c HTTP/1.1\n\nGET /d HTTP/1.0\r\n\r\n")
    let both = client.receive(until: "never")
    #expect(both.contains("GET /c -\n") && both.hasSuffix("GET /d -\n"))
  }

  /// One that sends no more than its request, as `nc -N` does.
  @Test func halfClosed() throws {
    let client = try Client(port)
    client.send("GET /half HTTP/1.0\r\n\r\n")
    shutdown(client.descriptor, Int32(SHUT_WR))
    #expect(client.receive(until: "never").hasSuffix("GET /half -\n"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\nhello", 400),
    ("GET / FTP/1.1\r\n\r\n", 400), ("nonsense\r\n\r\n", 400), ("GET x HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 413),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
    ("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 1 << 20))\r\n\r\n", 431),
  ])
  func whatIsRefused(request: String, status: Int) throws {
    let client = try Client(port)
    client.send(request)
    let answer = client.receive(until: "never")
    // Where the rest of a long request was never read, the answer may be lost with the connection.
    #expect(answer.hasPrefix("HTTP/1.1 \(status) ") || (status == 431 && answer.isEmpty))
    #expect(try answers())
  }

  private func answers() throws -> Bool {
    let client = try Client(port)
    client.send("GET /ok HTTP/1.1\r\n\r\n")
    return client.receive(until: "GET /ok -\n").hasSuffix("GET /ok -\n")
  }

  /// Half requests, and a reader that doesn't read, hold nobody up.
  @Test func slowClients() throws {
    let slow = try (0..<40).map { _ in try Client(port) }
    for (index, client) in slow.enumerated() {
      client.send(index % 2 == 0 ? "GET /half HTT" : "GET /large HTTP/1.1\r\n\r\n")
    }
    for _ in 0..<20 { #expect(try answers()) }
    // Who goes on is answered still.
    slow[0].send("P/1.1\r\n\r\n")
    #expect(slow[0].receive(until: "GET /half -\n").hasSuffix("GET /half -\n"))
  }

  /// More than are served at once: those make room that only might ask.
  @Test func tooManyClients() throws {
    let idle = try (0..<80).map { _ in try Client(port) }
    idle[79].send("GET /last HTTP/1.1\r\n\r\n")
    #expect(idle[79].receive(until: "GET /last -\n").hasSuffix("GET /last -\n"))
    for _ in 0..<100 { #expect(try answers()) }
    // The first has made room: it is closed.
    #expect(idle[0].receive(until: "never").isEmpty)
  }

  @Test func whereItCanNot() {
    #expect(throws: HTTPServerError.self) {
      try HTTPServer(address: "localhost", port: 0) { _ in HTTPResponse(text: "") }
    }
    #expect(throws: HTTPServerError.self) {
      try HTTPServer(address: "127.0.0.1", port: port) { _ in HTTPResponse(text: "") }
    }
  }
}
