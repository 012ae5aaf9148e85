import CLinux
import CServing
import FoundationEssentials
import Glibc
import Synchronization

/// Admits the clients that a ``WebConfig`` allows. Rereads its files when they change: certificates
/// are renewed while programs run.
public final class WebAccess: Sendable {
  private let state: Mutex<State>
  private let path: String
  private let complain: @Sendable (String) -> Void

  private struct State {
    var config: WebConfig
    var context: TLSContext?
    var stamps: [String]
    var lookedAt: UInt64 = 0
    /// Of names and passwords that were right: to hash one takes a tenth of a second.
    var known: Set<[UInt8]> = []
    /// How many were hashed since then.
    var hashes = 0
    var hashesSince: UInt64 = 0
    /// What is wrong with the files as they are.
    var complaint = ""
  }

  /// How long to trust the last look at the files, ns.
  private static let patience: UInt64 = 1_000_000_000
  private static let mostKnown = 256
  /// A second.
  private static let mostHashes = 4

  public let encrypts: Bool
  private let authenticates: Bool

  /// - Parameter complain: gets what is wrong with changed files; the previous settings stay in use
  ///   until they change again.
  /// - Throws: `WebConfigError`.
  public init(
    path: String, complain: @escaping @Sendable (String) -> Void
  ) throws(WebConfigError) {
    let (config, context, stamps) = try Self.load(path)
    self.path = path
    self.complain = complain
    (encrypts, authenticates) = (config.encrypts, config.authenticates)
    state = Mutex(State(config: config, context: context, stamps: stamps))
  }

  /// - Returns: with the files' stamps from before they were read.
  private static func load(
    _ path: String
  ) throws(WebConfigError) -> (WebConfig, TLSContext?, [String]) {
    let stamp = stamp(path)
    let config = try WebConfig(path: path)
    let stamps = [stamp] + stamps(config).dropFirst()
    guard let tls = config.tls else { return (config, nil, stamps) }
    do {
      return (config, try TLSContext(tls), stamps)
    } catch {
      throw WebConfigError(path, error.reason)
    }
  }

  // MARK: - Changes

  private static func stamps(_ config: WebConfig) -> [String] {
    let files =
      [config.path] + (config.tls.map { [$0.certFile, $0.keyFile, $0.clientCAFile ?? ""] } ?? [])
    return files.map(stamp)
  }

  private static func stamp(_ file: String) -> String {
    var status = stat()
    guard unsafe stat(file, &status) == 0 else { return "" }
    return "\(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }

  private func follow(_ state: inout State, at now: UInt64) {
    guard now &- state.lookedAt >= Self.patience else { return }
    state.lookedAt = now
    let stamps = Self.stamps(state.config)
    guard stamps != state.stamps else {
      state.complaint = ""
      return
    }
    do {
      let (config, context, stamps) = try Self.load(path)
      guard config.encrypts == encrypts, config.authenticates || !authenticates else {
        throw WebConfigError(
          path, "TLS can't be turned on or off, or authentication off, without a restart")
      }
      if config.users != state.config.users { state.known = [] }
      (state.config, state.context) = (config, context)
      (state.stamps, state.complaint) = (stamps, "")
    } catch {
      // It is tried again: the files that it names may be yet to come.
      if state.complaint != "\(error)" {
        complain("\(error); keeping the previous settings")
      }
      state.complaint = "\(error)"
    }
  }

  // MARK: - Connections

  /// Of a connection that was accepted: its encryption; nil where it can't have any.
  ///
  /// - Parameter now: CLOCK_MONOTONIC, ns.
  func encryption(of descriptor: Int32, at now: UInt64) -> TLSConnection? {
    state.withLock { state in
      follow(&state, at: now)
      return state.context?.accept(descriptor)
    }
  }

  /// What a request is refused with; nil where it may be answered.
  func refusal(of request: HTTPRequest, at now: UInt64) -> HTTPResponse? {
    state.withLock { state in
      follow(&state, at: now)
      if state.config.users.isEmpty { return nil }
      guard let (name, password) = Self.credentials(request.headers["authorization"] ?? "") else {
        return .unauthorized
      }
      // For a name that nobody has, as long as for any other.
      let (hash, isKnown) =
        state.config.users[name].map { ($0, true) }
        ?? (state.config.users.values.first ?? "", false)
      let digest = Self.digest("\(name)\n\(hash)\n\(password)")
      if state.known.contains(digest) { return nil }
      if now &- state.hashesSince >= Self.patience {
        (state.hashesSince, state.hashes) = (now, 0)
      }
      state.hashes += 1
      guard state.hashes <= Self.mostHashes else {
        return HTTPResponse(503, text: "too many passwords tried; retry in a second")
      }
      guard unsafe sonde_password_matches(password, hash), isKnown else {
        return .unauthorized
      }
      if state.known.count >= Self.mostKnown { state.known = [] }
      state.known.insert(digest)
      return nil
    }
  }

  /// Of the basic scheme (RFC 7617).
  private static func credentials(_ header: String) -> (name: String, password: String)? {
    let words = header.split(separator: " ")
    guard words.count == 2, words[0].lowercased() == "basic",
      let bytes = Data(base64Encoded: String(words[1])),
      let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0),
      let colon = text.firstIndex(of: ":")
    else { return nil }
    return (String(text[..<colon]), String(text[text.index(after: colon)...]))
  }

  private static func digest(_ text: String) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let bytes = Array(text.utf8)
    unsafe sonde_sha256(bytes, bytes.count, &digest)
    return digest
  }
}
