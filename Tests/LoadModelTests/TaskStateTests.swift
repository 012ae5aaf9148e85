import Histograms
import LoadModel
import Testing

/// What a state word means for the load average (bcc, xcapture and systing each get some wrong).
struct TaskStateTests {
  @Test(arguments: SleepState.all) func sleep(state: SleepState) {
    let expected: Sleep =
      switch state.kind {
      case .uninterruptible: .uninterruptible
      case .interruptible: .interruptible
      case .neither: .other
      }
    #expect(Sleep(bits: state.bits) == expected, "\(state.name)")
    #expect(!Sleep.isDead(state.bits))
  }

  /// By the kernel's macro, for every word there can be.
  @Test func everyWord() {
    for bits in 0...UInt16.max {
      let contributes = bits & 0x2 != 0 && bits & 0x400 == 0 && bits & 0x8000 == 0
      #expect((Sleep(bits: bits) == .uninterruptible) == contributes)
      #expect(Sleep.isDead(bits) == (bits & 0x80 != 0))
    }
  }

  /// The same through the tracker: who is in D, how long it was, who is runnable.
  @Test(arguments: SleepState.all) func inTheFigures(state: SleepState) {
    var script = Script()
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 20, from: 7, state.bits)
    let asleep = script.close(at: 50)
    #expect(asleep.runnable.now == 0 && asleep.runnable.total == 10)
    #expect(asleep.uninterruptible.now == (state.kind == .uninterruptible ? 1 : 0))
    #expect(asleep.uninterruptible.total == (state.kind == .uninterruptible ? 30 : 0))
    #expect((asleep.longest?.tid == 7) == (state.kind == .uninterruptible))
    // Woken at 60, after 40.
    script.switched(at: 65, to: Script.next(7, pcount: 2, runDelay: 5))
    let awake = script.close(at: 70)
    #expect(awake.uninterruptible.now == 0 && awake.runnable.now == 1)
    #expect(awake.runnable.total == 10)
    #expect(awake.uninterruptible.total == (state.kind == .uninterruptible ? 10 : 0))
    let inD = awake.blockedUninterruptible
    let inS = awake.blockedInterruptible
    #expect(inD.count == (state.kind == .uninterruptible ? 1 : 0))
    #expect(inS.count == (state.kind == .interruptible ? 1 : 0))
    #expect(inD.sum + inS.sum == (state.kind == .neither ? 0 : 40))
  }
}
