/// What a client asks for.
public struct HTTPRequest: Sendable {
  public var method: String
  /// Without the query.
  public var path: String
  /// Keyed by lower-case name; repeated headers are joined by commas.
  public var headers: [String: String]
  /// Whether the connection is to stay open.
  var keepsAlive: Bool

  /// - Parameter head: up to the empty line, which isn't part of it.
  /// - Returns: nil where it is no request.
  init?(head: some Collection<UInt8>) {
    var lines = String(decoding: head, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
    guard let first = lines.popFirst() else { return nil }
    let words = first.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[1].hasPrefix("/"), words[2].hasPrefix("HTTP/1.") else {
      return nil
    }
    method = String(words[0])
    path = String(words[1].prefix { $0 != "?" })
    headers = [:]
    for line in lines {
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return nil }
      let name = line[..<colon].lowercased()
      guard !name.contains(where: \.isWhitespace) else { return nil }
      let value = line[line.index(after: colon)...].trimmed
      headers[name] = headers[name].map { "\($0), \(value)" } ?? value
    }
    let connection = (headers["connection"] ?? "").lowercased().split(separator: ",").map(\.trimmed)
    keepsAlive =
      words[2] == "HTTP/1.1" ? !connection.contains("close") : connection.contains("keep-alive")
  }
}

extension Substring {
  fileprivate var trimmed: String {
    let start = drop { $0 == " " || $0 == "\t" }
    return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}

/// What it gets.
public struct HTTPResponse: Sendable {
  public var status: Int
  public var type: String
  public var body: [UInt8]
  /// For a 405: the methods that the path supports.
  public var allow: String?
  private var asksWhoItIs = false

  static var unauthorized: HTTPResponse {
    var response = HTTPResponse(401, text: "user name and password required")
    response.asksWhoItIs = true
    return response
  }

  public init(_ status: Int = 200, type: String = "text/plain; charset=utf-8", body: [UInt8]) {
    (self.status, self.type, self.body) = (status, type, body)
  }

  public init(_ status: Int = 200, text: String) {
    self.init(status, body: Array((text + "\n").utf8))
  }

  private static let reasons = [
    200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed",
    413: "Content Too Large", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
  ]

  func bytes(keepsAlive: Bool, withBody: Bool) -> [UInt8] {
    var head = "HTTP/1.1 \(status) \(Self.reasons[status] ?? "Other")\r\n"
    head += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
    head += "X-Content-Type-Options: nosniff\r\n"
    if let allow { head += "Allow: \(allow)\r\n" }
    if asksWhoItIs { head += "WWW-Authenticate: Basic realm=\"sonde\"\r\n" }
    head += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
    return Array(head.utf8) + (withBody ? body : [])
  }
}
