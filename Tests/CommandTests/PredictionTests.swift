import Foundation
import Proc
import Reports
import Support
import Testing

/// What a calibration predicts, against what other programs then measure by their own clocks: `make
/// predictions`, on an otherwise idle machine.
@Suite(.serialized)
struct PredictionTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func calibration(_ mebibytes: Int) throws -> Calibration {
    let ended = try Command(
      Binaries.url("cloneprof").path, ["demo", "--rss", "\(mebibytes)M", "--format", "json"],
      environment: ["XDG_STATE_HOME": scratch.file("state")]
    ).wait(seconds: 600)
    let report = try JSONDecoder().decode(DemoReport.self, from: ended.bytes)
    return try #require(Calibration(report))
  }

  /// Median and mappings of forks with so much memory, as testload prints them.
  private func forks(_ load: String, _ mebibytes: Int) throws -> (median: Double, mappings: UInt64)
  {
    let ended = try Command(
      Binaries.url("testload").path, [load, "\(mebibytes)", "31", "--seconds", "90"]
    ).wait(seconds: 120)
    let words = ended.output.split(whereSeparator: \.isWhitespace).map(String.init)
    func value(_ name: String) throws -> Double {
      let index = try #require(words.firstIndex(of: name), "\(ended.output) \(ended.errors)")
      return try #require(Double(words[index + 1]))
    }
    return (try value("median"), UInt64(try value("maps")))
  }

  /// Within 20 %: whoever takes the CPU from one of the two spoils an attempt.
  private func holds(
    _ load: String, _ mebibytes: Int, _ copied: (UInt64) -> Calibration.Copied
  ) throws {
    var told = ""
    for _ in 1...6 {
      let predicting = try calibration(mebibytes)
      let measured = try forks(load, mebibytes)
      let predicted = predicting.fork(of: copied(measured.mappings))
      if abs(predicted - measured.median) <= 0.2 * measured.median { return }
      told += "predicted \(predicted), measured \(measured.median); "
    }
    Issue.record("\(load) \(mebibytes) MiB: \(told)")
  }

  /// What a fork needn't copy makes it faster, by the demo's clock and by the tracer's. In a guest that reports
  /// free pages to its host (mm/page_reporting.c) a page table put on such a page waits for the host, some
  /// 50 us, as long as copying 512 small entries.
  @Test(.needs(.fastCPUs)) func inOrder() throws {
    var told: [String] = []
    for _ in 1...4 {
      let ended = try Command(
        Binaries.url("cloneprof").path, ["demo", "--rss", "256M", "--format", "json"],
        environment: ["XDG_STATE_HOME": scratch.file("state")]
      ).wait(seconds: 120)
      let demo = try JSONDecoder().decode(DemoReport.self, from: ended.bytes)
      let small = try #require(demo.row(.small)?.fork).median
      let slower = demo.rows.filter { row in
        guard let fork = row.fork else { return false }
        switch row.memory {
        case .shared, .dontFork: return fork.median >= small
        // Split by the first writes after a fork.
        case .transparent, .collapsed:
          return fork.median >= small || row.laterFork.map { $0.median <= fork.median } ?? true
        default: return false
        }
      }
      let plain = try scratch.profile("forks", "256", "5", "--seconds", "60").final
      let left = try scratch.profile("dontforks", "256", "5", "--seconds", "60").final
      let huge = try scratch.profile("hugeforks", "256", "5", "--seconds", "60").final
      let half = plain.histograms.clone.sum / 2
      if slower.isEmpty, left.histograms.clone.sum < half, huge.histograms.clone.sum < half,
        !huge.advice.contains(where: { $0.kind == .hugePages })
      {
        return
      }
      told.append(
        "\(slower), \([plain, left, huge].map(\.histograms.clone.sum)), \(huge.advice)")
      sleep(3)
    }
    Issue.record("\(told)")
  }

  private static let sizes = [256, 1024, 4096]

  /// Entries of 4 KiB that such a small program has besides.
  private static let own: UInt64 = 60

  @Test(.needs(.fastCPUs), arguments: sizes) func smallPages(_ mebibytes: Int) throws {
    try holds("forks", mebibytes) {
      .init(entries: UInt64(mebibytes) * 256 + Self.own, mappings: $0)
    }
  }

  @Test(.needs(.fastCPUs), arguments: sizes) func transparentHugePages(_ mebibytes: Int) throws {
    try holds("hugeforks", mebibytes) {
      .init(entries: Self.own, hugeEntries: UInt64(mebibytes) / 2, mappings: $0)
    }
  }

  @Test(.needs(.fastCPUs), arguments: sizes) func pools(_ mebibytes: Int) throws {
    let pool = try #require(HugePages.pool(of: 2 << 20))
    defer { try? "\(pool.pages)".write(toFile: pool.path, atomically: false, encoding: .utf8) }
    try "\(pool.pages + UInt64(mebibytes) / 2)".write(
      toFile: pool.path, atomically: false, encoding: .utf8)
    try holds("poolforks", mebibytes) {
      .init(entries: Self.own, hugetlbEntries: UInt64(mebibytes) / 2, mappings: $0)
    }
  }

  /// A live program's longest wait is the tool's longest pause, and its forks afterwards take what was
  /// predicted.
  @Test(.needs(.collapse), .needs(.fastCPUs), arguments: sizes)
  func collapse(_ mebibytes: Int) throws {
    var told = ""
    var (wasPause, wasPredicted) = (false, false)
    for _ in 1...6 {
      let run = try CollapsedRun.run(mebibytes: mebibytes, scratch: scratch)
      let (before, after) = (try #require(run.told["before"]), try #require(run.told["after"]))
      #expect(after < before)
      let pause = Double(try #require(run.report.longestPauseNs))
      let waited = try #require(run.told["longest"])
      let predicted = Double(try #require(run.report.processes.first?.predictedAfter))
      wasPause = wasPause || abs(pause - waited) <= 0.1 * max(pause, waited) + 50_000
      wasPredicted = wasPredicted || abs(predicted - after) <= 0.2 * after + 20_000
      if wasPause, wasPredicted { return }
      told += "pause \(pause), waited \(waited), predicted \(predicted), after \(after); "
    }
    Issue.record("\(mebibytes) MiB: \(told)")
  }
}
