import CLibbpf
import Synchronization

/// libbpf's log, collected instead of printed, so that an error can carry what led to it.
enum Log {
  private static let lines = Mutex<[String]>([])

  private static let installed: Void = {
    unsafe sonde_set_log_sink { _, line in
      guard let line = unsafe line else { return }
      let text = unsafe String(cString: line)
      Log.lines.withLock { $0.append(text) }
    }
  }()

  /// Collects from here on; returns what was collected since the last call.
  @discardableResult
  static func take() -> String {
    _ = installed
    return lines.withLock { lines in
      defer { lines.removeAll() }
      return lines.joined()
    }
  }

  /// The line that tells why the verifier refused: the last before its summary.
  ///
  /// Where there is none, the last line with an error in it.
  static func cause(in log: String) -> String? {
    let lines = log.split(separator: "\n").map(String.init)
    if let end = lines.lastIndex(where: { $0.hasPrefix("processed ") }), end > 0 {
      return lines[end - 1]
    }
    guard let line = lines.last(where: { $0.hasPrefix("libbpf: ") }) else { return nil }
    return String(line.dropFirst("libbpf: ".count))
  }
}
