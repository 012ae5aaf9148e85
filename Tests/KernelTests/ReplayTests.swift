import CloneModel
import CloneProbes
import Glibc
import Input
import LoadModel
import LoadProbes
import Reports
import Session
import Support
import Testing

/// What entered a run, kept and fed to a fresh model, makes the same reports, field for field.
@Suite(.serialized)
struct ReplayTests {
  private func expectEqualReplay(
    seconds: Double, ringSize: Int? = nil, stacks: Bool = false, meanwhile: (Int) -> Void = { _ in }
  ) throws -> LoadSnapshot {
    var options = LoadOptions()
    options.session.interval = 500_000_000
    options.session.duration = UInt64(seconds * 1e9)
    options.raisesPriority = false
    options.keepsInput = true
    options.ringSize = ringSize
    options.stacks = stacks
    var session = try Session(options.session, LoadTracer(options))
    var live: [LoadSnapshot] = []
    _ = try session.run {
      live.append($0)
      meanwhile(live.count)
      return true
    }
    guard let kept = session.tracer.door.kept else { throw NoInput() }
    var model = LoadAnalysis()
    var replayed: [LoadSnapshot] = []
    try kept.replay(into: &model) { model in
      if let report = model.takeReport() { replayed.append(report) }
    }
    #expect(replayed.count == live.count)
    for (one, two) in zip(replayed, live) { #expect(one == two) }
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
    let total = try expectEqualReplay(seconds: 3)
    _ = load.stop()
    // An emulator has some thousand a second.
    #expect(total.switches > 1000)
  }

  @Test func manyTasks() throws {
    let load = try Load("sleepers", "5000")
    let total = try expectEqualReplay(seconds: 7, stacks: true)
    _ = load.stop()
    #expect(total.limits!.tasks > 5000)
  }

  /// Clones of each kind, with their stacks and mappings.
  @Test func clones() throws {
    let load = try Load("forkstorm", "2")
    var options = CloneOptions()
    options.session.interval = 500_000_000
    options.session.duration = 2_000_000_000
    options.raisesPriority = false
    options.keepsInput = true
    var session = try Session(options.session, CloneTracer(options))
    var live: [CloneSnapshot] = []
    _ = try session.run {
      live.append($0)
      return true
    }
    _ = load.stop()
    guard let kept = session.tracer.door.kept else { throw NoInput() }
    var model = CloneAnalysis()
    var replayed: [CloneSnapshot] = []
    try kept.replay(into: &model) { model in
      if let report = model.takeReport() { replayed.append(report) }
    }
    #expect(replayed.count == live.count)
    for (one, two) in zip(replayed, live) { #expect(one == two) }
    let total = try #require(live.last)
    #expect(total.calls.fork + total.calls.clone > 20 && total.loss.pending == 0)
  }

  @Test func withLosses() throws {
    let load = try Load("pingpong", "4")
    let total = try expectEqualReplay(seconds: 3, ringSize: 16 << 10) { _ in usleep(300_000) }
    _ = load.stop()
    #expect(total.loss.ringFull > 0)
  }
}

private struct NoInput: Error {}
