import LoadModel
import Reports
import Support
import Testing

/// Whatever the account, a verdict says nothing that its figures don't say.
struct VerdictEvidenceTests {
  private static let names = ["nginx", "dd", "a 7", "kworker"]

  /// An account of random rows and figures, as far as they can go together.
  private static func account(_ random: inout SplitMix64) -> Verdict {
    func ratio() -> Double { Double.random(in: 0...1, using: &random) }
    func once(in count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }
    var verdict = Verdict()
    let waits: [WaitKind?] = [
      nil, .disk, .journal, .networkFileSystem, .memory, .lock, .vfork, .other,
    ]
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      let wait = waits.randomElement(using: &random)!
      verdict.rows.append(
        AttributionRow(
          state: wait == nil ? .runnable : .uninterruptible,
          process: names.randomElement(using: &random)!,
          pid: UInt32.random(in: 2...99999, using: &random),
          site: wait == nil ? nil : "submit_bio_wait",
          wait: wait, kernelThread: once(in: 5), active: UInt64.random(in: 0...9, using: &random),
          load1: 12 * ratio()))
    }
    if once(in: 3) {
      verdict.throttled = [.init(cgroup: "/a", load1: 5 * ratio(), periods: 600, used: 431)]
      verdict.throttledMost = 3
    }
    verdict.quotaMean = once(in: 3) ? 4 * ratio() : 0
    verdict.beforeRun = once(in: 3) ? 9 * ratio() : 0
    verdict.unattributed = once(in: 4) ? 2 * ratio() - 1 : 0
    verdict.load1 =
      once(in: 50)
      ? 4_194_400 : verdict.rows.reduce(verdict.beforeRun + verdict.unattributed) { $0 + $1.load1 }
    verdict.timeWeighted = once(in: 4) ? verdict.load1 * 3 * ratio() : verdict.load1
    if once(in: 2) {
      verdict.beats = [
        BeatPart(
          process: "b", pid: 7, count: 1, periodNs: UInt64(6e10 * ratio()),
          burstNs: UInt64(1e9 * ratio()), tasks: 40 * ratio(), mean: ratio(), load1: 9 * ratio(),
          lastsNs: once(in: 3) ? nil : UInt64(1e12 * ratio()), everyNs: UInt64(1e13 * ratio()),
          now: once(in: 2), begins: nil, ends: nil)
      ]
    }
    verdict.p99 = once(in: 3) ? nil : UInt64(2e8 * ratio())
    verdict.seconds = once(in: 2) ? 60 : 60 * ratio()
    verdict.latencySeconds = verdict.seconds * (once(in: 4) ? 9 : 1)
    verdict.idle = (0..<Int.random(in: 1...6, using: &random)).map { _ in
      once(in: 2) ? 0.01 : ratio()
    }
    verdict.runnableMean = 20 * ratio()
    verdict.stolen = once(in: 3) ? 0.5 * ratio() : 0
    verdict.forksPerSecond = 4000 * ratio()
    verdict.shortLives = once(in: 4) ? 3 * ratio() : 0
    verdict.swapsPerSecond = once(in: 4) ? 2000 * ratio() : 0
    verdict.disks =
      once(in: 2)
      ? []
      : [
        BusyDisk(
          name: "vda", share: ratio(), requestMs: once(in: 3) ? nil : 40 * ratio(),
          inFlight: once(in: 3) ? nil : UInt64.random(in: 0...64, using: &random))
      ]
    verdict.lost = once(in: 8) ? 0.2 * ratio() : 0
    verdict.pressure = PressurePart(
      cpu: .init(some: ratio(), full: 0), io: .init(some: ratio(), full: 0),
      memory: once(in: 3) ? .init(some: ratio(), full: 0.5 * ratio()) : nil)
    if once(in: 2) {
      verdict.kept = CPUsPart(
        offline: once(in: 2) ? [] : [3, 4].dropLast(once(in: 2) ? 1 : 0),
        capped: once(in: 2) ? nil : .init(cpus: 4, limit: ratio()),
        taken: [
          .init(cpu: 0, irq: 0.01, softirq: 0.3 * ratio(), steal: 0),
          .init(cpu: 1, irq: 0.3 * ratio(), softirq: 0.5 * ratio(), steal: 0.1),
        ])
    }
    // What was asked for was answered, or not.
    for lookup in verdict.wanted where once(in: 2) {
      var answer = Answer(lookup)
      switch lookup {
      case .limit(.io, _):
        answer.limit = LimitSetting(
          path: "/a", file: "io.max", setting: "wbps=7", device: once(in: 2) ? "vda" : nil,
          used: nil)
      case .limit(.memory, _):
        let bytes = UInt64(1e9 * ratio())
        answer.limit = LimitSetting(
          path: "/a", file: "memory.max", setting: "\(bytes)", device: nil,
          used: UInt64(Double(bytes) * ratio()))
      default: (answer.text, answer.count) = ("7", 1)
      }
      verdict.facts[lookup] = answer
    }
    return verdict
  }

  /// The numbers of a sentence, without those of names: "testload (12)", "nginx (3 processes)".
  private static func numbers(_ text: String) -> [Double] {
    text.split { !"0123456789.-".contains($0) }.compactMap { word in
      Double(word.hasSuffix(".") ? String(word.dropLast()) : String(word))
    }
  }

  /// What no figure needs to be: part of a fixed wording.
  private static let constants: Set<Double> = [5, 10, 1, 99, 6.16, 5.14, 6.15, 32, 7]

  @Test(arguments: 0..<40 as Range<UInt64>) func sentencesSayWhatFiguresSay(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let verdict = Self.account(&random)
      let ids = Set(verdict.rows.compactMap { $0.pid.map(Double.init) })
      for part in verdict.parts() {
        #expect(part.share >= 0 && part.share <= 1)
        let figures = part.figures ?? []
        #expect(Set(figures.map(\.name)).count == figures.count, "\(part)")
        let values = figures.flatMap { [$0.value, $0.value * 100, $0.value / 1e6] }
        for text in [part.text] + part.evidence {
          for said in Self.numbers(text) where !Self.constants.contains(said) && !ids.contains(said)
          {
            // As they are rounded: to hundredths, to whole ones, up.
            let isKnown = values.contains { value in
              abs(value - said) < 0.005001 || said.rounded() == said && abs(value - said) < 0.500001
                || (value - 1e-9).rounded(.up) == said
            }
            #expect(isKnown, "\(said) in: \(text)\n\(figures)")
          }
        }
      }
    }
  }

  @Test func confidence() {
    func confidence(_ change: (inout Verdict) -> Void) -> Confidence? {
      var verdict = Verdict()
      verdict.rows = [
        AttributionRow(state: .runnable, process: "a", pid: 7, load1: 6)
      ]
      (verdict.load1, verdict.timeWeighted, verdict.runnableMean) = (6, 6, 6)
      verdict.idle = [0, 0]
      change(&verdict)
      return verdict.parts().first { $0.cause == .cpuSaturated }?.confidence
    }
    #expect(confidence { _ in } == .high)
    #expect(confidence { $0.seconds = 20 } == .medium)
    #expect(confidence { $0.seconds = 10 } == .low)
    #expect(confidence { $0.lost = 0.005 } == .medium)
    #expect(confidence { $0.lost = 0.02 } == .low)
    #expect(confidence { $0.unattributed = 2 } == .low)
  }

  /// Each cause says what would refute it or what to look at next.
  @Test func forPrograms() {
    var verdict = Verdict()
    verdict.rows = [
      AttributionRow(
        state: .uninterruptible, process: "dd", pid: 7, site: "f", wait: .disk, active: 3, load1: 4)
    ]
    (verdict.load1, verdict.timeWeighted, verdict.idle) = (4, 4, [0.9, 0.9])
    verdict.disks = [BusyDisk(name: "vda", share: 0.98)]
    let part = verdict.parts().first
    #expect(part?.cause == .disk && part?.next == "iostat -x 1" && part?.refutedBy != nil)
    #expect(
      part?.figures?.first { $0.name == "disk_busy" } == EvidenceFigure("disk_busy", 0.98, "ratio"))
    #expect(part?.figures?.first { $0.name == "load1" } == EvidenceFigure("load1", 4, "tasks"))
  }
}
