import CaptureFormat
import Faces
import Foundation
import Reports
import Support
import Testing

/// Input of real runs, on each lab kernel and of known loads: `make captures`.
struct CaptureTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Captures")
  static let names: [String] = {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return all.filter { $0.hasSuffix(".z") }.map { String($0.dropLast(2)) }.sorted()
  }()

  private func captured(_ name: String) throws -> Captured {
    try Captured(Self.folder.appending(path: "\(name).z").path)
  }

  /// Each of the loads, on each of the kernels.
  @Test func areThere() {
    for kernel in ["5.10", "6.1", "6.12", "6.18", "7.2"] {
      for load in ["idle", "spinners", "pinned", "vfork"] {
        #expect(Self.names.contains("\(kernel)-\(load)"))
      }
    }
  }

  @Test(arguments: names) func makeTheSameReport(_ name: String) throws {
    let capture = try captured(name)
    let reports = try capture.replayed()
    #expect(reports.last == capture.report)
    // Once more, by a model of its own: nothing depends on how its tables lie in memory.
    #expect(try capture.replayed() == reports)
    #expect(reports.last?.loss.lost == 0)
  }

  @Test(arguments: names) func addUp(_ name: String) throws {
    let report = try captured(name).report
    let attribution = try #require(report.attribution)
    let rows = attribution.rows.reduce(0) { $0 + $1.load1 }
    let others = attribution.delayed[0] + attribution.beforeRun[0] + attribution.unattributed[0]
    #expect(abs(rows + others - report.load.kernel[0]) < 0.001)
    for sample in try #require(report.load.samples) {
      let active = try #require(sample.active)
      // In an emulator a tick may come late.
      #expect(abs(Int(active) - Int(sample.seen + (sample.delayed ?? 0))) <= 2, "\(sample)")
    }
  }

  @Test(arguments: names) func haveTheirCause(_ name: String) throws {
    let expected: VerdictCause
    switch name.split(separator: "-").last {
    case "spinners": expected = .cpuSaturated
    case "pinned": expected = .oneCPU
    case "vfork": expected = .vforkParents
    default: expected = .healthy
    }
    // What is left of the load before is not this load's cause.
    let causes = try #require(captured(name).report.verdict).map(\.cause)
      .filter { $0 != .beforeRun }
    #expect(causes.first == expected)
  }

  /// On a terminal of 80 columns, high or low, and in a line.
  @Test(arguments: names) func canBeShown(_ name: String) throws {
    let report = try captured(name).report
    let verdict = try #require(report.verdict?.first)
    for rows in [24, 60] {
      let text = LoadText(columns: 80, color: false).block(report, live: true, rows: rows)
      let lines = text.split(separator: "\n")
      #expect(lines.count <= rows && lines.allSatisfy { Faces.columns(of: String($0)) <= 80 })
      #expect(text.contains(verdict.text.prefix(30)), "\(text)")
    }
    let line = LoadLine(columns: 80, color: false).line(report)
    #expect(Faces.columns(of: String(line.dropLast())) <= 80)
  }
}
