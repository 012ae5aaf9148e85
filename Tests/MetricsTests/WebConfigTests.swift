import Foundation
import Serving
import Testing

/// The file that says who may have metrics.
struct WebConfigTests {
  private static let hash = "$2b$05$abcdefghijklmnopqrstuuQN8GYy7jsZQkUj7iFzOlEVZ5kT8qfI6"

  private func config(_ text: String) throws -> WebConfig {
    let path = NSTemporaryDirectory() + "/sonde-web-\(UUID().uuidString).yml"
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try WebConfig(path: path)
  }

  private func complaint(_ text: String) -> String {
    do {
      _ = try config(text)
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test func whatItSays() throws {
    let nobody = try config("")
    #expect(!nobody.encrypts && !nobody.authenticates)
    let both = try config(
      """
      # As exporter-toolkit has it.
      tls_server_config:
        cert_file: a.pem
        key_file: "a.key"
        min_version: TLS13
      http_server_config: {http2: false}
      basic_auth_users:
        alice: \(Self.hash)
      """)
    #expect(both.encrypts && both.authenticates)
    let certificates = try config(
      """
      tls_server_config: {cert_file: a, key_file: b, client_ca_file: c,
        client_auth_type: RequireAndVerifyClientCert}
      """)
    #expect(certificates.encrypts && certificates.authenticates)
    let anyCertificate = try config(
      "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}")
    #expect(!anyCertificate.authenticates)
  }

  @Test(arguments: [
    ("tls_server_config: {cert_file: a}", "needs cert_file and key_file"),
    ("tls_server_config:\n  cipher_suites: []\n", "line 2: lists are not supported"),
    ("tls_server_config:\n  cert_file: a\n  certfile: b\n", "line 3: tls_server_config.certfile"),
    ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}", "TLS12 or TLS13"),
    ("tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}", "has no effect"),
    (
      "tls_server_config: {cert_file: a, key_file: b, client_auth_type: VerifyClientCertIfGiven}",
      "needs client_ca_file"
    ),
    ("tls_server_config: x", "must be a mapping"),
    ("basic_auth_users:\n  alice: secret\n", "line 2: alice: must be a bcrypt hash"),
    ("basic_auth_users: {alice: \"\"}", "must be a bcrypt hash"),
    ("rate_limit: {burst: 5}", "rate_limit.burst: not supported"),
    ("a: &x b\nc: *x\n", "aliases are not supported"), ("? {a: b}\n: c\n", "a key is a mapping"),
    ("- a\n", "lists are not supported"), ("x", "is not a mapping"), ("a: \"\u{1}\"", "line 1"),
    ("a: {b: {c: {d: {e: {f: {g: {h: {i: j}}}}}}}}", "nested too deeply"),
    ("\"a\\0b\": c", "contains a NUL"), ("a: [", "line"),
  ])
  func whatIsRefused(text: String, reason: String) {
    let complaint = complaint(text)
    #expect(complaint.contains(reason) && !complaint.contains("\u{1}"), "\(complaint)")
  }

  @Test func whatIsNotThere() {
    do {
      _ = try WebConfig(path: "/none/web.yml")
      Issue.record("it was read")
    } catch {
      #expect("\(error)" == "/none/web.yml: can't be read: No such file or directory")
    }
  }
}
