import Glibc
import Histograms
import LoadProbes
import LoadModel
import Proc
import Reports
import Support
import Testing

/// Run queue latency against the kernel's own account of each task, /proc/TID/schedstat.
@Suite(.serialized)
struct RunQueueLatencyTests {
  /// Records a load from before its tasks were born, stops them all, and compares each with what
  /// the kernel says of it: once stopped its figures stand still.
  private func compare(_ arguments: (String, String, String?), seconds: Int = 3) throws {
    var recording = try Recording()
    let load =
      if let third = arguments.2 {
        try Load(arguments.0, arguments.1, third, printsIDs: true)
      } else {
        try Load(arguments.0, arguments.1, printsIDs: true)
      }
    #expect(!load.tids.isEmpty)
    recording.run(milliseconds: seconds * 1000)
    for tid in load.tids { kill(tid, SIGSTOP) }
    #expect(eventually { load.tids.allSatisfy { state(of: $0) == "T" } })
    let truth = try load.tids.map { try (SchedStat.of(tid: $0), ProcessStatus.of(pid: $0)) }
    let account = try recording.finish()
    for tid in load.tids { kill(tid, SIGCONT) }

    #expect(account.ringFull == 0 && account.noRing == 0)
    var waited: UInt64 = 0
    for (tid, (kernel, status)) in zip(load.tids, truth) {
      let ours = try recording.played(thread: tid)
      #expect(ours.runQueueLatency.sum == kernel.runDelay, "thread \(tid)")
      #expect(ours.runQueueLatency.count == kernel.timeslices, "thread \(tid)")
      waited += kernel.runDelay
      // Who ran meanwhile, to the nanosecond.
      let charged = ours.culprits.rows.values.joined()
      #expect(charged.reduce(0) { $0 + $1.value } == kernel.runDelay, "thread \(tid)")
      // Of tasks that were there before nothing is known here.
      let unknown = charged.filter { $0.key == .unknown }.reduce(0) { $0 + $1.value }
      #expect(
        unknown <= kernel.runDelay / 10 || account.untraced > 0 || Need.inLab,
        "thread \(tid): \(unknown)")
      // The kernel leaves out what a hypervisor and interrupts took, and has the last stay. A switch
      // that the tracepoint didn't show hides a stay.
      let (own, theirs) = (Double(ours.onCPU.sum), Double(kernel.onCPU))
      let hidden = Double(account.untraced) * Double(ours.onCPU.max ?? 0)
      #expect(
        own >= 0.98 * theirs - hidden && own <= 1.5 * theirs + 50e6,
        "thread \(tid): \(own), \(theirs), untraced \(account.untraced)")
      let switches = status.nonvoluntarySwitches
      #expect(
        abs(Int(ours.preemptions) - Int(switches)) <= 1 + Int(account.untraced),
        "thread \(tid): \(ours.preemptions), \(switches), untraced \(account.untraced)")
    }
    #expect(waited > 1_000_000_000, "too little contention to prove anything")
  }

  @Test func pinnedTasks() throws {
    try compare(("spin", "6", "0"))
  }

  @Test func freeTasks() throws {
    try compare(("spin", "8", nil))
  }

  @Test func migratingTasks() throws {
    try compare(("migrate", "6", nil))
  }

  @Test func tasksThatSleepAndYield() throws {
    try compare(("contend", "8", nil))
  }

  /// R is what the scheduler says it is: N spinners make N runnable tasks, whether they wait for one
  /// CPU or have one each, and their time is either on a CPU or in the queue.
  @Test(arguments: [("5", "0"), ("2", nil), ("7", nil)])
  func spinners(_ count: String, _ cpu: String?) throws {
    let load =
      if let cpu {
        try Load("spin", count, cpu, printsIDs: true)
      } else {
        try Load("spin", count, printsIDs: true)
      }
    let expected = try #require(Int(count))
    let snapshots = try watched(seconds: 2, interval: 0.5, .threads(load.tids))
    for snapshot in snapshots {
      #expect(snapshot.tasks.runnable.now == expected)
      #expect(snapshot.tasks.runnable.max == expected)
      #expect(abs(snapshot.tasks.runnable.mean - Double(expected)) < 0.01)
      #expect(snapshot.tasks.uninterruptible.max == 0)
    }
    let final = try #require(snapshots.last)
    guard cpu != nil else { return }
    let accounted = final.histograms.runQueueLatency.sum + final.histograms.onCPU.sum
    let whole = UInt64(expected) * final.intervalNs
    // What was going on at either end is in neither, or whole.
    #expect(accounted > whole / 10 * 9 && accounted < whole / 10 * 11)
  }
}
