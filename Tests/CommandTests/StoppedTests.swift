import Foundation
import Proc
import Reports
import Support
import Testing

/// A consumer that is stopped under full load loses records, and says how many.
@Suite(.serialized)
struct StoppedTests {
  @Test(.timeLimit(.minutes(5))) func stoppedUnderFullLoad() throws {
    // Pinned: pairs that wake each other across CPUs keep all other groups of tasks waiting on some
    // kernels, the kernel's own threads too (6.18: an RCU grace period of a minute), and with them
    // whatever attaches or detaches a program.
    let loads = try (0..<ProcessInfo.processInfo.activeProcessorCount).map {
      try Load("pingpong", "2", "\($0)")
    }
    let began = Date()
    let watches = try ["json", "text"].map { try start(["--format", $0, "--interval", "500ms"]) }
    for watch in watches { try watch.read { $0.contains("\n") } }
    for watch in watches { watch.send(SIGSTOP) }
    // Three seconds, or longer where those don't fill the rings.
    let before = try KernelCounters.contextSwitches()
    repeat { sleep(3) } while try KernelCounters.contextSwitches() - before < 600_000
    for watch in watches { watch.send(SIGCONT) }
    for watch in watches { try watch.read { $0.split(separator: "\n").count > 5 } }
    // Under such a load the kernel takes its time to detach what a process leaves behind.
    for load in loads { _ = load.stop() }
    for watch in watches { watch.send(SIGINT) }
    let ended = try watches.map { try $0.wait(seconds: 60) }
    let atMost = UInt64(Date().timeIntervalSince(began) * 1e9)
    for each in ended { #expect(each.status == 0 && each.errors.isEmpty, "\(each.errors)") }

    let snapshots = try ended[0].snapshots()
    let final = try #require(snapshots.last)
    let loss = final.loss
    #expect(loss.ringFull > 10_000)
    #expect(loss.pending == 0)
    #expect(loss.expected == loss.delivered + loss.lost)
    #expect(loss.ringFull == snapshots.dropLast().reduce(0) { $0 + $1.loss.ringFull })
    // All intervals that were missed are there, none longer than planned.
    #expect(snapshots.dropLast(2).allSatisfy { $0.intervalNs == 500_000_000 })
    #expect(final.intervalNs > 3_000_000_000 && final.intervalNs < atMost)

    // What came through is possible.
    #expect(final.switches <= loss.delivered)
    let cpus = UInt64(final.host.cpus)
    #expect(final.histograms.onCPU.sum <= final.intervalNs * cpus + 1_000_000_000)
    for part in [\HistogramsPart.runQueueLatency, \.onCPU] {
      #expect(final.histograms[keyPath: part].max ?? 0 <= atMost)
    }
    for snapshot in snapshots {
      #expect(snapshot.tasks.runnable.mean >= 0 && snapshot.tasks.runnable.mean < 200)
    }

    let text = ended[1].output
    let shown = try #require(text.firstRange(of: "total: ").map { text[$0.lowerBound...] })
    let lost = try #require(shown.firstMatch(of: /LOST ([0-9,]+) of [0-9,]+ records/))
    #expect(Int(lost.output.1.filter { $0 != "," }) ?? 0 > 10_000)
    #expect(shown.contains("ring full"))
  }
}
