import CloneModel
import Records

// Records as the kernel side writes them.

/// By default from 100 to 1100.
func clone(
  tid: UInt32 = 7, time: UInt64 = 100, ns: UInt64 = 1000, flags: UInt64 = 0, comm: String = "a",
  _ change: (inout sonde_clone) -> Void = { _ in }
) -> sonde_clone {
  var record = sonde_clone()
  record.header.kind = UInt8(SONDE_KIND_CLONE.rawValue)
  record.header.tid = tid
  record.header.time = time + ns
  record.tgid = tid
  record.begin = time
  record.ns = ns
  record.flags = flags
  unsafe withUnsafeMutableBytes(of: &record.comm) { bytes in
    for (index, byte) in comm.utf8.prefix(15).enumerated() { unsafe bytes[index] = byte }
  }
  change(&record)
  return record
}

/// Returns how many bytes that are.
func fill<Frames>(_ room: inout Frames, _ frames: [UInt64]) -> UInt16 {
  unsafe withUnsafeMutableBytes(of: &room) { bytes in
    for (index, frame) in frames.enumerated() {
      unsafe bytes.storeBytes(of: frame, toByteOffset: 8 * index, as: UInt64.self)
    }
  }
  return UInt16(frames.count * 8)
}

func stack(
  tid: UInt32, at time: UInt64 = 100, _ frames: [UInt64]
) -> sonde_stack {
  var record = sonde_stack()
  record.header.kind = UInt8(SONDE_KIND_STACK.rawValue)
  record.header.tid = tid
  record.header.time = time
  record.header.aux = fill(&record.frames, frames)
  return record
}

func feed<Record: BitwiseCopyable>(_ record: Record, to tracker: inout CloneTracker) {
  let bytes = unsafe withUnsafeBytes(of: record) { unsafe Array($0) }
  unsafe tracker.consume(bytes.span.bytes)
}

/// What became of the child of a clone that began then.
func child(
  _ event: sonde_child_event, _ id: UInt32, of begin: UInt64, tgid: UInt32 = 7, at time: UInt64,
  written: UInt64 = 0, hasExeced: Bool = false
) -> sonde_child {
  var record = sonde_child()
  record.header.kind = UInt8(SONDE_KIND_CHILD.rawValue)
  record.header.tid = id
  record.header.time = time
  record.header.aux = UInt16(event.rawValue)
  record.header.flags = hasExeced ? UInt8(SONDE_CHILD_EXECED) : 0
  record.begin = begin
  record.ns = time >= begin ? time - begin : 0
  record.written = written
  record.tgid = tgid
  return record
}
