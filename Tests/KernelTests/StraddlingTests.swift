import BPF
import CloneModel
import CloneProbes
import Glibc
import Proc
import Support
import Symbols
import Testing

/// Calls across the start or the end of a run are neither lost nor among the clones.
@Suite(.serialized)
struct StraddlingTests {
  /// Processes that fork on and on, while the probes are attached and while they are detached.
  @Test func inAForkStorm() throws {
    let load = try Load("forkstorm", "4", printsIDs: true)
    var straddled: UInt64 = 0
    // Which of the forkers have a CPU as the probes are attached is chance.
    for round in 1...20 where round <= 3 || straddled == 0 {
      var probes = try CloneProbes(
        Proc.Host.current(), probeOptions: CloneProbeOptions(),
        symbols: try? KernelSymbols.current())
      var tracker = CloneTracker(filter: CloneFilter(), start: now())
      usleep(50_000)
      try probes.stop()
      probes.rings.drain(upTo: .max) { record, _ in tracker.consume(record) }
      let interval = tracker.close(at: now())
      let account = try probes.counters()
      #expect(interval.count > 0 && account.ringFull == 0 && account.noRing == 0)
      // A program that the kernel leaves out is a loss of its own, on preemptible kernels by fentry.
      #expect(account.mapFull == 0 && account.missedEnds <= account.recursion)
      if account.recursion == 0 { #expect(interval.slowest.allSatisfy { $0.child != 0 }) }
      straddled += account.straddled
    }
    #expect(straddled > 0)
    _ = load.stop()
  }

  /// Two vfork parents wait for their children as the run ends.
  @Test func callsThatGoOn() throws {
    var probeOptions = CloneProbeOptions()
    probeOptions.processes = [getpid()]
    probeOptions.follows = true
    var probes = try CloneProbes(
      Proc.Host.current(), probeOptions: probeOptions, symbols: try? KernelSymbols.current())
    let load = try Load("vfork", "2", printsIDs: true)
    #expect(try probes.counters().straddled == 0)
    try probes.stop()
    let account = try probes.counters()
    #expect(account.straddled == 2 && account.mapFull == 0)
    _ = load.stop()
  }
}
