import Reports
import Testing

/// What reports of one host's intervals have in common that a merge leaves out.
struct IntervalSumTests {
  private func wait(_ name: String?, _ culprits: [(String, UInt64)]) -> CPUWaitPart {
    CPUWaitPart(
      process: nil, pid: nil, place: name.map { PlacePart(cgroup: $0) },
      waitNs: culprits.reduce(0) { $0 + $1.1 },
      culprits: culprits.map {
        $0.0 == "others"
          ? CulpritPart(kind: .others, ns: $0.1)
          : CulpritPart(kind: .place, place: PlacePart(cgroup: $0.0), ns: $0.1)
      })
  }

  @Test func waitsAddUp() {
    let intervals = [
      [wait("/a", [("/b", 50), ("/c", 7)]), wait("/b", [("/a", 30)]), wait(nil, [("others", 3)])],
      [wait("/b", [("/c", 40), ("/a", 2)]), wait("/d", [("/a", 1)])],
    ]
    let sum = [CPUWaitPart].sum(of: intervals, rows: 2, culprits: 1)
    #expect(
      sum == [
        wait("/b", [("/c", 40), ("others", 32)]), wait("/a", [("/b", 50), ("others", 7)]),
        wait(nil, [("others", 3), ("/a", 1)]),
      ])
    #expect(sum.reduce(0) { $0 + $1.waitNs } == 133)
    #expect([CPUWaitPart].sum(of: intervals).map(\.label) == ["/b", "/a", "/d", "others"])
    #expect([CPUWaitPart].sum(of: []).isEmpty)
    // Of the rest nobody is itself; what is no place has room besides.
    var itself = wait("/e", [("/f", 9), ("/g", 8)])
    itself.culprits += [CulpritPart(kind: .samePlace, ns: 4), CulpritPart(kind: .quota, ns: 2)]
    itself.waitNs += 6
    let rest = [CPUWaitPart].sum(of: [[itself]], rows: 0, culprits: 1)
    #expect(rest.count == 1 && rest[0].waitNs == 23 && rest[0].label == "others")
    #expect(rest[0].culprits.map(\.label) == ["others", "/f", "CPU quota"])
    #expect(rest[0].culprits.map(\.ns) == [12, 9, 2])
  }

  @Test func pressure() {
    let one = PressurePart(cpu: .init(some: 0.5, full: 0), io: nil, memory: nil)
    let two = PressurePart(cpu: .init(some: 0.1, full: 0), io: .init(some: 1, full: 1), memory: nil)
    let mean = PressurePart.mean(of: [(one, 1), (nil, 8), (two, 3)])
    #expect(abs((mean?.cpu?.some ?? 0) - 0.2) < 1e-12 && mean?.io?.full == 1)
    #expect(mean?.memory == nil && PressurePart.mean(of: [(nil, 1)]) == nil)
  }

  @Test func lastAdviceOfEachKind() {
    func interval(_ advice: [(AdvicePart.Kind, String)]) -> CloneSnapshot {
      var interval = cloneSample(1)
      interval.advice = advice.map { AdvicePart(kind: $0, text: $1, evidence: []) }
      return interval
    }
    var whole = cloneSample(1)
    whole.describe([
      interval([(.spawn, "old"), (.limits, "was")]), interval([(.spawn, "new"), (.spawn, "too")]),
      interval([]),
    ])
    #expect(whole.advice.map(\.text) == ["new", "too", "was"])
    // One that is there in each counts once.
    #expect(whole.children?.map(\.processes) == cloneSample(1).children?.map(\.processes))
  }
}
