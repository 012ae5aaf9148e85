import CloneModel
import CloneProbes
import Foundation
import Glibc
import Input
import LoadModel
import LoadProbes
import Recording
import Reports
import Session
import Support
import Testing

/// What entered a run, recorded in a file and fed to a fresh model, makes the same reports, field for
/// field.
@Suite(.serialized)
struct ReplayTests {
  /// The reports of a run, and those of its recording.
  private func recorded<M: ReplayModel & ~Copyable, T: Tracer & ~Copyable>(
    _ tool: String, _ options: SessionOptions, _ model: consuming M,
    _ tracer: (any InputRecorder) throws -> T, meanwhile: (Int) -> Void = { _ in }
  ) throws -> [M.Report] where M.Report == T.Report, M.Report: Equatable {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "\(tool).rec").path
    let recorder = Recorder(
      RecordingPlan(tool: tool, path: path), mostKept: 0, from: Clocks.wall
    ) { event in
      if case .failed(_, let reason) = event { Issue.record("\(reason)") }
    }
    try recorder.start()
    var session = try Session(options, tracer(recorder))
    var live: [M.Report] = []
    _ = try session.run {
      live.append($0)
      meanwhile(live.count)
      return true
    }
    recorder.finish()
    var model = model
    let replayed = try Self.replayed(path, tool, &model)
    #expect(replayed.count == live.count)
    for (one, two) in zip(replayed, live) { #expect(one == two) }
    return live
  }

  private static func replayed<M: ReplayModel & ~Copyable>(
    _ path: String, _ tool: String, _ model: inout M
  ) throws -> [M.Report] {
    var file = try RecordingFile(path, tool: tool)
    var reports: [M.Report] = []
    var begins = true
    while let block = file.next() {
      try KeptInput<M.Observation>(bytes: block.entries).replay(into: &model, begins: begins) {
        model in
        while let report = model.takeReport() { reports.append(report) }
      }
      begins = false
    }
    #expect(file.end == .whole && model.fault == nil && model.isOver)
    return reports
  }

  private func expectEqualReplay(
    seconds: Double, ringSize: Int? = nil, stacks: Bool = false,
    by: [Grouping] = [.process, .site], meanwhile: (Int) -> Void = { _ in }
  ) throws -> LoadSnapshot {
    var options = LoadOptions()
    options.session.interval = 500_000_000
    options.session.duration = UInt64(seconds * 1e9)
    options.raisesPriority = false
    options.ringSize = ringSize
    options.stacks = stacks
    options.by = by
    let live = try recorded(
      "loadwatch", options.session, LoadReplay(LoadReplay.Options()),
      { try LoadTracer(options, recorder: $0) }, meanwhile: meanwhile)
    return try #require(live.last)
  }

  /// With two load samples in it.
  @Test func idle() throws {
    let total = try expectEqualReplay(seconds: Need.inLab ? 12 : 16)
    #expect(total.load.samples?.isEmpty == false)
    #expect(total.verdict?.isEmpty == false)
  }

  @Test func manySwitches() throws {
    let load = try Load("pingpong", "4")
    let total = try expectEqualReplay(seconds: 3, by: [.container, .unit])
    _ = load.stop()
    #expect(total.cpuWaits?.contains { $0.place?.container != nil } == true)
    // An emulator has some thousand a second.
    #expect(total.switches > 1000)
  }

  @Test func manyTasks() throws {
    let load = try Load("sleepers", "5000")
    let total = try expectEqualReplay(seconds: 7, stacks: true)
    _ = load.stop()
    #expect(total.limits!.tasks > 5000)
  }

  /// Clones of each kind, with their stacks and mappings, and what became of the children.
  @Test func clones() throws {
    let load = try Load("forkstorm", "2")
    let others = try [Load("execs", "10000"), Load("saves", "10000", "64")]
    var options = CloneOptions()
    options.session.interval = 500_000_000
    options.session.duration = 2_000_000_000
    options.raisesPriority = false
    let live = try recorded(
      "cloneprof", options.session, CloneReplay(CloneReplay.Options()),
      { try CloneTracer(options, recorder: $0) })
    _ = load.stop()
    let total = try #require(live.last)
    #expect(total.calls.fork + total.calls.clone > 20 && total.loss.pending == 0)
    for other in others { _ = other.stop() }
    let fates = try #require(total.childFates)
    #expect(fates.execAfter.count > 0 && fates.lived.count > 0 && fates.writtenBytes ?? 0 > 0)
    #expect(total.children?.isEmpty == false)
  }

  @Test func withLosses() throws {
    let load = try Load("pingpong", "4")
    let total = try expectEqualReplay(seconds: 3, ringSize: 16 << 10) { _ in usleep(300_000) }
    _ = load.stop()
    #expect(total.loss.ringFull > 0)
  }
}
