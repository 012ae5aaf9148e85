import CServing
import Glibc

/// Sends a request and reads what comes back, on a connection of its own, by HTTP/1.1.
///
/// Blocks, for as long as ``patience`` at each step.
public struct HTTPClient: Sendable {
  public struct Answer: Sendable {
    public var status: Int
    public var body: [UInt8]
    /// "Retry-After" (RFC 9110, 10.2.3), in seconds.
    public var retryAfter: UInt64?
    var length: Int?
  }

  /// Why there is no answer.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
  }

  private static let patience: Int32 = 10_000
  private static let mostBytes = 65536
  /// For all of an answer, ns.
  private static let longest: UInt64 = 30_000_000_000

  private let host: String
  private let port: String
  private let encrypts: Bool

  public init(host: String, port: String, encrypts: Bool) {
    (self.host, self.port, self.encrypts) = (host, port, encrypts)
  }

  public func post(
    _ body: [UInt8], to path: String, type: String, headers: [(name: String, value: String)]
  ) throws(Failure) -> Answer {
    var reason = [CChar](repeating: 0, count: 256)
    let descriptor = unsafe sonde_connect(host, port, Self.patience, &reason, reason.count)
    guard descriptor >= 0 else { throw Failure(String(reason)) }
    defer { close(descriptor) }
    let name = host.contains(":") ? "[\(host)]" : host
    var head = "POST \(path) HTTP/1.1\r\nHost: \(name):\(port)\r\nContent-Type: \(type)\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    head += "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
    guard encrypts else { return try exchange(Array(head.utf8) + body, descriptor, nil) }
    let tls: TLSConnection
    do {
      tls = try TLSContext().connect(descriptor, to: host)
    } catch {
      throw Failure(error.reason)
    }
    defer { tls.close() }
    return try exchange(Array(head.utf8) + body, descriptor, tls)
  }

  private func exchange(
    _ request: [UInt8], _ descriptor: Int32, _ tls: TLSConnection?
  ) throws(Failure) -> Answer {
    var rest = request[...]
    while !rest.isEmpty {
      let count =
        unsafe tls?.write(rest)
        ?? rest.withUnsafeBytes { bytes in
          unsafe send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
      guard count > 0 else { throw Failure("connection closed while sending the request") }
      rest = rest.dropFirst(count)
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    let end = MonotonicClock.now + Self.longest
    while answer.count < Self.mostBytes, MonotonicClock.now < end, !Self.isWhole(answer) {
      let count =
        unsafe tls?.read(into: &buffer)
        ?? buffer.withUnsafeMutableBytes { bytes in
          unsafe recv(descriptor, bytes.baseAddress, bytes.count, 0)
        }
      if count <= 0 { break }
      answer += buffer.prefix(count)
    }
    guard let parsed = Self.parse(answer) else {
      throw Failure(answer.isEmpty ? "no response" : "the response is not HTTP/1")
    }
    return parsed
  }

  /// Whether all has come that its length says.
  private static func isWhole(_ bytes: [UInt8]) -> Bool {
    guard let answer = parse(bytes), let length = answer.length else { return false }
    return answer.body.count >= length
  }

  static func parse(_ bytes: [UInt8]) -> Answer? {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    var lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
      .split(separator: "\r\n", omittingEmptySubsequences: false)[...]
    let words = lines.popFirst()?.split(separator: " ", maxSplits: 2) ?? []
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
      return nil
    }
    var answer = Answer(status: status, body: Array(bytes[end.upperBound...]))
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let value = parts[1].filter { $0 != " " }
      switch parts[0].lowercased() {
      case "retry-after": answer.retryAfter = UInt64(value)
      case "content-length": answer.length = Int(value)
      // In pieces, whose lengths aren't worth the reading: what matters is the status.
      case "transfer-encoding": answer.body = []
      default: break
      }
    }
    return answer
  }
}
