import CloneModel
import CloneProbes
import Foundation
import Reports
import Session
import Support
import Tasks
import Testing

/// What becomes of the children, as far as the kernel side has room for them: for those of all processes.
@Suite(.serialized)
struct ChildTests {
  /// A run of which a load of children is a part, by a program of a name that no other has.
  private func run(
    _ load: String, _ count: String, mostChildren: Int
  ) throws -> CloneSnapshot {
    let program = FileManager.default.temporaryDirectory.appending(path: "sonde-children")
    try? FileManager.default.removeItem(at: program)
    try FileManager.default.copyItem(at: Binaries.url("testload"), to: program)
    defer { try? FileManager.default.removeItem(at: program) }
    var options = CloneOptions()
    options.session.interval = 500_000_000
    options.session.duration = Need.inLab ? 10_000_000_000 : 3_000_000_000
    options.filter.comms = [Comm("sonde-children")]
    options.probeOptions.mostChildren = mostChildren
    options.raisesPriority = false
    var session = try Session(options.session, CloneTracer(options))
    var started: Load?
    var last: CloneSnapshot?
    _ = try session.run {
      if started == nil { started = try? Load(load, count, program: program) }
      last = $0
      return true
    }
    #expect(started?.stop().last?.hasPrefix(load) == true)
    return try #require(last)
  }

  /// Those beyond are clones like the others; only what becomes of them isn't known.
  @Test func moreThanThereIsRoomFor() throws {
    let total = try run("serves", "10", mostChildren: 4)
    let fates = try #require(total.childFates)
    #expect(total.calls.fork + total.calls.clone == 10 && total.loss.lost == 0)
    // Others on this machine may take some of the four.
    #expect(fates.born == 10 && fates.unfollowed >= 6 && fates.living == 10 - fates.unfollowed)
    #expect(total.children?.first?.atATime == fates.living)
  }

  /// Many times as many as there is room for at a time.
  @Test func roomIsMadeByEnds() throws {
    let fates = try #require(try run("execs", "10000", mostChildren: 16).childFates)
    #expect(fates.born > 16 && fates.unfollowed == 0 && fates.execAfter.count + 1 >= fates.born)
  }
}
