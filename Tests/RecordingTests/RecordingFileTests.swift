import CaptureFormat
import Foundation
import Input
import LoadModel
import Recording
import Reports
import Support
import Testing

/// Files of recordings: what was written is read, whole or up to where it is damaged.
final class RecordingFileTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "recordings-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func path(_ name: String) -> String { folder.appending(path: name).path }

  /// A recording of a real run's input, in blocks of some of its entries each.
  private func recording(_ name: String) throws -> (path: String, blocks: [[UInt8]], Captured) {
    let capture = try Captured(Captures.path(name))
    let blocks = try Self.blocks(of: capture.input.bytes, size: 8 << 10)
    let path = path("whole.rec")
    let recorder = Recorder(
      RecordingPlan(tool: "loadwatch", path: path), mostKept: 0, from: 1_000_000_000
    ) { event in
      if case .failed(_, let reason) = event { Issue.record("\(reason)") }
    }
    try recorder.start()
    for (index, block) in blocks.enumerated() {
      recorder.take(block, beginsSegment: index == 0, until: UInt64(index + 2) * 1_000_000_000)
    }
    recorder.finish()
    return (path, blocks, capture)
  }

  private static func blocks(of bytes: [UInt8], size: Int) throws -> [[UInt8]] {
    var blocks: [[UInt8]] = [[]]
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset + 4..<offset + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
      let end = (offset + 8 + count + 7) & ~7
      if blocks[blocks.count - 1].count >= size { blocks.append([]) }
      blocks[blocks.count - 1] += bytes[offset..<min(end, bytes.count)]
      offset = end
    }
    return blocks
  }

  private func read(_ path: String) throws -> (blocks: [[UInt8]], end: RecordingFile.End) {
    var file = try RecordingFile(path, tool: "loadwatch")
    var blocks: [[UInt8]] = []
    while let block = file.next() { blocks.append(block.entries) }
    return (blocks, file.end)
  }

  @Test func whatWasWrittenIsRead() throws {
    let (path, blocks, capture) = try recording("6.12-pinned")
    #expect(blocks.count > 20)
    let (found, end) = try read(path)
    #expect(found == blocks && end == .whole)
    var replay = LoadReplay(LoadReplay.Options())
    var last: LoadSnapshot?
    for (index, entries) in found.enumerated() {
      try KeptInput<LoadObservation>(bytes: entries).replay(into: &replay, begins: index == 0) {
        last = $0.takeReport() ?? last
      }
    }
    #expect(replay.isOver && last == capture.report)
  }

  /// Wherever a file is cut, the whole blocks before are read, and nothing else.
  @Test func cutAnywhere() throws {
    let (path, blocks, _) = try recording("6.12-pinned")
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    var random = SplitMix64(seed: 3)
    let cut = self.path("cut.rec")
    for _ in 0..<1000 {
      let count = Int.random(in: 0..<bytes.count, using: &random)
      try Data(bytes[..<count]).write(to: URL(filePath: cut))
      guard count >= 16 else {
        #expect(throws: RecordingError.self) { try self.read(cut) }
        continue
      }
      let (found, end) = try read(cut)
      #expect(found.count < blocks.count || end != .whole)
      #expect(end != .whole && found == Array(blocks.prefix(found.count)))
      // What is missing of the block that follows is no more than a block.
      #expect(found.count == wholeBlocks(bytes, upTo: count))
    }
  }

  /// How many blocks end at or before a place, by their heads.
  private func wholeBlocks(_ bytes: [UInt8], upTo end: Int) -> Int {
    var (offset, blocks) = (16, 0)
    while offset + 48 <= end {
      let stored = bytes[offset + 12..<offset + 16].reversed().reduce(0) { $0 << 8 | Int($1) }
      offset += 48 + stored
      if offset > end { break }
      blocks += 1
    }
    return blocks
  }

  /// A byte that has changed ends the reading before its block.
  @Test func changedAnywhere() throws {
    let (path, blocks, _) = try recording("6.1-idle")
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    var random = SplitMix64(seed: 5)
    let changed = self.path("changed.rec")
    for _ in 0..<500 {
      let place = Int.random(in: 16..<bytes.count, using: &random)
      var new = bytes
      new[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try Data(new).write(to: URL(filePath: changed))
      let (found, end) = try read(changed)
      #expect(found == Array(blocks.prefix(found.count)))
      #expect(end != .whole && found.count <= wholeBlocks(bytes, upTo: place))
    }
  }

  @Test func otherFilesAreRefused() throws {
    let (path, _, _) = try recording("6.1-idle")
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    func error(_ name: String, _ bytes: [UInt8], tool: String = "loadwatch") throws -> String {
      try Data(bytes).write(to: URL(filePath: self.path(name)))
      let error = #expect(throws: RecordingError.self) {
        _ = try RecordingFile(self.path(name), tool: tool)
      }
      return error?.description ?? ""
    }
    #expect(try error("a", []).hasSuffix("is empty"))
    #expect(try error("b", Array("{}\n".utf8)).hasSuffix("is not a recording"))
    #expect(try error("c", bytes, tool: "cloneprof").contains("was recorded by loadwatch"))
    bytes[8] = 2
    #expect(try error("d", bytes).contains("version 2"))
    let directory = #expect(throws: RecordingError.self) {
      _ = try RecordingFile(self.folder.path, tool: "loadwatch")
    }
    #expect(directory?.description.contains("is a directory") == true)
  }
}
