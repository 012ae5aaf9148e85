import Histograms
import Reports
import Testing

import Faces
import Support

/// A snapshot as text.
struct LoadTextTests {
  static func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
  }

  static func text(_ snapshot: LoadSnapshot, columns: Int = 80, color: Bool = false) -> String {
    LoadText(columns: columns, color: color).block(snapshot, live: false)
  }

  @Test func figuresUnderLossAreMarked() {
    var snapshot = sample()
    #expect(!Self.text(snapshot).contains("records were lost"))
    snapshot.tasks.reliableNs = 0
    #expect(Self.text(snapshot).contains("records were lost: R and D are unreliable"))
    snapshot.tasks.reliableNs = 400_000_000
    #expect(Self.text(snapshot).contains("means cover the 400 ms without losses"))
  }

  @Test func thePictureIsAsIntended() {
    let text = LoadText(columns: 80, color: false).block(sample(), live: true)
    #expect(text == golden, Comment(rawValue: "\n" + text))
  }

  @Test func theFinalOneSaysSo() {
    let text = LoadText(columns: 80, color: false).block(sample(final: true), live: true)
    #expect(
      Self.lines(text).first
        == "loadwatch  web-1  Linux 6.18.44  2 CPUs  14:03:12 UTC  total: 1.00 s")
  }

  @Test(arguments: 0..<12 as Range<UInt64>) func noLineIsWiderThanTheTerminal(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for columns in [1, 2, 7, 20, 44, 45, 46, 60, 76, 77, 79, 80, 81, 100, 132, 300] {
      let snapshot = randomSample(&random)
      for bars in [BarStyle.blocks, .ascii] {
        let text = LoadText(columns: columns, color: false, bars: bars)
          .block(snapshot, live: Bool.random(using: &random))
        for line in Self.lines(text) {
          #expect(Faces.columns(of: line) <= columns, "\(line)")
          #expect(line.last != " ")
        }
      }
    }
  }

  @Test func figuresAreNeverCutFrom80Columns() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<100 {
      var snapshot = randomSample(&random)
      snapshot.host = sample().host
      snapshot.filter = FilterPart()
      snapshot.end = sample().end
      snapshot.tasks.uninterruptible.longest = sample().tasks.uninterruptible.longest
      (snapshot.attribution, snapshot.verdict, snapshot.limits) = (nil, nil, nil)
      snapshot.cpuWaits = nil
      for index in (snapshot.beats ?? []).indices {
        snapshot.beats?[index].process = "agent"
        if snapshot.beats?[index].ends != nil { snapshot.beats?[index].ends = snapshot.start }
      }
      let text = Self.text(snapshot)
      #expect(!text.contains("…"), "\(text)")
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func withoutColorThereIsNoControl(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let snapshot = randomSample(&random)
    let plain = Self.text(snapshot, columns: 90)
    let controls = plain.unicodeScalars.filter { $0.properties.generalCategory == .control }
    #expect(controls.allSatisfy { $0 == "\n" })
    let colored = Self.text(snapshot, columns: 90, color: true)
    let pattern = /\u{1b}\[[0-9;]*m/
    #expect(colored != plain && colored.replacing(pattern, with: "") == plain)
  }

  @Test func asciiBarsAreASCII() {
    for columns in [30, 80] {
      let text = LoadText(columns: columns, color: true, bars: .ascii).block(sample(), live: true)
      #expect(text.utf8.allSatisfy { $0 < 0x80 } && text.contains("#") == (columns == 80))
    }
  }

  @Test func lossIsLoudAndExact() {
    var snapshot = sample()
    snapshot.loss = LossPart(
      expected: 100_000, delivered: 98_700, ringFull: 1_000, noRing: 200, recursion: 100,
      untraced: 40)
    #expect(
      Self.text(snapshot).contains(
        """
        LOST 1,300 of 100,000 records (1.3 %):  ring full 1,000  no ring 200
          recursion 100  untraced by the kernel: 40 (0.04 %)

        """))
    #expect(Self.text(snapshot, color: true).contains("\u{1b}[1;31mLOST 1,300"))

    snapshot.loss = LossPart(expected: 100_000, delivered: 100_000, untraced: 4)
    #expect(Self.text(snapshot).contains("lost 0 of 100,000 records"))
    #expect(Self.text(snapshot).contains("untraced by the kernel: 4 (< 0.01 %)\n"))
    #expect(!Self.text(sample()).contains("LOST"))
  }

  /// The load broken down, and what that means.
  @Test func theAttributionIsAsIntended() {
    var snapshot = sample()
    snapshot.attribution = AttributionPart(
      by: [.process, .site],
      rows: [
        AttributionRow(
          state: .uninterruptible, process: "postgres", site: "jbd2_log_wait_commit",
          wait: .journal, count: 8, load1: 1.87),
        AttributionRow(state: .runnable, process: "nginx\u{1b}[2J", pid: 812, load1: 1.2),
        AttributionRow(state: .runnable, process: "tiny", pid: 1, load1: 0.004),
        AttributionRow(state: .runnable, folded: true, count: 40, load1: 0.2),
        AttributionRow(state: .uninterruptible, wait: .disk, folded: true, load1: 0.01),
        AttributionRow(state: .uninterruptible, wait: .lock, folded: true, load1: 0.01),
      ], delayed: [0.3, 0, 0], beforeRun: [0.81, 0, 0], unattributed: [0.026, 0, 0])
    snapshot.verdict = [
      VerdictPart(
        cause: .journal, share: 0.44, text: "postgres is blocked on a journal.",
        evidence: ["accounts for 1.87 of load1 4.21"], advice: "Fewer fsyncs.")
    ]
    snapshot.limits = LimitsPart(
      tasks: 900, threadsMax: 1000, pidMax: 4000, stackBytesPerTask: 16384,
      structBytesPerTask: 8192, availableBytes: 1 << 30, cgroups: nil)
    let text = LoadText(columns: 80, color: false).block(snapshot, live: false)
    let lines = Self.lines(text)
    #expect(
      lines[3...].prefix(14).joined(separator: "\n") == """
        what makes up load1           load1                       where it waits
        postgres (8 processes)   D     1.87  ████████▌            jbd2_log_wait_commit
        nginx\\x1b[2J (812)       R     1.20  █████▍
        others                   R     0.20  ▉
        others                   D     0.02  ▏
        asleep, not yet dequeued       0.30  █▍
        before this run                0.81  ███▋
        unattributed                   0.03  ▏

        verdict
        * postgres is blocked on a journal.
          - accounts for 1.87 of load1 4.21
          Fewer fsyncs.

        """, "\n\(text)")
    #expect(text.contains("tasks 900 of at most 1,000 (kernel.threads-max)"))
  }

  /// Ids are shortened, and what is said of units is theirs without systemd's escapes, but with ours.
  @Test func containersAndUnits() {
    var snapshot = sample()
    let id = String(repeating: "0123456789abcdef", count: 4)
    func lines(_ by: [Grouping], _ row: AttributionRow) -> [String] {
      snapshot.attribution = AttributionPart(
        by: by, rows: [row], delayed: [0, 0, 0], beforeRun: [0, 0, 0], unattributed: [0, 0, 0])
      return Array(Self.lines(Self.text(snapshot))[3..<5])
    }
    let nginx = #"app-nginx\x2da\x1bb.service"#
    for (by, heading, name) in [
      ([.container], "load1 by container ", "0123456789ab "),
      ([.container, .state], "load1 by container ", "0123456789ab "),
      ([.unit], "load1 by unit ", #"app-nginx-a\x1bb.service "#),
      ([.container, .comm], "load1 by container, comm ", "0123456789ab, nginx "),
      ([.cgroup], "load by cgroup ", "/ "),
      ([.cgroup, .comm], "what makes up load1 ", "/a, nginx "),
    ] as [([Grouping], String, String)] {
      let shown = lines(
        by,
        AttributionRow(
          state: .runnable, comm: "nginx", cgroup: "/a", container: id, unit: nginx, load1: 2))
      #expect(shown[0].hasPrefix(heading) && shown[1].hasPrefix(name), "\(shown)")
    }
    for by in [.container, .unit] as [Grouping] {
      let shown = lines([by], AttributionRow(state: .runnable, load1: 2))
      #expect(shown[1].hasPrefix("(unknown) "))
    }
  }

  @Test func theFilterIsShown() {
    var snapshot = sample()
    snapshot.filter = FilterPart(
      pids: [1, 2, 3, 4, 5, 6], comms: ["a\u{1b}[31m"], cgroups: ["/system.slice"])
    let line = Self.lines(Self.text(snapshot))[1]
    #expect(
      line == #"only  pid 1, 2, 3, 4 and 2 more  comm a\x1b[31m  cgroup /system.slice"#)
  }

  @Test func whatMayNotBeMeasuredIsSaid() {
    var snapshot = sample()
    snapshot.cost.bpfNsPerSwitch = nil
    #expect(Self.text(snapshot).contains("BPF time can't be measured (CAP_SYS_ADMIN)"))
  }

  @Test func anEmptyWatchHasNoTable() {
    var snapshot = sample()
    snapshot.histograms = HistogramsPart(
      runQueueLatency: part([]), onCPU: part([]), blockedUninterruptible: part([]),
      blockedInterruptible: part([]))
    snapshot.intervalNs = 0
    #expect(Self.lines(Self.text(snapshot)).last == "nothing recorded yet")
  }
}

private let golden = """
  loadwatch  web-1  Linux 6.18.44  2 CPUs  14:03:12 UTC  1.00 s  Ctrl-C to stop
  load average  4.21 3.80 2.11      switches 123,456/s (2,310/s preempted)
  runnable (R)           5 now     4.70 mean      9 max
  uninterruptible (D)    2 now     2.00 mean      3 max
    longest wait       12.4 s  postgres (212)
  lost 0 of 123,456 records
  overhead: 78 ns/switch (BPF), 1.2 % CPU (0.10 % task scans), RSS 21.0 MB,
    rings 8.39 MB

                          count       p50       p90       p99     p99.9       max
  run queue latency      61,728   1.50 us   3.14 us   90.0 us   90.0 us   90.0 us
  on-CPU time            61,456   1.50 us   1.50 us   1.50 us   5.00 ms   5.00 ms
  blocked in D                0         -         -         -         -         -
  blocked in S                6    100 us   40.0 ms   40.0 ms   40.0 ms   40.0 ms

                         run queue     on CPU        blocked in D  blocked in S
                   0 ns  ▏         12
     512 ns -   1.02 us  ▏        800
    1.02 us -   2.05 us  ██████ 40.0k  ██████ 61.0k
    2.05 us -   4.10 us  ███    20.0k
    4.10 us -   8.19 us
    8.19 us -   16.4 us
    16.4 us -   32.8 us
    32.8 us -   65.5 us
    65.5 us -    131 us  ▏        916                              ██████     5
     131 us -    262 us
     262 us -    524 us
     524 us -   1.05 ms
    1.05 ms -   2.10 ms
    2.10 ms -   4.19 ms
    4.19 ms -   8.39 ms                ▏        456
    8.39 ms -   16.8 ms
    16.8 ms -   33.6 ms
    33.6 ms -   67.1 ms                                            █▎         1

  """
