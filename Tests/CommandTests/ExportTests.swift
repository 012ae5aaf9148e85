import Foundation
import Support
import Testing

/// `loadwatch export`, read as text, and by a real Prometheus.
@Suite(.serialized)
struct ExportTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Running, on a port of its own.
  private func export(_ arguments: String...) throws -> (command: Command, url: String) {
    let command = try Command(
      Binaries.url("loadwatch").path,
      ["export", "--listen", "127.0.0.1:0", "--interval", "500ms"] + arguments)
    let said = try command.readErrors(seconds: 20) { $0.contains("/metrics\n") }
    let url = try #require(said.firstMatch(of: /http:\/\/[0-9.:]+/)).output
    return (command, String(url))
  }

  private func curl(_ arguments: String...) throws -> Command.Ended {
    try Command("curl", ["-sS", "--max-time", "20"] + arguments).wait(seconds: 30)
  }

  /// The samples of the text format, by name and labels as they stand there.
  private func samples(_ text: String) -> [String: Double] {
    var samples: [String: Double] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      samples[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    return samples
  }

  private func sum(_ samples: [String: Double], _ prefix: String) -> Double {
    samples.filter { $0.key.hasPrefix(prefix) }.reduce(0) { $0 + $1.value }
  }

  private func promtool(_ text: String) throws {
    let file = try scratch.write(text, to: "metrics.txt")
    let checked = try Command("sh", ["-c", "promtool check metrics <'\(file)'"]).wait(seconds: 30)
    #expect(checked.status == 0 && checked.output.isEmpty && checked.errors.isEmpty, "\(checked)")
  }

  /// Every figure adds up, and those that the kernel knows are the kernel's.
  @Test func addsUp() throws {
    let busy = ProcessInfo.processInfo.activeProcessorCount + 1
    let load = try Load("spin", "\(busy)")
    let (command, url) = try export()
    // A load sample comes every five seconds; right after it the exporter's is still the one before.
    var found: [String: Double] = [:]
    var text = ""
    let isLikeTheKernel = eventually(seconds: 30) {
      text = (try? curl("\(url)/metrics"))?.output ?? ""
      found = samples(text)
      let kernel = try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)
      guard let shown = kernel?.split(separator: " ").first.flatMap({ Double($0) }),
        let load1 = found["sonde_load1"],
        let waited = found["sonde_run_queue_latency_seconds_sum"], waited > 1,
        found.keys.contains(where: { $0.hasPrefix("sonde_load_part{") })
      else { return false }
      return abs(load1 - shown) < 0.011
    }
    #expect(isLikeTheKernel, "\(found)")
    let load1 = try #require(found["sonde_load1"])
    #expect(abs(sum(found, "sonde_load_part{") - load1) < 0.011, "\(found)")
    let outside = ["before_run", "delayed", "unattributed"].reduce(0) {
      $0 + (found["sonde_load_part{state=\"\",cause=\"\($1)\"}"] ?? 0)
    }
    #expect(abs(sum(found, "sonde_cgroup_load{") + outside - load1) < 0.011)
    let waited = try #require(found["sonde_run_queue_latency_seconds_sum"])
    #expect(abs(sum(found, "sonde_cgroup_cpu_wait_seconds_total{") - waited) < 1e-6 * waited + 1e-9)
    #expect(
      abs(sum(found, "sonde_cpu_wait_charged_seconds_total{") - waited) < 1e-6 * waited + 1e-9)
    // Their own count of waits is that of switches to tasks, which each ends one.
    let latency = try #require(found["sonde_run_queue_latency_seconds_count"])
    #expect(found["sonde_run_queue_latency_seconds_bucket{le=\"+Inf\"}"] == latency)
    #expect(latency > 100)
    #expect(found.filter { $0.key.hasPrefix("sonde_verdict{") }.values.contains(1))
    #expect(found["sonde_exporter_series{which=\"used\"}"] == Double(found.count))
    #expect(found.count <= 500)
    try promtool(text)
    let open = try curl("-H", "Accept: application/openmetrics-text", "\(url)/metrics").output
    #expect(open.hasSuffix("# EOF\n") && open.contains("# TYPE sonde_switches counter\n"))
    #expect(open.contains("# UNIT sonde_on_cpu_seconds seconds\n"))
    #expect(try curl("\(url)/healthz").output == "ok\n")
    let page = try curl("\(url)/report").output
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("Run queue latency over time"))
    #expect(try curl("-o", "/dev/null", "-w", "%{http_code}", "\(url)/x").output == "404")
    #expect(
      try curl("-X", "POST", "-o", "/dev/null", "-w", "%{http_code}", "\(url)/metrics").output
        == "405")
    _ = load.stop()
    kill(command.pid, SIGTERM)
    let ended = try command.wait(seconds: 20)
    #expect(ended.status == 0, "\(ended)")
  }

  /// A workload that makes names: series stay bounded, and sums exact.
  @Test func hostileNames() throws {
    let (command, url) = try export("--max-series", "300")
    let group = try TestCgroup()
    // Each in place before it makes any load: a shell takes long to start beside so many.
    let script = """
      for index in $(seq 20); do
        name="$0/$(printf '%s\\033[2J"\\\\\\303\\244-%0180d' $index 1)"
        mkdir "$name"
        sh -c 'echo $$ >"$0/cgroup.procs"; exec "$1" spin 1 --seconds 15 </dev/null >/dev/null' "$name" "$1" &
      done
      wait
      rmdir "$0"/*/
      """
    let loads = try Command("sh", ["-c", script, group.path, Binaries.url("testload").path])
    var text = ""
    var found: [String: Double] = [:]
    let isSeen = eventually(seconds: 20) {
      text = (try? curl("\(url)/metrics"))?.output ?? ""
      found = samples(text)
      return (found["sonde_cgroup_cpu_wait_seconds_total{cgroup=\"other\"}"] ?? 0) > 1
    }
    #expect(isSeen && found.count <= 300, "\(found.count)")
    let waited = try #require(found["sonde_run_queue_latency_seconds_sum"])
    #expect(abs(sum(found, "sonde_cgroup_cpu_wait_seconds_total{") - waited) < 1e-6 * waited)
    #expect(!text.contains("\u{1b}"))
    try promtool(text)
    kill(command.pid, SIGTERM)
    #expect(try command.wait(seconds: 20).status == 0)
    #expect(try loads.wait(seconds: 60).status == 0)
    withExtendedLifetime(group) {}
  }

  /// What a real Prometheus has of it, native histograms included.
  @Test func aRealPrometheus() throws {
    let load = try Load("spin", "3")
    let (command, url) = try export()
    let port = 19000 + Int(getpid()) % 1000
    let target = url.replacing("http://", with: "")
    let config = try scratch.write(
      """
      global: {scrape_interval: 500ms}
      rule_files: ["\(packageRoot.path)/Examples/fleet/rules.yml"]
      scrape_configs:
      - job_name: loadwatch
        static_configs: [{targets: ["\(target)"]}]
      """, to: "prometheus.yml")
    let prometheus = try Command(
      "prometheus",
      [
        "--config.file=\(config)", "--storage.tsdb.path=\(scratch.file("data"))",
        "--web.listen-address=127.0.0.1:\(port)", "--enable-feature=native-histograms",
        "--log.level=error",
      ])
    func query(_ expression: String) throws -> [String: Double] {
      let answer = try curl(
        "-G", "--data-urlencode", "query=\(expression)", "http://127.0.0.1:\(port)/api/v1/query")
      struct Answer: Decodable {
        struct Data: Decodable { let result: [Row] }
        struct Row: Decodable {
          let metric: [String: String]
          let value: [Value]
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
        }
        let status: String
        let data: Data
      }
      let decoded = try JSONDecoder().decode(Answer.self, from: answer.bytes)
      #expect(decoded.status == "success", "\(expression)")
      return Dictionary(
        decoded.data.result.map { row in
          guard case .text(let text)? = row.value.last else { return ("", .nan) }
          return ("\(row.metric.sorted { $0.key < $1.key })", Double(text) ?? .nan)
        }, uniquingKeysWith: { $1 })
    }
    let isThere = eventually(seconds: 30) {
      (try? query("histogram_count(sonde_run_queue_latency_seconds) > 500").isEmpty == false)
        ?? false
    }
    #expect(isThere)
    // Of one scrape: the native histogram's sum is what the cgroups waited.
    let difference = try query(
      "abs(histogram_sum(sonde_run_queue_latency_seconds) - on() sum(sonde_cgroup_cpu_wait_seconds_total))"
    )
    #expect(try #require(difference.values.first) < 1e-6)
    // Three tasks on two CPUs or more: nearly all of them keep a CPU for milliseconds.
    let longest = try query("histogram_quantile(1, sonde_on_cpu_seconds)")
    #expect((1e-4...120).contains(try #require(longest.values.first)), "\(longest)")
    let zero = try query("histogram_fraction(-1, 1e-10, sonde_run_queue_latency_seconds)")
    #expect((0...1).contains(try #require(zero.values.first)))
    // Every query of every dashboard is answered, and those that must have data have some.
    let folder = packageRoot.appending(path: "dashboards")
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      let expressions = text.matches(of: /"expr": "((?:[^"\\]|\\.)*)"/).map {
        String($0.output.1).replacing("\\\"", with: "\"").replacing("$__rate_interval", with: "10s")
          .replacing("$instance", with: ".*")
      }
      #expect(expressions.count > 3, "\(file)")
      for expression in expressions {
        let hasData = eventually(seconds: 20) { (try? query(expression))?.isEmpty == false }
        #expect(hasData, "\(file): \(expression)")
      }
    }
    _ = load.stop()
    for program in [prometheus, command] { kill(program.pid, SIGTERM) }
    _ = try prometheus.wait(seconds: 30)
    #expect(try command.wait(seconds: 20).status == 0)
  }

  /// The alerts, by the tests beside them.
  @Test func rules() throws {
    let folder = packageRoot.appending(path: "Examples/fleet").path
    for arguments in [["check", "rules", "rules.yml"], ["test", "rules", "rules-test.yml"]] {
      let line = "cd '\(folder)' && promtool " + arguments.joined(separator: " ")
      let checked = try Command("sh", ["-c", line]).wait(seconds: 60)
      #expect(checked.status == 0, "\(checked.output) \(checked.errors)")
    }
  }

  @Test func badInput() throws {
    func complaint(_ arguments: String...) throws -> String {
      let ended = try loadwatch(arguments: ["export"] + arguments)
      #expect(ended.status == 64, "\(ended)")
      return ended.errors
    }
    #expect(try complaint("--listen", "localhost").contains("must be an IP address and a port"))
    #expect(try complaint("--listen", "example:99999").contains("must be an IP address and a port"))
    #expect(try complaint("--listen", "0.0.0.0:0").contains("allow it with --insecure"))
    #expect(try complaint("--max-series", "10").contains("at least 300"))
    #expect(try complaint("--schema", "9").contains("must be 3, 4 or 5"))
    #expect(try complaint("--interval", "50ms").contains("between 100ms and 60s"))
    #expect(try complaint("--comm", "sh").contains("they take no filter"))
    let (command, url) = try export()
    let port = try #require(url.split(separator: ":").last)
    let second = try loadwatch("export", "--listen", "127.0.0.1:\(port)")
    #expect(second.status == 1 && second.complaint.contains("Address already in use"))
    kill(command.pid, SIGTERM)
    _ = try command.wait(seconds: 20)
  }
}
