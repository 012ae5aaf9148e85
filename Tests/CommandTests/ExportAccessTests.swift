import Foundation
import Support
import Testing

/// An exporter that asks who it is that asks, over TLS: by curl and certificates of openssl's.
@Suite(.serialized)
struct ExportAccessTests {
  private let scratch: Scratch
  /// Of "three at night".
  private static let hash = "$2b$05$abcdefghijklmnopqrstuuQN8GYy7jsZQkUj7iFzOlEVZ5kT8qfI6"
  private static let password = "alice:three at night"

  init() throws {
    scratch = try Scratch()
    let script = """
      cd "$0"
      openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca
      printf 'subjectAltName=IP:127.0.0.1\\n' >names
      for who in server next client; do
        openssl req -newkey rsa:2048 -nodes -keyout $who.key -out $who.csr -subj /CN=$who
        openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
          -extfile names -out $who.pem
      done
      openssl req -x509 -newkey rsa:2048 -nodes -keyout stranger.key -out stranger.pem -days 2 -subj /CN=s
      """
    let made = try Command("sh", ["-ec", script, scratch.path]).wait(seconds: 60)
    try #require(made.status == 0, "\(made)")
  }

  /// The status of an answer; "000" without one.
  private func status(_ url: String, _ arguments: String...) throws -> String {
    try Command(
      "curl",
      ["-s", "--max-time", "10", "--cacert", scratch.file("ca.pem"), "-o", "/dev/null"]
        + ["-w", "%{http_code}"] + arguments + ["\(url)/metrics"]
    ).wait().output
  }

  @Test func passwords() throws {
    let config = try scratch.write(
      """
      tls_server_config: {cert_file: server.pem, key_file: server.key}
      basic_auth_users: {alice: \(Self.hash)}
      """, to: "web.yml")
    let run = try ExportedRun(["--web-config", config])
    #expect(run.url.hasPrefix("https://"))
    #expect(try status(run.url) == "401")
    // So many a second are looked at; one that is known already always is.
    var answers: [String] = []
    for wrong in [
      "alice:three at nigh", "alice:", "bob:three at night", ":", "alice", "alice:x", "alice:y",
    ] {
      let header = "Authorization: Basic \(Data(wrong.utf8).base64EncodedString())"
      answers.append(try status(run.url, "-H", header))
    }
    #expect(Set(answers).isSubset(of: ["401", "503"]) && answers[0] == "401", "\(answers)")
    #expect(eventually(seconds: 5) { (try? status(run.url, "-u", Self.password)) == "200" })
    #expect(try status(run.url, "-H", "Authorization: Basic !") == "401")
    for _ in 0..<3 { #expect(try status(run.url, "-u", Self.password) == "200") }
    #expect(try status(run.url, "-u", Self.password, "--tls-max", "1.1") == "000")
    #expect(try status(run.url.replacing("https", with: "http")) == "000")
    // Who talks no TLS, or none of it, holds up nobody.
    let port = try #require(run.url.split(separator: ":").last)
    let silent = try Command("sh", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); sleep 20"])
    for _ in 0..<5 { #expect(try status(run.url, "-u", Self.password) == "200") }
    kill(silent.pid, SIGKILL)
    _ = try? silent.wait(seconds: 5)
    try run.stop()
  }

  /// Certificates are replaced as it runs; what is wrong with a new file is told, and the old one holds.
  @Test func changes() throws {
    func write(_ server: String, _ more: String = "") throws -> String {
      try scratch.write(
        """
        tls_server_config:
          cert_file: \(server).pem
          key_file: \(server).key
          client_ca_file: ca.pem
          client_auth_type: RequireAndVerifyClientCert
        \(more)
        """, to: "web.yml")
    }
    let run = try ExportedRun(["--web-config", try write("server")])
    let client = ["--cert", scratch.file("client.pem"), "--key", scratch.file("client.key")]
    func name() throws -> String {
      let script =
        "openssl s_client -connect \(run.target) -CAfile '\(scratch.file("ca.pem"))' </dev/null 2>/dev/null | openssl x509 -noout -subject"
      return try Command("sh", ["-c", script]).wait().output
    }
    func admits(_ arguments: [String]) throws -> Bool {
      try Command(
        "curl",
        [
          "-s", "--max-time", "10", "--cacert", scratch.file("ca.pem"), "-o", "/dev/null", "-w",
          "%{http_code}",
        ]
          + arguments + ["\(run.url)/healthz"]
      ).wait().output != "000"
    }
    #expect(try admits(client) && !admits([]))
    #expect(
      try !admits(["--cert", scratch.file("stranger.pem"), "--key", scratch.file("stranger.key")]))
    #expect(try name().contains("CN = server"))
    _ = try write("next")
    #expect(eventually(seconds: 5) { (try? name().contains("CN = next")) == true })
    #expect(try admits(client))
    _ = try write("none")
    #expect(eventually(seconds: 5) { (try? name().contains("CN = next")) == true })
    usleep(1_200_000)
    #expect(try admits(client) && name().contains("CN = next"))
    let ended = try run.stop()
    #expect(
      ended.errors.contains("none.pem") && ended.errors.contains("keeping the previous settings"))
  }

  /// An address that others reach takes both: encryption, and somebody who is asked for.
  @Test func otherAddresses() throws {
    func complaint(_ config: String) throws -> String {
      let file = try scratch.write(config, to: "web.yml")
      let ended = try loadwatch("export", "--listen", "0.0.0.0:0", "--web-config", file)
      #expect(ended.status == 64, "\(ended)")
      return ended.errors
    }
    let tls = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
    #expect(try complaint("basic_auth_users: {alice: \(Self.hash)}").contains("has no TLS"))
    #expect(try complaint(tls).contains("does not authenticate clients"))
    #expect(try complaint(tls + "basic: {}\nx: y").contains("line 3: x: not supported"))
    let file = try scratch.write(tls + "basic_auth_users: {alice: \(Self.hash)}", to: "web.yml")
    let ended = try loadwatch(
      "export", "--listen", "0.0.0.0:0", "--web-config", file, "--duration", "1s")
    #expect(ended.status == 0 && ended.errors.contains("serving https://0.0.0.0:"), "\(ended)")
    let broken = try scratch.write(
      "tls_server_config: {cert_file: ca.key, key_file: ca.key}", to: "broken.yml")
    let refused = try loadwatch("export", "--listen", "127.0.0.1:0", "--web-config", broken)
    #expect(refused.status == 1 && refused.complaint.contains("ca.key"), "\(refused)")
  }
}
