import CServing

/// TLS over a socket: an `SSL`. Whoever has it closes it once.
@safe struct TLSConnection {
  private let ssl: UnsafeMutableRawPointer

  @unsafe init(_ ssl: UnsafeMutableRawPointer) { unsafe self.ssl = ssl }

  /// How many bytes, or a `sonde_tls_result`.
  func read(into buffer: inout [UInt8]) -> Int {
    unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe Int(sonde_tls_read(ssl, bytes.baseAddress, Int32(clamping: bytes.count)))
    }
  }

  /// Whether there is more to read, though nothing more comes.
  var hasMore: Bool { unsafe sonde_tls_has_more(ssl) }

  func write(_ output: ArraySlice<UInt8>) -> Int {
    unsafe output.withUnsafeBytes { bytes in
      unsafe Int(sonde_tls_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count)))
    }
  }

  func close() { unsafe sonde_tls_free(ssl) }
}

/// What connections have in common: an `SSL_CTX`, which they hold by themselves.
@safe final class TLSContext: @unchecked Sendable {
  private let pointer: UnsafeMutableRawPointer

  deinit { unsafe sonde_tls_context_free(pointer) }

  /// Of a server.
  ///
  /// - Throws: why not.
  init(_ tls: WebConfig.TLS) throws(TLSError) {
    var reason = [CChar](repeating: 0, count: 256)
    let context = unsafe tls.certFile.withCString { cert in
      unsafe tls.keyFile.withCString { key in
        func make(_ authority: UnsafePointer<CChar>?) -> UnsafeMutableRawPointer? {
          var settings = unsafe sonde_tls_settings(
            cert_file: cert, key_file: key, client_ca_file: authority,
            client_auth: tls.clientAuth, min_version: tls.minVersion, max_version: tls.maxVersion)
          return unsafe sonde_tls_server(&settings, &reason, reason.count)
        }
        guard let authority = tls.clientCAFile else { return unsafe make(nil) }
        return unsafe authority.withCString { unsafe make($0) }
      }
    }
    guard let context = unsafe context else { throw TLSError(reason) }
    unsafe pointer = context
  }

  /// Of a client that trusts the system's authorities.
  init() throws(TLSError) {
    var reason = [CChar](repeating: 0, count: 256)
    guard let context = unsafe sonde_tls_client(&reason, reason.count) else {
      throw TLSError(reason)
    }
    unsafe pointer = context
  }

  /// The server's side of a connection that was accepted; nil where there is no memory.
  func accept(_ descriptor: Int32) -> TLSConnection? {
    guard let ssl = unsafe sonde_tls_accept(pointer, descriptor) else { return nil }
    return unsafe TLSConnection(ssl)
  }

  /// The client's, with the handshake.
  func connect(_ descriptor: Int32, to host: String) throws(TLSError) -> TLSConnection {
    var reason = [CChar](repeating: 0, count: 256)
    guard
      let ssl = unsafe sonde_tls_connect(pointer, descriptor, host, &reason, reason.count)
    else { throw TLSError(reason) }
    return unsafe TLSConnection(ssl)
  }
}

/// Why there is no TLS.
struct TLSError: Error {
  let reason: String

  init(_ text: [CChar]) { reason = String(text) }
}

extension String {
  /// Of C, up to the NUL.
  init(_ text: [CChar]) {
    self.init(
      decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
