import Histograms
import LoadModel
import Records
import Support
import Testing

/// In which interval a loss is.
struct LossLedgerTests {
  /// The next interval.
  private static func expect(
    _ ledger: inout LossLedger, lossy: Bool, at place: SourceLocation = #_sourceLocation
  ) {
    let isLossy = ledger.close()
    #expect(isLossy == lossy, sourceLocation: place)
  }

  /// The records from before the loss are still in the ring.
  @Test func notBeforeTheGap() {
    var ledger = LossLedger(cpus: 2)
    ledger.note(cpu: 1, placed: 100, ringFull: 0)
    ledger.note(cpu: 1, placed: 200, ringFull: 50)
    ledger.book(cpu: 1, taken: 150, gaps: 0)
    #expect(ledger.ringFull == 0)
    Self.expect(&ledger, lossy: false)
    ledger.book(cpu: 1, taken: 200, gaps: 0)
    #expect(ledger.ringFull == 50)
    Self.expect(&ledger, lossy: true)
  }

  /// As long as nothing comes after a loss, intervals are as the records before it have left them.
  @Test func untilTheNextRecord() {
    var ledger = LossLedger(cpus: 1)
    ledger.note(cpu: 0, placed: 10, ringFull: 5)
    ledger.book(cpu: 0, taken: 10, gaps: 0)
    Self.expect(&ledger, lossy: true)
    ledger.note(cpu: 0, placed: 10, ringFull: 5)
    ledger.book(cpu: 0, taken: 10, gaps: 0)
    Self.expect(&ledger, lossy: true)
    ledger.book(cpu: 0, taken: 11, gaps: 1)
    Self.expect(&ledger, lossy: true)
    ledger.book(cpu: 0, taken: 12, gaps: 1)
    Self.expect(&ledger, lossy: false)
    #expect(ledger.ringFull == 5)
  }

  /// The ring had room again before the reading: the gap itself shows where the loss is.
  @Test func atTheGap() {
    var ledger = LossLedger(cpus: 1)
    ledger.note(cpu: 0, placed: 100, ringFull: 0)
    ledger.note(cpu: 0, placed: 200, ringFull: 50)
    // One from before the loss, of a switch that was never traced.
    ledger.book(cpu: 0, taken: 100, gaps: 1)
    #expect(ledger.ringFull == 0)
    ledger.book(cpu: 0, taken: 120, gaps: 2)
    #expect(ledger.ringFull == 50)
    Self.expect(&ledger, lossy: true)
    ledger.book(cpu: 0, taken: 200, gaps: 2)
    Self.expect(&ledger, lossy: false)
  }

  @Test func withoutARing() {
    var ledger = LossLedger(cpus: 1)
    ledger.note(noRing: 3)
    Self.expect(&ledger, lossy: true)
    ledger.note(noRing: 3)
    Self.expect(&ledger, lossy: false)
  }

  /// A ring that is filled and drained at random: what is booked are losses that the stream has come to,
  /// and in the end all of them.
  @Test(arguments: 0..<20 as Range<UInt64>) func booksAll(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var ledger = LossLedger(cpus: 1)
    var (placed, lost, taken, gaps) = (0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64)
    var wasFull = false
    // Positions of gaps, and what was lost there.
    var losses: [(at: UInt64, count: UInt64)] = []
    for _ in 0..<500 {
      for _ in 0..<Int.random(in: 0...40, using: &random) {
        if placed - taken < 30 {
          placed += 1
          wasFull = false
        } else {
          lost += 1
          if wasFull { losses[losses.count - 1].count += 1 } else { losses.append((placed, 1)) }
          wasFull = true
        }
      }
      ledger.note(cpu: 0, placed: placed, ringFull: lost)
      taken += UInt64.random(in: 0...(placed - taken), using: &random)
      gaps = UInt64(losses.count { $0.at < taken })
      ledger.book(cpu: 0, taken: taken, gaps: gaps)
      let reached = losses.filter { $0.at <= taken }.reduce(0) { $0 + $1.count }
      #expect(ledger.ringFull <= lost)
      if taken == placed { #expect(ledger.ringFull == reached && reached == lost) }
    }
    ledger.note(cpu: 0, placed: placed, ringFull: lost)
    ledger.book(cpu: 0, taken: placed, gaps: UInt64(losses.count))
    #expect(ledger.ringFull == lost && lost > 0)
  }

  /// Means leave out the intervals in which something was lost.
  @Test func meansWithoutLosses() {
    var script = Script()
    script.told(SONDE_KIND_NEW_TASK, at: 1, 7)
    script.switched(at: 100, to: Script.next(7, pcount: 1))
    var whole = script.close(at: 200)
    #expect(whole.means.runnable == 0.5 && whole.lossy.time == 0)
    var second = script.close(at: 300)
    second.markLossy()
    #expect(second.means.runnable == 1 && second.lossy.time == 100)
    whole.append(second)
    #expect(whole.means.runnable == 0.5)
    #expect(whole.lossy.time == 100 && whole.runnable.total == 200)
    whole.append(script.close(at: 500))
    #expect(whole.means.runnable == 0.75)
  }

  /// A CPU goes offline; its last switch was lost.
  @Test func offline() {
    var script = Script()
    for tid in [7, 8] as [UInt32] { script.told(SONDE_KIND_NEW_TASK, at: 1, tid) }
    script.switched(at: 10, to: Script.next(7, pcount: 1))
    script.switched(at: 10, to: Script.next(8, pcount: 1), cpu: 1)
    script.tracker.keepRunning(onlyOn: [0, 1], at: Script.start + 100)
    let both = script.close(at: 100)
    #expect(both.runnable.now == 2)
    script.tracker.keepRunning(onlyOn: [0], at: Script.start + 200)
    let one = script.close(at: 200)
    #expect(one.runnable.now == 1)
    // It goes on where the other was, and waited since it had to leave.
    script.switched(at: 250, from: 7, 1, to: Script.next(8, pcount: 2, runDelay: 100))
    let after = script.close(at: 300)
    #expect(after.runnable.now == 1)
    #expect(after.runQueueLatency.sum == 100 && after.runQueueLatency.count == 1)
  }
}
