import Records

/// What became of a process that a clone made.
package struct ChildEvent: Sendable {
  package enum Kind: Sendable {
    /// Its first exec has succeeded.
    case exec
    /// Its last thread has ended.
    ///
    /// - Parameter written: bytes, by write calls; nil where the kernel doesn't count them.
    case exit(hasExeced: Bool, written: UInt64?)
  }

  package var kind: Kind
  /// The child, and its parent's process, by their ids in the initial PID namespace.
  package var child: UInt32
  package var tgid: UInt32
  /// When the clone that made it began, CLOCK_MONOTONIC.
  package var begin: UInt64
  /// When that was.
  package var time: UInt64
  /// How old the child was, ns.
  package var ns: UInt64

  /// Nil for what no kernel says.
  ///
  /// - Precondition: the record is a `sonde_child`.
  package init?(_ bytes: RawSpan) {
    let record = unsafe bytes.unsafeLoad(as: sonde_child.self)
    guard record.begin <= record.header.time, record.ns <= record.header.time - record.begin else {
      return nil
    }
    switch UInt32(record.header.aux) {
    case SONDE_CHILD_EXEC.rawValue: kind = .exec
    case SONDE_CHILD_EXIT.rawValue:
      kind = .exit(
        hasExeced: UInt32(record.header.flags) & UInt32(SONDE_CHILD_EXECED) != 0,
        written: record.written == .max ? nil : record.written)
    default: return nil
    }
    (child, tgid, begin, ns) = (record.header.tid, record.tgid, record.begin, record.ns)
    time = record.header.time
  }
}
