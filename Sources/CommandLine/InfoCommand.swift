public import ArgumentParser
import Faces
import FoundationEssentials
import Input
import Recording
import Reports

/// `info`: what is in a recording.
public struct InfoCommand<T: Tool>: ParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: "info", abstract: "Show what is in a recording.")
  }

  @Argument(help: "A file that `record` wrote.")
  var file: String

  public init() {}

  public func run() throws {
    try reporting(tool: T.name) { try printOut(try text()) }
  }

  private func text() throws -> String {
    var recording = try RecordingFile(file, tool: T.name)
    var (blocks, segments, records, raw) = (0, 0, 0, 0)
    var (start, end): (UInt64?, UInt64) = (nil, 0)
    while let block = recording.next() {
      blocks += 1
      segments += block.beginsSegment ? 1 : 0
      raw += block.entries.count
      start = start ?? block.from
      end = block.to
      do {
        records += try Entry.count(.record, in: block.entries)
      } catch {
        throw Failure("\(file): \(error)")
      }
    }
    guard let start else { throw Failure("\(file): contains no complete block") }
    let state =
      switch recording.end {
      case .whole: "complete"
      case .open: "no end marker: truncated or still being written"
      case .damaged(let at): "damaged or truncated at byte \(at)"
      }
    let perRecord = records == 0 ? 0 : Double(recording.size) / Double(records)
    return """
      \(escaped(file)): a recording of \(T.name)
        from      \(timestamp(start))
        to        \(timestamp(end)) (\(durationText(ns: end - start)))
        events    \(countText(UInt64(records)))
        size      \(bytesText(UInt64(recording.size))), \(bytesText(UInt64(raw))) uncompressed; \
      \((perRecord * 10).rounded() / 10) bytes per event
        segments  \(segments), in \(blocks) blocks
        state     \(state)

      """
  }

  private func timestamp(_ wall: UInt64) -> String {
    SnapshotJSON.timestamp(Date(timeIntervalSince1970: Double(wall) / 1e9))
  }
}
