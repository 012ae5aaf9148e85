import Foundation
import Histograms
import Proc
import Reports
import Support
import Testing

/// `cloneprof` among very many clones.
@Suite(.serialized)
struct CloneStormTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A hundred that fork as fast as they can, natively for a minute: each clone is counted, and memory
  /// stays bounded.
  @Test(.timeLimit(.minutes(5))) func aHundredForkers() throws {
    let seconds = Need.inLab ? "8" : "60"
    let before = try KernelCounters.processes()
    let (final, told, all) = try scratch.profile(
      "forkstorm", "100", "--seconds", seconds, mayLose: true)
    let after = try KernelCounters.processes()
    let counted = final.calls.processes
    // The crew itself is a hundred.
    let forks = try #require(told["forks"]) + 100
    // An emulated consumer may not keep up with a hundred; then each that is missing is a loss.
    let mayBeMissing = Need.inLab ? final.loss.lost : 0
    #expect(
      counted <= forks && counted + mayBeMissing >= forks,
      "\(counted), \(forks), \(after - before), \(final.loss)")
    // The kernel counts those of others too, and threads.
    #expect(after - before >= counted && after - before < counted + 1000)
    #expect(final.loss.ringFull == 0 || Need.inLab)
    #expect(final.loss.noRing == 0 && final.loss.mapFull == 0)
    #expect(final.histograms.clone.count == counted)
    // Each child has ended; what isn't known of some is among the losses.
    let fates = try #require(final.childFates)
    #expect(fates.born == counted && fates.execAfter.count == 0)
    #expect(fates.lived.count + fates.living + fates.unfollowed == fates.born)
    #expect(fates.living + fates.unfollowed <= final.loss.lost, "\(fates), \(final.loss)")
    // Where its probes of the parts are left out, while tasks are preempted in them, it is told.
    if final.probes[0].probe.hasPrefix("tracepoints") {
      #expect(final.loss.lost == final.loss.ringFull)
    }
    var sum = Histogram()
    for interval in all.dropLast() { sum.add(try interval.histograms.clone.histogram()) }
    #expect(sum == (try final.histograms.clone.histogram()))
    // From a third of the time on it has all that it needs.
    let third = all[all.count / 3].cost.residentBytes
    #expect(final.cost.residentBytes < third + 4 << 20, "\(third) to \(final.cost.residentBytes)")
  }

  /// Descendants stay told from others where there are more than a map has room for and ids come
  /// round: natively some 60,000 of 32,768 ids.
  @Test(.timeLimit(.minutes(2))) func idsComeRound() throws {
    let pidMax = "/proc/sys/kernel/pid_max"
    let ids = try String(contentsOfFile: pidMax, encoding: .utf8)
    if Need.inLab { try "1000".write(toFile: pidMax, atomically: false, encoding: .utf8) }
    defer { try? ids.write(toFile: pidMax, atomically: false, encoding: .utf8) }
    let fifty = "i=0; while [ $i -lt 50 ]; do /bin/true; i=$((i+1)); done; :"
    let strangers = try Command("sh", ["-c", "echo; while :; do sh -c '/bin/true; :'; done"])
    try strangers.read { $0.contains("\n") }
    let watch = try scratch.cloneprof([
      "--", "sh", "-c",
      "\(Binaries.url("testload").path) forkstorm 4 --seconds 8; sh -c '\(fifty)'; :",
    ])
    let ended = try watch.wait(seconds: 100)
    strangers.send(SIGKILL)
    _ = try strangers.wait()
    let final = try #require(try scratch.snapshots(of: ended).last)
    let forks = try #require(figures(ended.output)["forks"])
    // The storm and its four, the second shell and its fifty.
    #expect(final.calls.processes == forks + 1 + 4 + 1 + 50, "\(forks), \(final.loss)")
    #expect(final.loss.ringFull == 0 && final.loss.noRing == 0 && final.loss.mapFull == 0)
  }

  /// Cut off while others fork: what was seen is delivered, and nothing hangs in the rings.
  @Test func endsAmongForks() throws {
    let load = try Load("forkstorm", "4")
    let watch = try scratch.cloneprof([])
    #expect(eventually(seconds: 60) { scratch.isBeingWritten(by: watch.pid) })
    sleep(2)
    watch.send(SIGINT)
    let ended = try watch.wait(seconds: 60)
    _ = load.stop()
    let final = try #require(try scratch.snapshots(of: ended).last)
    #expect(final.histograms.clone.count > 100)
  }
}
