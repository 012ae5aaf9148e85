import CServing
import FoundationEssentials
import Glibc

/// Who may have what is served, and by which encryption: the file that Prometheus' exporters take
/// (`prometheus/exporter-toolkit`, docs/web-configuration.md), as far as it makes sense here.
public struct WebConfig: Sendable {
  struct TLS: Sendable {
    var certFile = ""
    var keyFile = ""
    var clientCAFile: String?
    var clientAuth = SONDE_CLIENT_AUTH_NONE
    var minVersion: Int32 = 0x0303
    var maxVersion: Int32 = 0
  }

  let path: String
  private(set) var tls: TLS?
  /// What crypt(5) makes of their passwords, by name.
  private(set) var users: [String: String] = [:]

  /// Whether clients have to say who they are.
  public var authenticates: Bool {
    !users.isEmpty
      || tls.map {
        $0.clientAuth == SONDE_CLIENT_AUTH_REQUIRE_AND_VERIFY
      } ?? false
  }
  public var encrypts: Bool { tls != nil }

  /// Reads the file. The files that it names are relative to it.
  ///
  /// - Throws: `WebConfigError` that names the line.
  public init(path: String) throws(WebConfigError) {
    self.path = path
    let text: Data
    do {
      text = try Data(contentsOf: URL(filePath: path))
    } catch {
      let reason =
        unsafe access(path, R_OK) == 0 ? "not a file" : unsafe String(cString: strerror(errno))
      throw WebConfigError(path, "can't be read: \(reason)")
    }
    for (key, value, line) in try Self.scalars(path, text) {
      do {
        try set(key, value)
      } catch {
        throw WebConfigError(path, "line \(line): \(error.reason)")
      }
    }
    try check()
  }

  private static func scalars(
    _ path: String, _ text: Data
  ) throws(WebConfigError) -> [(key: [String], value: String, line: Int)] {
    final class Found {
      var scalars: [(key: [String], value: String, line: Int)] = []
    }
    let found = Found()
    var reason = [CChar](repeating: 0, count: 256)
    let result = unsafe text.withUnsafeBytes { bytes in
      withExtendedLifetime(found) {
        unsafe sonde_yaml_read(
          bytes.bindMemory(to: CChar.self).baseAddress, bytes.count,
          { context, key, value, line in
            guard let context = unsafe context, let key = unsafe key, let value = unsafe value
            else { return }
            unsafe Unmanaged<Found>.fromOpaque(context).takeUnretainedValue().scalars.append(
              (
                unsafe String(cString: key).split(
                  separator: "\n", omittingEmptySubsequences: false
                ).dropLast().map(String.init),
                unsafe String(cString: value), line
              ))
          }, Unmanaged.passUnretained(found).toOpaque(), &reason, reason.count)
      }
    }
    guard result == 0 else { throw WebConfigError(path, String(reason)) }
    return found.scalars
  }

  private struct Refusal: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  private mutating func set(_ key: [String], _ value: String) throws(Refusal) {
    switch (key.count, key.first) {
    case (1, "tls_server_config"), (1, "basic_auth_users"), (1, "http_server_config"):
      guard value.isEmpty else { throw Refusal("\(key[0]): must be a mapping") }
    case (2, "tls_server_config"):
      var tls = tls ?? TLS()
      try setTLS(&tls, key[1], value)
      self.tls = tls
    case (2, "basic_auth_users"):
      guard unsafe sonde_password_hash_is_valid(value) else {
        throw Refusal("\(key[1]): must be a bcrypt hash, as `htpasswd -nBC 10 \"\"` prints it")
      }
      users[key[1]] = value
    // HTTP/1.1 is all there is, and is what a client without HTTP/2 gets.
    case (2, "http_server_config") where key[1] == "http2": break
    default: throw Refusal("\(key.joined(separator: ".")): not supported")
    }
  }

  private func setTLS(_ tls: inout TLS, _ key: String, _ value: String) throws(Refusal) {
    switch key {
    case "cert_file": tls.certFile = relative(value)
    case "key_file": tls.keyFile = relative(value)
    case "client_ca_file": tls.clientCAFile = value.isEmpty ? nil : relative(value)
    case "client_auth_type": tls.clientAuth = try Self.clientAuth(value)
    case "min_version": tls.minVersion = try Self.version(value)
    case "max_version": tls.maxVersion = try Self.version(value)
    // OpenSSL's own choice is in the server's order, whatever that is.
    case "prefer_server_cipher_suites" where value == "true": break
    default: throw Refusal("tls_server_config.\(key): not supported")
    }
  }

  private static func clientAuth(_ value: String) throws(Refusal) -> sonde_client_auth {
    switch value {
    case "", "NoClientCert": SONDE_CLIENT_AUTH_NONE
    case "RequestClientCert": SONDE_CLIENT_AUTH_REQUEST
    case "RequireAnyClientCert", "RequireClientCert": SONDE_CLIENT_AUTH_REQUIRE_ANY
    case "VerifyClientCertIfGiven": SONDE_CLIENT_AUTH_VERIFY_IF_GIVEN
    case "RequireAndVerifyClientCert": SONDE_CLIENT_AUTH_REQUIRE_AND_VERIFY
    default:
      throw Refusal(
        "client_auth_type: must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert"
      )
    }
  }

  private static func version(_ value: String) throws(Refusal) -> Int32 {
    switch value {
    case "TLS12": 0x0303
    case "TLS13": 0x0304
    default: throw Refusal("\(value): must be TLS12 or TLS13")
    }
  }

  private func relative(_ file: String) -> String {
    guard !file.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return file }
    return path[...slash] + file
  }

  private func check() throws(WebConfigError) {
    guard let tls else { return }
    guard !tls.certFile.isEmpty, !tls.keyFile.isEmpty else {
      throw WebConfigError(path, "tls_server_config: needs cert_file and key_file")
    }
    let verifies =
      tls.clientAuth == SONDE_CLIENT_AUTH_VERIFY_IF_GIVEN
      || tls.clientAuth == SONDE_CLIENT_AUTH_REQUIRE_AND_VERIFY
    guard verifies == (tls.clientCAFile != nil) else {
      throw WebConfigError(
        path,
        verifies
          ? "client_auth_type: needs client_ca_file"
          : "client_ca_file: has no effect; set client_auth_type: RequireAndVerifyClientCert"
      )
    }
  }
}

/// What is wrong with it.
public struct WebConfigError: Error, CustomStringConvertible {
  public let description: String

  init(_ path: String, _ reason: String) { description = "\(path): \(reason)" }
}
