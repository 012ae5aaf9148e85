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
}
