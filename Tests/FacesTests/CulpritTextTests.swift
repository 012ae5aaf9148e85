import Faces
import Reports
import Support
import Testing

/// Who waited for a CPU, and what delayed them, as text.
struct CulpritTextTests {
  private func wait(
    _ process: String?, _ pid: UInt32?, _ culprits: [(CulpritKind, String?, UInt32?, UInt64)]
  ) -> CPUWaitPart {
    CPUWaitPart(
      process: process, pid: pid, waitNs: culprits.reduce(0) { $0 + $1.3 },
      culprits: culprits.map { CulpritPart(kind: $0.0, process: $0.1, pid: $0.2, ns: $0.3) })
  }

  private func snapshot() -> LoadSnapshot {
    var snapshot = sample()
    snapshot.cpuWaits = [
      wait(
        "postgres", 812,
        [
          (.process, "java", 99, 600_000_000), (.quota, nil, nil, 300_000_000),
          (.sameProcess, nil, nil, 95_000_000), (.idle, nil, nil, 5_000_000),
        ]),
      wait("a\u{1b}[31m", 7, [(.kernelThread, "kworker/0:1", 12, 60_000_000)]),
      wait("sleeper", 9, [(.process, "java", 99, 40_000_000)]),
      wait(nil, nil, [(.others, nil, nil, 400_000_000)]),
    ]
    return snapshot
  }

  /// Short waits aren't worth a line, nor are the waits of all others; names are escaped.
  @Test func thePicture() {
    let text = LoadText(columns: 80, color: false).block(snapshot(), live: false)
    let lines = text.split(separator: "\n").map(String.init)
    let first = lines.firstIndex { $0.hasPrefix("waited for a CPU") }
    #expect(
      first.map { Array(lines[$0...].prefix(3)) } == [
        "waited for a CPU      total  delayed by",
        "postgres (812)       1.00 s  60 % java (99), 30 % CPU quota, 10 % own threads",
        "a\\x1b[31m (7)       60.0 ms  100 % kworker/0:1 (12)",
      ], "\(text)")
    #expect(!text.contains("sleeper"))
  }

  /// A low terminal shows the verdict first.
  @Test func onALowTerminal() {
    for rows in 10...40 {
      let text = LoadText(columns: 80, color: false).block(snapshot(), live: true, rows: rows)
      #expect(
        text.split(separator: "\n", omittingEmptySubsequences: false).count - 1 <= max(rows, 22))
    }
  }
}
