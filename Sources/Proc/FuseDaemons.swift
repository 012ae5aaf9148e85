import Glibc

/// The processes that have /dev/fuse open, as one look at all processes' files found them.
struct FuseDaemons: Sendable {
  /// CLOCK_MONOTONIC, ns.
  let at: UInt64
  /// By the number of the connection, which the kernel shows since 6.18 (fuse_dev_show_fdinfo()).
  private var daemons: [UInt32: Int32] = [:]
  /// Where it doesn't show it.
  private var unnumbered: [Int32] = []
  /// Whether all files of all processes were seen: else the only one that was found may not be the only one.
  private var isComplete = true

  /// How long it may take: a host may have millions of open files.
  private static let budget = Duration.milliseconds(150)

  init(failedAt time: UInt64) { (at, isComplete) = (time, false) }

  init(at time: UInt64) {
    at = time
    isComplete = geteuid() == 0
    let begin = ContinuousClock.now
    for pid in ProcessTree.all() {
      guard ContinuousClock.now - begin < Self.budget else {
        isComplete = false
        return
      }
      for connection in Self.connections(of: pid) {
        if let connection {
          daemons[connection] = daemons[connection] ?? pid
        } else if unnumbered.last != pid {
          unnumbered.append(pid)
        }
      }
    }
  }

  /// The daemon's thread that tells most; nil where it isn't known, or has closed the file since.
  func daemon(of connection: UInt32) -> Int32? {
    if let pid = daemons[connection] {
      return Self.connections(of: pid).contains(connection) ? Self.telling(threadOf: pid) : nil
    }
    guard isComplete, daemons.isEmpty, unnumbered.count == 1,
      Self.connections(of: unnumbered[0]).contains(nil)
    else { return nil }
    return Self.telling(threadOf: unnumbered[0])
  }

  /// Whether no process has that connection: where the kernel shows the numbers, and all were seen.
  func hasNone(for connection: UInt32) -> Bool {
    isComplete && !daemons.isEmpty && unnumbered.isEmpty && daemons[connection] == nil
  }

  /// Those that a process serves; nil for one of which the number isn't shown.
  private static func connections(of pid: Int32) -> [UInt32?] {
    names(in: "/proc/\(pid)/fd").filter { link("/proc/\(pid)/fd/\($0)") == "/dev/fuse" }.map {
      file in
      (try? contents(of: "/proc/\(pid)/fdinfo/\(file)"))?.lines.first {
        $0.hasPrefix("fuse_connection:")
      }?.words.last.flatMap { UInt32($0) }
    }
  }

  /// Of a daemon's threads the one that is stuck or at work, if one is.
  private static func telling(threadOf pid: Int32) -> Int32 {
    let states = names(in: "/proc/\(pid)/task").compactMap { Int32($0) }.sorted().map { tid in
      (tid, (try? contents(of: "/proc/\(pid)/task/\(tid)/stat")).flatMap(ProcessTree.state))
    }
    for state in ["D", "T", "t", "R"] {
      if let thread = states.first(where: { $0.1.map(String.init) == state }) { return thread.0 }
    }
    return pid
  }
}
