import Foundation
import Input
import LoadModel
import LoadProbes
import Reports
import Session
import CaptureFormat

// capture SECONDS FILE     keeps what enters a run of loadwatch, and its final report
// capture --again FILE...  replaces the report by that of today's model
//
// FILE, once uncompressed: the length of the input in eight bytes, little-endian; the input; the report
// as JSON.

func write(_ input: [UInt8], _ report: LoadSnapshot, to path: String) throws {
  var bytes = (0..<8).map { UInt8(truncatingIfNeeded: input.count >> (8 * $0)) }
  bytes += input
  bytes += try SnapshotJSON.line(report)
  try Compression.compressed(bytes).write(to: URL(filePath: path))
}

func keep(seconds: UInt64, in path: String) throws {
  var options = LoadOptions()
  options.session.interval = 5_000_000_000
  options.session.duration = seconds * 1_000_000_000
  options.keepsInput = true
  var session = try Session(options.session, LoadTracer(options))
  var last: LoadSnapshot?
  _ = try session.run {
    last = $0
    return true
  }
  guard let last, let kept = session.tracer.door.kept else { return }
  try write(kept.bytes, last, to: path)
}

func replayAgain(_ path: String) throws {
  let capture = try Captured(path)
  guard let report = try capture.replayed().last else { return }
  try write(capture.input.bytes, report, to: path)
}

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "--again" {
  for path in arguments.dropFirst() { try replayAgain(path) }
} else if arguments.count == 2, let seconds = UInt64(arguments.first!) {
  try keep(seconds: seconds, in: arguments.last!)
} else {
  FileHandle.standardError.write(Data("usage: capture SECONDS FILE | --again FILE...\n".utf8))
  exit(64)
}
