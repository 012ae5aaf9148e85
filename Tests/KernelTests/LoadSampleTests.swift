import LoadProbes
import LoadModel
import Proc
import Reports
import Support
import Testing

/// The kernel's load samples: when they are, what it counts, and what it makes of that.
@Suite(.serialized)
struct LoadSampleTests {
  private let seconds: Double = Need.inLab ? 17 : 32

  /// Over some samples of a mixed load: what the kernel shows, by its own arithmetic from what it
  /// counted; and what it counted, by whom.
  @Test func followed() throws {
    let spinners = try Load("spin", "3")
    let waiters = try Load("vfork", "20")
    let snapshots = try watched(seconds: seconds, interval: 1)
    _ = spinners.stop()
    _ = waiters.stop()
    let final = try #require(snapshots.last)
    let means = try #require(final.probes.first { $0.feature == "load samples" })
    // Each of the stock kernels has symbols for its data, and lets that function be probed.
    let isProbed = means.probe.contains("/calc_global_load")
    #expect(isProbed && means.reason == nil || !Need.inLab, "\(means)")
    let isExact = isProbed || means.probe.contains("avenrun")
    let hasSymbol = try Command("grep", ["-q", " avenrun$", "/proc/kallsyms"]).wait().status == 0
    #expect(isExact == hasSymbol)
    let samples = try #require(final.load.samples)
    #expect(samples.count >= Int(seconds / 5.1))
    for sample in samples {
      // An emulator may be that late; a probe is not.
      guard sample.active != nil || !Need.inLab || isProbed else { continue }
      let active = try #require(sample.active)
      // This very thread runs, or doesn't, as the tick comes; and so do others for a moment.
      #expect(abs(Int(active) - Int(sample.seen + (sample.delayed ?? 0))) <= 2, "\(sample)")
    }
    // An emulator's CPUs take their ticks up to a millisecond apart.
    let equal = samples.filter { $0.active == $0.seen }.count
    #expect(equal >= samples.count / 2 || Need.inLab, "\(samples)")
    for snapshot in snapshots {
      guard let recomputed = snapshot.load.recomputed else { continue }
      // In every bit, where the kernel's bits can be read.
      #expect((snapshot.load.avenrun != nil) == isExact)
      if let kernels = snapshot.load.avenrun {
        #expect(recomputed.map { UInt64($0 * 2048) } == kernels)
      }
      for (ours, kernels) in zip(recomputed, snapshot.load.kernel) {
        let shown = KernelLoad.shown(UInt64((ours * 2048).rounded()))
        // Of where it began only two digits are known, where they aren't read.
        #expect(abs(shown - kernels) < (isExact ? 0.001 : 0.011), "\(recomputed)")
      }
    }
    let attribution = try #require(final.attribution)
    let parts = attribution.rows.reduce(0) { $0 + $1.load1 }
    let others = attribution.delayed[0] + attribution.beforeRun[0] + attribution.unattributed[0]
    #expect(abs(parts + others - final.load.kernel[0]) < 0.001)
    #expect(abs(attribution.unattributed[0]) < 0.3)
    let waiting = attribution.rows.filter { $0.wait == .vfork }
    #expect(waiting.count == 1 && waiting[0].site?.contains("clone") == true)
    #expect(waiting[0].process == "testload" && waiting[0].count == 20)
  }

  /// Over a storm of short-lived processes, with ids that are soon used again: all that is counted has a
  /// name, also those tasks that the iterator doesn't show.
  @Test func unnamedTasks() throws {
    let load = try Load("forkstorm", "4")
    let snapshots = try watched(seconds: seconds, interval: 1)
    _ = load.stop()
    let final = try #require(snapshots.last)
    let attribution = try #require(final.attribution)
    let rows = attribution.rows
    #expect(rows.contains { $0.process == "testload" })
    let unnamed = rows.filter { $0.process == nil && $0.folded != true && $0.state == .runnable }
    // In an emulator one may be gone before its name is read: that of one sample.
    #expect(unnamed.reduce(0) { $0 + $1.load1 } <= (Need.inLab ? 0.09 : 0), "\(rows)")
  }
}
