import Foundation
import Input
import LoadModel
import Recording
import Testing

/// What a recorder keeps, and when it writes: one block a second, a segment every ten.
final class RecorderTests {
  private let folder: URL
  private var events: [String] = []

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "recorder-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func recorder(
    keep: UInt64?, mostBytes: UInt64 = 1 << 30, mostFiles: Int = 10, mostKept: Int = 1 << 30
  ) -> Recorder {
    var plan = RecordingPlan(tool: "loadwatch", path: folder.appending(path: "r.rec").path)
    plan.keep = keep.map { $0 * 1_000_000_000 }
    (plan.mostBytes, plan.mostFiles) = (mostBytes, mostFiles)
    return Recorder(plan, mostKept: mostKept, from: 0) { [unowned self] event in
      switch event {
      case .began: events.append("began")
      case .ended: events.append("ended")
      case .failed(_, let reason): events.append("failed: \(reason)")
      case .removed: events.append("removed")
      case .full: events.append("full")
      }
    }
  }

  /// Feeds seconds, of which the condition holds in those.
  private func run(_ recorder: Recorder, _ seconds: ClosedRange<UInt64>, holds: (UInt64) -> Bool) {
    for second in seconds {
      // Incompressible.
      let bytes = (0..<1000).map { _ in UInt8.random(in: 0...255) }
      var input = KeptInput<LoadObservation>()
      input.append(scanned: bytes.span.bytes)
      recorder.take(
        input.bytes, beginsSegment: second % 10 == 1, until: second * 1_000_000_000)
      recorder.intervalEnded(holds: holds(second))
    }
  }

  private var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  /// When the blocks of a file end, in seconds.
  private func seconds(of name: String) throws -> [UInt64] {
    var file = try RecordingFile(folder.appending(path: name).path, tool: "loadwatch")
    var seconds: [UInt64] = []
    var isFirst = true
    while let block = file.next() {
      #expect(block.beginsSegment || !isFirst)
      isFirst = false
      seconds.append(block.to / 1_000_000_000)
    }
    #expect(file.end == .whole)
    return seconds
  }

  @Test func aTriggerHasTheTimeBefore() throws {
    let recorder = recorder(keep: 60)
    run(recorder, 1...300) { (100...120).contains($0) }
    recorder.finish()
    #expect(events == ["began", "ended"] && files.count == 1)
    let seconds = try seconds(of: files[0])
    // At least a minute, from the beginning of a segment, and thirty seconds after.
    #expect(seconds.first == 31 && seconds.last == 151)
    #expect(seconds == Array(31...151))
  }

  @Test func eachTriggerHasAFileAndTheOldestGoes() throws {
    let recorder = recorder(keep: 20, mostFiles: 2)
    run(recorder, 1...400) { [50, 150, 160, 250, 350].contains($0) }
    recorder.finish()
    // 160 falls into the thirty seconds after 150.
    #expect(
      events.filter { $0 == "began" }.count == 4 && events.filter { $0 == "removed" }.count == 2)
    #expect(files.count == 2)
    let last = try seconds(of: files[1])
    #expect(last.first == 321 && last.last == 381)
  }

  @Test func aRequestWrites() throws {
    let recorder = recorder(keep: 20)
    run(recorder, 1...50) { _ in false }
    #expect(files.isEmpty)
    recorder.writeNow()
    run(recorder, 51...60) { _ in false }
    recorder.finish()
    let seconds = try seconds(of: try #require(files.first))
    #expect(seconds.first ?? 99 <= 31 && seconds.last == 60)
  }

  /// A file ends before it is too large; the same trigger doesn't begin another.
  @Test func filesAreNoLargerThanAskedFor() throws {
    let recorder = recorder(keep: 20, mostBytes: 64 << 10)
    run(recorder, 1...300) { $0 >= 100 }
    recorder.finish()
    #expect(events == ["began", "full"])
    let size =
      try FileManager.default.attributesOfItem(
        atPath: folder.appending(path: files[0]).path)[.size] as? Int
    #expect(size! <= 64 << 10 && size! > 60 << 10)
  }

  @Test func memoryIsBounded() {
    let recorder = recorder(keep: 1_000_000, mostKept: 200_000)
    run(recorder, 1...1000) { _ in false }
    #expect(recorder.keptBytes <= 200_000 && recorder.keptBytes > 150_000)
  }

  @Test func allIsWrittenWithoutATrigger() throws {
    let recorder = recorder(keep: nil)
    try recorder.start()
    run(recorder, 1...30) { _ in false }
    #expect(recorder.keptBytes == 0)
    recorder.finish()
    #expect(try seconds(of: "r.rec") == Array(1...30))
  }
}
