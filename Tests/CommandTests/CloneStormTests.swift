import Foundation
import Histograms
import Proc
import Snapshots
import Support
import Testing

/// `cloneprof` among very many clones.
@Suite(.serialized)
struct CloneStormTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A hundred that fork as fast as they can for a minute, natively well over a million: each clone is
  /// counted, and memory stays bounded.
  @Test(.timeLimit(.minutes(5))) func aHundredForkers() throws {
    let seconds = Need.inLab ? "8" : "60"
    let before = try KernelCounters.processes()
    let (final, told, all) = try scratch.profile(
      "forkstorm", "100", "--seconds", seconds, mayLose: true)
    let after = try KernelCounters.processes()
    let counted = final.calls.processes
    // The crew itself is a hundred.
    #expect(counted == (try #require(told["forks"])) + 100, "\(final.loss)")
    // The kernel counts those of others too, and threads.
    #expect(after - before >= counted && after - before < counted + 1000)
    #expect(final.loss.ringFull == 0 && final.loss.mapFull == 0)
    #expect(final.histograms.clone.count == counted)
    // Where its probes of the parts are left out, while tasks are preempted in them, it is told.
    if final.probes[0].using.hasPrefix("tracepoints") { #expect(final.loss.lost == 0) }
    var sum = Histogram()
    for interval in all.dropLast() { sum.add(try interval.histograms.clone.histogram()) }
    #expect(sum == (try final.histograms.clone.histogram()))
    // From a third of the time on it has all that it needs.
    let third = all[all.count / 3].cost.residentBytes
    #expect(final.cost.residentBytes < third + 4 << 20, "\(third) to \(final.cost.residentBytes)")
  }

  /// Cut off while others fork: what was seen is delivered, and nothing hangs in the rings.
  @Test func endsAmongForks() throws {
    let load = try Load("forkstorm", "4")
    let watch = try scratch.cloneprof([])
    #expect(eventually(seconds: 60) { !scratch.names.isEmpty })
    sleep(2)
    watch.send(SIGINT)
    let ended = try watch.wait(seconds: 60)
    _ = load.stop()
    let final = try #require(try scratch.snapshots(of: ended).last)
    #expect(final.histograms.clone.count > 100)
  }
}
