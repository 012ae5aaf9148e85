import CLibbpf
import Glibc

/// libbpf's log, collected instead of printed, so that an error can carry what led to it.
enum Log {
  /// Makes a call of libbpf.
  ///
  /// - Returns: the call's result, `errno` after it, and what libbpf and the verifier logged on this
  ///   thread during it. libbpf stops at the first program that is refused: of a load, the log holds
  ///   that program's verifier log and no other's.
  ///
  /// Not `bpf_program__set_log_buf()`: its buffers are of a fixed size, and before Linux 6.4 a log
  /// that doesn't fit makes the load fail with ENOSPC ("bpf: Switch BPF verifier log to be a rotating
  /// log by default"). libbpf's own grows.
  static func collect<Result>(
    _ call: () -> Result
  ) -> (result: Result, code: Int32, text: String) {
    sonde_log_begin()
    let result = call()
    let code = errno
    guard let log = unsafe sonde_log_end() else { return (result, code, "") }
    defer { unsafe free(log) }
    return (result, code, unsafe String(cString: log))
  }

  /// The line that says why the verifier refused: the last before its summary.
  ///
  /// Where there is none, libbpf's first complaint; those after it come of it. Not those that only
  /// repeat the error number, or that a second try followed.
  static func cause(in log: String) -> String? {
    let lines = log.split(separator: "\n")
    if let end = lines.lastIndex(where: { $0.hasPrefix("processed ") }), end > 0 {
      return lines[end - 1].description
    }
    return lines.lazy.filter { $0.hasPrefix("libbpf: ") }.map { $0.dropFirst("libbpf: ".count) }
      .first { line in !repetitions.contains { line.hasPrefix($0) } }
      .map(String.init)
  }

  private static let repetitions = [
    "failed to load object", "Failed to bump RLIMIT_MEMLOCK",
    "Error in bpf_object__probe_loading", "Error in bpf_create_map",
  ]
}
