import Foundation
import Support
import Testing

/// What a real Prometheus has of an exporter, native histograms included.
@Suite(.serialized)
struct PrometheusTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// How long loads change for; a soak sets more.
  private static let seconds =
    ProcessInfo.processInfo.environment["SONDE_PROMETHEUS_SECONDS"].flatMap { Double($0) } ?? 20

  /// Every scrape is the report of the same instant, under loads that come and go.
  @Test func everyScrape() throws {
    let run = try ExportedRun(interval: "1s")
    let prometheus = try PrometheusRun([run.target], scratch)
    /// By the time covered, in seconds: what the report said then.
    var reports: [Double: [String: Any]] = [:]
    let loads = [["spin", "3"], ["pingpong", "2"], ["vfork", "2"], ["dsleep", "20"]]
    var load: Load?
    let end = Date().addingTimeInterval(Self.seconds)
    var round = 0
    while Date() < end {
      if round % 8 == 0 {
        _ = load?.stop()
        load = try Load(arguments: loads[round / 8 % loads.count])
      }
      round += 1
      let report = (try? run.report()) ?? [:]
      if let ns = report["interval_ns"] as? Double { reports[(ns / 1e6).rounded()] = report }
      usleep(400_000)
    }
    _ = load?.stop()
    #expect(reports.count > Int(Self.seconds / 2))
    let range = "[\(Int(Self.seconds) + 30)s]"
    func series(_ name: String) throws -> [Double: Double] {
      let rows = try prometheus.query(name + range)
      #expect(rows.count == 1, "\(name)")
      return Dictionary(
        (rows.first?.series ?? []).map { ($0.time, $0.value) }, uniquingKeysWith: { $1 })
    }
    let covered = try series("sonde_interval_seconds_total")
    var compared = 0
    for (metric, path) in [
      ("sonde_switches_total", ["switches"]), ("sonde_preemptions_total", ["preemptions"]),
      ("sonde_loss_expected_total", ["loss", "expected"]),
      ("sonde_tasks_runnable_task_seconds_total", ["tasks", "runnable", "task_ns"]),
      ("sonde_tasks_uninterruptible_task_seconds_total", ["tasks", "uninterruptible", "task_ns"]),
    ] {
      for (time, value) in try series(metric) {
        guard let seconds = covered[time], let report = reports[(seconds * 1e3).rounded()] else {
          continue
        }
        var found: Any? = report
        for name in path { found = (found as? [String: Any])?[name] }
        let reported = try #require(found as? Double) * (path.last == "task_ns" ? 1e-9 : 1)
        #expect(abs(value - reported) <= 1e-9 * value, "\(metric) \(value) \(reported)")
        compared += 1
      }
    }
    #expect(compared > 5 * Int(Self.seconds / 2), "\(compared)")
    try comparePercentiles(run, prometheus)
    try prometheus.stop()
    try run.stop()
  }

  /// Of all waits so far: `histogram_quantile` is in the same bucket as the exact percentile.
  private func comparePercentiles(_ run: ExportedRun, _ prometheus: PrometheusRun) throws {
    var isCompared = false
    _ = eventually(seconds: 20) {
      guard let (samples, report) = try? run.both(),
        let time = samples["sonde_interval_seconds_total"],
        (try? prometheus.number("sonde_interval_seconds_total")) == time,
        let histogram = (report["histograms"] as? [String: Any])?["run_queue_latency"]
          as? [String: Any],
        let percentiles = histogram["percentiles"] as? [String: Any]
      else { return false }
      var shown: [(Double, Double)] = []
      for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        guard let exact = percentiles[name] as? Double,
          let estimate = try? prometheus.number(
            "histogram_quantile(\(quantile), sonde_run_queue_latency_seconds)")
        else { return false }
        shown.append((exact / 1e9, estimate))
      }
      // Prometheus may have scraped meanwhile.
      guard (try? prometheus.number("sonde_interval_seconds_total")) == time else { return false }
      for (exact, estimate) in shown where exact > 1e-6 {
        // A bucket of schema 3 is 2^(1/8) wide; the report's own bound is 3.2 % high.
        #expect(estimate < exact * 1.1 && estimate > exact / 1.14, "\(exact) \(estimate)")
      }
      isCompared = true
      return true
    }
    #expect(isCompared)
  }

  /// A restart is a reset to rates, and a scrape that failed is made up for by the next.
  @Test func gaps() throws {
    let load = try Load("spin", "2")
    var run = try ExportedRun()
    let port = String(try #require(run.url.split(separator: ":").last))
    let prometheus = try PrometheusRun([run.target], scratch)
    let isThere = eventually(seconds: 20) {
      ((try? prometheus.number("sonde_switches_total")) ?? 0) > 100
    }
    #expect(isThere)
    // It answers nothing for a while; what was traced meanwhile is counted all the same.
    kill(run.command.pid, SIGSTOP)
    let before = try #require(try prometheus.number("sonde_interval_seconds_total"))
    usleep(1_500_000)
    kill(run.command.pid, SIGCONT)
    let goesOn = eventually(seconds: 20) {
      ((try? prometheus.number("sonde_interval_seconds_total")) ?? 0) > before + 1.4
    }
    #expect(goesOn)
    #expect(try prometheus.number("resets(sonde_switches_total[1m])") == 0)
    try run.stop()
    #expect(eventually(seconds: 20) { (try? prometheus.number("up")) == 0 })
    run = try ExportedRun(port: port)
    let isReset = eventually(seconds: 20) {
      (try? prometheus.number("resets(sonde_interval_seconds_total[1m])")) == 1
    }
    #expect(isReset)
    let rate = try #require(try prometheus.number("rate(sonde_interval_seconds_total[1m])"))
    #expect(rate > 0 && rate < 1.5, "\(rate)")
    let waits = try #require(
      try prometheus.number("histogram_count(rate(sonde_run_queue_latency_seconds[1m]))"))
    #expect(waits > 0, "\(waits)")
    _ = load.stop()
    try prometheus.stop()
    try run.stop()
  }

  private static let cpu1 = "/sys/devices/system/cpu/cpu1/online"

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: cpu1),
      "needs a CPU that can be taken offline (CONFIG_HOTPLUG_CPU, and more than one CPU)"))
  func aCPUThatGoesAndComes() throws {
    let cpus = Double(ProcessInfo.processInfo.activeProcessorCount)
    let load = try Load("spin", "4")
    let run = try ExportedRun()
    let prometheus = try PrometheusRun([run.target], scratch)
    #expect(eventually(seconds: 20) { (try? prometheus.number("sonde_host_cpus")) == cpus })
    defer { try? "1".write(toFile: Self.cpu1, atomically: false, encoding: .utf8) }
    for (value, online) in [("0", cpus - 1), ("1", cpus)] {
      try value.write(toFile: Self.cpu1, atomically: false, encoding: .utf8)
      #expect(eventually(seconds: 20) { (try? prometheus.number("sonde_host_cpus")) == online })
    }
    #expect(try prometheus.number("resets(sonde_switches_total[1m])") == 0)
    #expect(try prometheus.number("histogram_count(sonde_run_queue_latency_seconds)") ?? 0 > 100)
    let samples = try run.samples()
    let waited = try #require(samples["sonde_run_queue_latency_seconds_sum"])
    #expect(abs(sum(samples, "sonde_cgroup_cpu_wait_seconds_total{") - waited) < 1e-6 * waited)
    #expect(samples["sonde_loss_no_ring_total"] == 0)
    _ = load.stop()
    try prometheus.stop()
    try run.stop()
  }

  /// A service that is restarted has another cgroup of the same path: its histogram goes on, and is there
  /// once.
  @Test func aRestartedService() throws {
    let group = try TestCgroup()
    let place = "\(group.path)/service"
    let run = try ExportedRun()
    let prometheus = try PrometheusRun([run.target], scratch)
    let busy = ProcessInfo.processInfo.activeProcessorCount + 1
    let count = "histogram_count(sonde_cgroup_run_queue_latency_seconds{cgroup=~\".*/service\"})"
    var last = 0.0
    for _ in 0..<2 {
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      let script =
        "echo $$ >'\(place)/cgroup.procs'; exec '\(Binaries.url("testload").path)' spin \(busy)"
      let service = try Command("sh", ["-c", script + " --seconds 30"])
      let grows = eventually(seconds: 20) {
        ((try? prometheus.number(count)) ?? 0) > last + 50
      }
      #expect(grows)
      last = try #require(try prometheus.number(count))
      kill(service.pid, SIGTERM)
      _ = try? service.wait(seconds: 10)
      #expect(eventually(seconds: 10) { rmdir(place) == 0 })
    }
    #expect(try prometheus.query(count).count == 1)
    #expect(
      try prometheus.number(
        count.replacing("histogram_count(", with: "resets(").replacing("})", with: "}[1m])")) == 0)
    #expect(try prometheus.own("prometheus_target_scrapes_sample_duplicate_timestamp_total") == 0)
    try prometheus.stop()
    try run.stop()
    withExtendedLifetime(group) {}
  }

  /// Every query of every dashboard is answered, and with data.
  @Test func dashboards() throws {
    let load = try Load("vfork", "2")
    let busy = try Load("spin", "3")
    let forks = try Load("forks", "16", "1000000")
    try forks.begin()
    let run = try ExportedRun(["--also", "cloneprof"])
    let prometheus = try PrometheusRun(
      [run.target], scratch, rules: "\(packageRoot.path)/Examples/fleet/rules.yml")
    let folder = packageRoot.appending(path: "dashboards")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(files) == ["fleet.json", "host.json", "container.json", "forks.json"])
    for file in files {
      let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      let expressions = text.matches(of: /"expr": "((?:[^"\\]|\\.)*)"/).map {
        String($0.output.1).replacing("\\\"", with: "\"").replacing("$__rate_interval", with: "10s")
          .replacing("$instance", with: ".*").replacing("$cgroup", with: ".*")
      }
      #expect(expressions.count > 3, "\(file)")
      for expression in expressions {
        let hasData = eventually(seconds: 20) {
          (try? prometheus.query(expression))?.isEmpty == false
        }
        #expect(hasData, "\(file): \(expression)")
      }
    }
    // Of one scrape: the native histogram's sum is what the cgroups waited.
    let difference = try prometheus.number(
      "abs(histogram_sum(sonde_run_queue_latency_seconds) - on() sum(sonde_cgroup_cpu_wait_seconds_total))"
    )
    #expect(try #require(difference) < 1e-6)
    let recorded = eventually(seconds: 20) {
      (try? prometheus.query("{__name__=~\"instance.*:sonde.*\"}"))?.isEmpty == false
    }
    #expect(recorded)
    for load in [load, busy, forks] { _ = load.stop() }
    try prometheus.stop()
    try run.stop()
  }

  /// `merge` of two hosts' reports is what PromQL has of their metrics.
  @Test func mergedAsSummed() throws {
    let load = try Load("spin", "3")
    let runs = try ["one", "two"].map { try ExportedRun(interval: "3s", hostname: $0) }
    let prometheus = try PrometheusRun(runs.map(\.target), scratch)
    var isCompared = false
    _ = eventually(seconds: 40) {
      guard let both = try? runs.map({ try $0.both() }) else { return false }
      let times = both.map { $0.samples["sonde_interval_seconds_total"] ?? 0 }
      func sums() -> [Double] {
        let rows = (try? prometheus.query("sonde_interval_seconds_total")) ?? []
        return runs.compactMap { run in
          rows.first { $0.metric["instance"] == run.target }?.number
        }
      }
      guard eventually(seconds: 1.5, { sums() == times }) else { return false }
      let expressions = [
        ("sum(sonde_switches_total)", "switches", 1.0),
        ("sum(sonde_preemptions_total)", "preemptions", 1),
        ("sum(sonde_host_cpus)", "host.cpus", 1),
        ("sum(sonde_loss_delivered_total)", "loss.delivered", 1),
        ("sum(sonde_tasks_runnable_task_seconds_total)", "tasks.runnable.task_ns", 1e-9),
        (
          "histogram_sum(sum(sonde_run_queue_latency_seconds))",
          "histograms.run_queue_latency.sum", 1e-9
        ),
        (
          "histogram_count(sum(sonde_run_queue_latency_seconds))",
          "histograms.run_queue_latency.count", 1
        ),
      ]
      let answers = expressions.map { try? prometheus.number($0.0) }
      guard sums() == times else { return false }
      let files = both.enumerated().compactMap { index, pair in
        (try? JSONSerialization.data(withJSONObject: pair.report)).flatMap {
          try? scratch.write(String(decoding: $0, as: UTF8.self), to: "\(index).json")
        }
      }
      let merged = try? loadwatch(arguments: ["merge", "--format", "json"] + files)
      #expect(merged?.status == 0, "\(String(describing: merged))")
      let sum = merged.flatMap {
        (try? JSONSerialization.jsonObject(with: $0.bytes)) as? [String: Any]
      }
      for ((expression, path, scale), answer) in zip(expressions, answers) {
        var value: Any? = sum
        for name in path.split(separator: ".") { value = (value as? [String: Any])?[String(name)] }
        let expected = (value as? Double ?? -1) * scale
        #expect(
          abs((answer ?? -2) - expected) <= 1e-9 * expected,
          "\(expression) \(String(describing: answer)) \(expected)")
      }
      isCompared = true
      return true
    }
    #expect(isCompared)
    _ = load.stop()
    try prometheus.stop()
    for run in runs { try run.stop() }
  }
}
