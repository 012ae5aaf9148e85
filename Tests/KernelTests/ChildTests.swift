import CloneModel
import CloneProbes
import Reports
import Session
import Support
import Tasks
import Testing

/// What becomes of the children, as far as the kernel side has room for them.
@Suite(.serialized)
struct ChildTests {
  /// Those beyond are clones like the others; only what becomes of them isn't known.
  @Test func moreThanThereIsRoomFor() throws {
    var options = CloneOptions()
    options.session.interval = 500_000_000
    options.session.duration = Need.inLab ? 8_000_000_000 : 3_000_000_000
    options.filter.comms = [Comm("testload")]
    options.probeOptions.mostChildren = 4
    options.raisesPriority = false
    var session = try Session(options.session, CloneTracer(options))
    var load: Load?
    var last: CloneSnapshot?
    _ = try session.run {
      if load == nil { load = try? Load("serves", "10") }
      last = $0
      return true
    }
    let total = try #require(last)
    #expect(load?.stop().last?.hasPrefix("serves 10 ") == true)
    let fates = try #require(total.childFates)
    #expect(total.calls.processes == 10 && total.loss.lost == 0)
    // Others on this machine may take some of the four.
    #expect(fates.born == 10 && fates.unfollowed >= 6 && fates.living == 10 - fates.unfollowed)
    #expect(total.children?.first?.atATime == fates.living)
  }

  /// At the end of a run as it is, whatever ran before: nothing is left over of one that was followed.
  @Test func roomIsMadeByEnds() throws {
    var options = CloneOptions()
    options.session.interval = 500_000_000
    options.session.duration = Need.inLab ? 10_000_000_000 : 3_000_000_000
    options.filter.comms = [Comm("testload")]
    options.probeOptions.mostChildren = 4
    options.raisesPriority = false
    var session = try Session(options.session, CloneTracer(options))
    var load: Load?
    var last: CloneSnapshot?
    _ = try session.run {
      if load == nil { load = try? Load("execs", "10000") }
      last = $0
      return true
    }
    _ = load?.stop()
    let fates = try #require(last?.childFates)
    #expect(fates.born > 4 && fates.unfollowed == 0 && fates.execAfter.count + 1 >= fates.born)
  }
}

extension CallsPart {
  fileprivate var processes: UInt64 { fork + vfork + clone + clone3 }
}
