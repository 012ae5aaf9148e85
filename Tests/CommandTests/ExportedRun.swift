import Foundation
import Support
import Testing

/// An exporter, running, on a port of its own.
final class ExportedRun {
  let command: Command
  let url: String

  var target: String { String(url[url.range(of: "://")!.upperBound...]) }

  /// - Parameters:
  ///   - interval: "500ms"
  ///   - hostname: where not nil, it runs as on a host of that name.
  init(
    tool: String = "loadwatch", _ arguments: [String] = [], interval: String = "500ms",
    port: String = "0", hostname: String? = nil, environment: [String: String?] = [:]
  ) throws {
    var line =
      [Binaries.url(tool).path, "export", "--listen", "127.0.0.1:\(port)", "--interval", interval]
      + arguments
    if let hostname {
      line = ["unshare", "--uts", "sh", "-c", "hostname \(hostname); exec \"$0\" \"$@\""] + line
    }
    command = try Command(line[0], Array(line.dropFirst()), environment: environment)
    let said = try command.readErrors(seconds: 20) { $0.contains("/metrics\n") }
    url = String(try #require(said.firstMatch(of: /https?:\/\/[0-9.:]+/)).output)
  }

  /// Ends it as a service manager does.
  @discardableResult
  func stop() throws -> Command.Ended {
    kill(command.pid, SIGTERM)
    let ended = try command.wait(seconds: 20)
    #expect(ended.status == 0, "\(ended)")
    return ended
  }

  /// The samples of the text format, by name and labels as they stand there.
  func samples() throws -> [String: Double] {
    Self.samples(try curl("\(url)/metrics").output)
  }

  static func samples(_ text: String) -> [String: Double] {
    var samples: [String: Double] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      samples[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    return samples
  }

  /// The last ten minutes, as JSON.
  func report() throws -> [String: Any] {
    let body = try curl("\(url)/report.json").bytes
    return try #require(JSONSerialization.jsonObject(with: body) as? [String: Any])
  }

  /// Samples and report of the same intervals.
  func both() throws -> (samples: [String: Double], report: [String: Any]) {
    var found: (samples: [String: Double], report: [String: Any])?
    _ = eventually(seconds: 20) {
      guard let before = try? samples(), let report = try? report(),
        let after = try? samples(),
        let time = before["sonde_interval_seconds_total"],
        after["sonde_interval_seconds_total"] == time,
        let ns = report["interval_ns"] as? Double, abs(ns / 1e9 - time) < 1e-6
      else { return false }
      found = (after, report)
      return true
    }
    return try #require(found)
  }
}

func curl(_ arguments: String...) throws -> Command.Ended {
  try Command("curl", ["-sS", "--max-time", "20"] + arguments).wait(seconds: 30)
}

/// Of all with that beginning.
func sum(_ samples: [String: Double], _ prefix: String) -> Double {
  samples.filter { $0.key.hasPrefix(prefix) }.reduce(0) { $0 + $1.value }
}

/// A Prometheus of its own, over some targets.
final class PrometheusRun {
  let command: Command
  private let port: Int

  init(_ targets: [String], _ scratch: Scratch, rules: String? = nil) throws {
    port = 19000 + Int(getpid()) % 1000
    let config = try scratch.write(
      """
      global: {scrape_interval: 500ms, evaluation_interval: 1s}
      \(rules.map { "rule_files: [\"\($0)\"]" } ?? "")
      scrape_configs:
      - job_name: sonde
        static_configs: [{targets: [\(targets.map { "\"\($0)\"" }.joined(separator: ", "))]}]
      """, to: "prometheus.yml")
    command = try Command(
      "prometheus",
      [
        "--config.file=\(config)", "--storage.tsdb.path=\(scratch.file("data"))",
        "--web.listen-address=127.0.0.1:\(port)", "--enable-feature=native-histograms",
        "--log.level=error",
      ])
  }

  func stop() throws {
    kill(command.pid, SIGTERM)
    _ = try command.wait(seconds: 30)
  }

  /// Labels, and values by their times, as they come: "1.5", or an object for a histogram.
  struct Row: Decodable {
    let metric: [String: String]
    let value: [Value]?
    let values: [[Value]]?

    /// The last value.
    var number: Double? { (values?.last ?? value)?.last?.number }

    /// By time, in seconds since 1970.
    var series: [(time: Double, value: Double)] {
      (values ?? value.map { [$0] } ?? []).compactMap { pair in
        guard let time = pair.first?.number, let value = pair.last?.number else { return nil }
        return (time, value)
      }
    }
  }

  enum Value: Decodable {
    case text(String), number(Double)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else {
        self = .number(try container.decode(Double.self))
      }
    }

    var number: Double? {
      switch self {
      case .text(let text): Double(text)
      case .number(let number): number
      }
    }
  }

  func query(_ expression: String) throws -> [Row] {
    let answer = try curl(
      "-G", "--data-urlencode", "query=\(expression)", "http://127.0.0.1:\(port)/api/v1/query")
    struct Answer: Decodable {
      struct Data: Decodable { let result: [Row] }
      let status: String
      let data: Data?
    }
    let decoded = try JSONDecoder().decode(Answer.self, from: answer.bytes)
    #expect(decoded.status == "success", "\(expression): \(answer.output)")
    return decoded.data?.result ?? []
  }

  /// Of its own metrics, over all labels.
  func own(_ name: String) throws -> Double {
    sum(ExportedRun.samples(try curl("http://127.0.0.1:\(port)/metrics").output), name)
  }

  /// Of an expression with one result.
  func number(_ expression: String) throws -> Double? { try query(expression).first?.number }
}
