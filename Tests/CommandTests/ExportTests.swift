import Foundation
import Reports
import Support
import Testing

/// `loadwatch export`, read as text, and by a real Prometheus.
@Suite(.serialized)
struct ExportTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func promtool(_ text: String) throws {
    let file = try scratch.write(text, to: "metrics.txt")
    let checked = try Command("sh", ["-c", "promtool check metrics <'\(file)'"]).wait(seconds: 30)
    #expect(checked.status == 0 && checked.output.isEmpty && checked.errors.isEmpty, "\(checked)")
  }

  /// Every figure adds up, and those that the kernel knows are the kernel's.
  @Test func addsUp() throws {
    let busy = ProcessInfo.processInfo.activeProcessorCount + 1
    let load = try Load("spin", "\(busy)")
    let run = try ExportedRun()
    let url = run.url
    // A load sample comes every five seconds; right after it the exporter's is still the one before.
    var found: [String: Double] = [:]
    var text = ""
    let isLikeTheKernel = eventually(seconds: 30) {
      text = (try? curl("\(url)/metrics"))?.output ?? ""
      found = ExportedRun.samples(text)
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
    let causes = found.filter { $0.value == 1 }.keys.compactMap {
      $0.wholeMatch(of: /sonde_verdict{cause="(\w+)"}/)?.output.1
    }
    #expect(!causes.isEmpty)
    #expect(found["sonde_exporter_series{which=\"used\"}"] == Double(found.count))
    #expect(found.count <= 500)
    try promtool(text)
    let open = try curl("-H", "Accept: application/openmetrics-text", "\(url)/metrics").output
    #expect(open.hasSuffix("# EOF\n") && open.contains("# TYPE sonde_switches counter\n"))
    #expect(open.contains("# UNIT sonde_on_cpu_seconds seconds\n"))
    #expect(try curl("\(url)/healthz").output == "ok\n")
    let page = try curl("\(url)/report").output
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("Run queue latency over time"))
    try checkWaits(try run.report())
    #expect(try curl("-o", "/dev/null", "-w", "%{http_code}", "\(url)/x").output == "404")
    #expect(
      try curl("-X", "POST", "-o", "/dev/null", "-w", "%{http_code}", "\(url)/metrics").output
        == "405")
    _ = load.stop()
    let ended = try run.stop()
    for cause in causes {
      #expect(ended.errors.contains("verdict cause=\(cause) share="), "\(ended.errors)")
    }
  }

  /// Who waited for a CPU is told of the same time as how long waits took.
  private func checkWaits(_ report: [String: Any]) throws {
    let rows = try #require(report["cpu_waits"] as? [[String: Any]])
    let waits = rows.reduce(0) { $0 + ($1["wait_ns"] as? Double ?? 0) }
    let histograms = report["histograms"] as? [String: [String: Any]]
    #expect(waits > 0 && waits == histograms?["run_queue_latency"]?["sum"] as? Double)
    #expect(
      (report["attribution"] as? [String: Any])?["by"] as? [String] == ["process", "site"])
    if FileManager.default.fileExists(atPath: "/proc/pressure/cpu") {
      #expect(report["pressure"] != nil)
    }
  }

  /// Sixty cgroups, more than a report has rows for: each has its part of load1.
  @Test func manyCgroups() throws {
    let group = try TestCgroup()
    let script = """
      for index in $(seq 60); do
        mkdir "$0/$index"
        sh -c 'echo $$ >"$0/cgroup.procs"; exec "$1" vfork 1 --seconds 20 </dev/null >/dev/null' "$0/$index" "$1" &
      done
      wait
      rmdir "$0"/*/
      """
    let loads = try Command("sh", ["-c", script, group.path, Binaries.url("testload").path])
    let run = try ExportedRun(["--max-series", "2000"])
    var parts: [Double] = []
    let areThere = eventually(seconds: 20) {
      parts = ((try? run.samples()) ?? [:]).filter {
        $0.key.hasPrefix("sonde_cgroup_load{") && $0.key.contains(group.name)
          && $0.key.contains("state=\"D\"") && $0.value > 0.07
      }.map(\.value)
      return parts.count == 60
    }
    #expect(areThere, "\(parts)")
    try run.stop()
    #expect(try loads.wait(seconds: 60).status == 0)
    withExtendedLifetime(group) {}
  }

  /// 200 are blocked all the time, more than a report has rows for: that is 200 seconds a second, to a load sample
  /// more or less.
  @Test func blockedTime() throws {
    let load = try Load("vfork", "200")
    let run = try ExportedRun()
    let name = "sonde_blocked_seconds_total{wait=\"vfork\"}"
    func reading(above least: Double) throws -> [String: Double] {
      var found: [String: Double] = [:]
      let isThere = eventually(seconds: 30) {
        found = (try? run.samples()) ?? [:]
        return found[name] ?? 0 > least
      }
      #expect(isThere, "\(found)")
      return found
    }
    let first = try reading(above: 0)
    let before = try #require(first[name])
    let last = try reading(above: before + 2400)
    let time = last["sonde_interval_seconds_total"]! - first["sonde_interval_seconds_total"]!
    let blocked = last[name]! - before
    #expect(abs(blocked - 200 * time) < 200 * 5, "\(blocked) in \(time)")
    // Their part of load1, which only they are in.
    let part = last["sonde_load_part{state=\"D\",cause=\"vfork\"}"]!
    let load1 = last["sonde_blocked_load{wait=\"vfork\"}"]!
    #expect(part > 30 && abs(part - load1) < 0.01, "\(part) \(load1)")
    _ = load.stop()
    try run.stop()
  }

  /// What attaching takes, the kernel's BTF and symbols, is given back, by the threads of both tools.
  @Test func memory() throws {
    let run = try ExportedRun(["--also", "cloneprof"])
    #expect(eventually(seconds: 20) { (try? curl("\(run.url)/healthz").output) == "ok\n" })
    let status = try String(contentsOfFile: "/proc/\(run.command.pid)/status", encoding: .utf8)
    let line = try #require(status.firstMatch(of: /RssAnon:\s+(\d+) kB/))
    #expect(try #require(Int(line.output.1)) < 24 << 10, "\(line.output.0)")
    try run.stop()
  }

  /// A workload that makes names: series stay bounded, and sums exact.
  @Test func hostileNames() throws {
    let run = try ExportedRun(["--max-series", "300"])
    let url = run.url
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
      found = ExportedRun.samples(text)
      return (found["sonde_cgroup_cpu_wait_seconds_total{cgroup=\"other\"}"] ?? 0) > 1
    }
    #expect(isSeen && found.count <= 300, "\(found.count)")
    let waited = try #require(found["sonde_run_queue_latency_seconds_sum"])
    #expect(abs(sum(found, "sonde_cgroup_cpu_wait_seconds_total{") - waited) < 1e-6 * waited)
    #expect(!text.contains("\u{1b}"))
    try promtool(text)
    try run.stop()
    #expect(try loads.wait(seconds: 60).status == 0)
    withExtendedLifetime(group) {}
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
    #expect(try complaint("--max-series", "2000000").contains("at most 1000000"))
    #expect(try complaint("--schema", "9").contains("must be 3, 4 or 5"))
    #expect(try complaint("--interval", "50ms").contains("between 100ms and 60s"))
    #expect(try complaint("--comm", "sh").contains("filters, --by and --format don't apply"))
    #expect(try complaint("--also", "perf").contains("--also"))
    #expect(try complaint("--also", "cloneprof", "--max-series", "300").contains("at least 500"))
    #expect(try complaint("--otlp", "collector:4318").contains("must be a URL"))
    let nobody = try Command(
      Binaries.url("cloneprof").path, ["export", "--pid", "4194304"]
    ).wait()
    #expect(nobody.status == 1 && nobody.complaint(of: "cloneprof").contains("no such process"))
    // A process that ends takes its exporter with it, and that is said.
    let sleeper = try Command("sleep", ["3"])
    let alone = try ExportedRun(tool: "cloneprof", ["--pid", "\(sleeper.pid)"])
    let over = try alone.command.wait(seconds: 20)
    #expect(over.status == 0 && over.errors.contains("all traced processes have exited"), "\(over)")
    _ = try sleeper.wait()
    let run = try ExportedRun()
    let port = try #require(run.url.split(separator: ":").last)
    let second = try loadwatch("export", "--listen", "127.0.0.1:\(port)")
    #expect(second.status == 1 && second.complaint.contains("Address already in use"))
    let lost = try loadwatch("export", "--record-to", scratch.file("none"))
    #expect(lost.status == 1 && lost.complaint.contains("No such file"))
    try run.stop()
  }

  /// What the JSON says of the same intervals, figure by figure.
  @Test func isTheReport() throws {
    let load = try Load("vfork", "2")
    let sleeps = try Load("dsleep", "20")
    let busy = try Load("pingpong", "1")
    let run = try ExportedRun(interval: "2s")
    let (samples, report) = try run.both()
    func number(_ path: String) -> Double? {
      var value: Any? = report
      for name in path.split(separator: ".") {
        if let list = value as? [Any] {
          value = Int(name).flatMap { list.indices.contains($0) ? list[$0] : nil }
        } else {
          value = (value as? [String: Any])?[String(name)]
        }
      }
      return value as? Double
    }
    for (metric, path, scale) in [
      ("sonde_switches_total", "switches", 1), ("sonde_preemptions_total", "preemptions", 1),
      ("sonde_loss_expected_total", "loss.expected", 1),
      ("sonde_loss_delivered_total", "loss.delivered", 1),
      ("sonde_loss_ring_full_total", "loss.ring_full", 1),
      ("sonde_loss_untraced_total", "loss.untraced", 1),
      ("sonde_tasks_runnable_task_seconds_total", "tasks.runnable.task_ns", 1e-9),
      ("sonde_tasks_uninterruptible_task_seconds_total", "tasks.uninterruptible.task_ns", 1e-9),
      ("sonde_cost_consumer_seconds_total", "cost.consumer_ns", 1e-9),
      ("sonde_cost_ring_bytes", "cost.ring_bytes", 1),
      ("sonde_run_queue_latency_seconds_count", "histograms.run_queue_latency.count", 1),
      ("sonde_run_queue_latency_seconds_sum", "histograms.run_queue_latency.sum", 1e-9),
      ("sonde_on_cpu_seconds_count", "histograms.on_cpu.count", 1),
      ("sonde_on_cpu_seconds_sum", "histograms.on_cpu.sum", 1e-9),
      ("sonde_uninterruptible_seconds_count", "histograms.blocked_uninterruptible.count", 1),
      ("sonde_uninterruptible_seconds_sum", "histograms.blocked_uninterruptible.sum", 1e-9),
      ("sonde_load1", "load.kernel.0", 1), ("sonde_load15", "load.kernel.2", 1),
    ] {
      let (shown, reported) = (samples[metric], number(path))
      #expect(shown != nil && reported != nil, "\(metric) \(path)")
      guard let shown, let reported else { continue }
      #expect(
        abs(shown - reported * scale) <= 1e-9 * abs(shown) + 1e-9, "\(metric) \(shown) \(reported)")
    }
    #expect(samples["sonde_switches_total"] ?? 0 > 10_000)
    #expect(samples["sonde_uninterruptible_seconds_count"] ?? 0 > 0)
    let verdict =
      (report["verdict"] as? [[String: Any]])?.compactMap { $0["cause"] as? String } ?? []
    let causes = samples.filter { $0.key.hasPrefix("sonde_verdict{") && $0.value == 1 }.keys
    #expect(Set(causes) == Set(verdict.map { "sonde_verdict{cause=\"\($0)\"}" }))
    _ = load.stop()
    _ = sleeps.stop()
    _ = busy.stop()
    try run.stop()
  }

  /// Clones in the same process: as many as a load has made.
  @Test func clones() throws {
    let run = try ExportedRun(["--also", "cloneprof"])
    let load = try Load("forks", "16", "40")
    try load.begin()
    let isSeen = eventually(seconds: 30) {
      ((try? run.samples())?["sonde_clone_children_total"] ?? 0) >= 40
    }
    let samples = try run.samples()
    #expect(isSeen, "\(samples)")
    let said = load.stop()
    let clones = try #require(samples["sonde_clone_seconds_count"])
    #expect(sum(samples, "sonde_clones_total{") == clones && clones >= 40, "\(said)")
    let time = try #require(samples["sonde_clone_seconds_sum"])
    #expect(abs(sum(samples, "sonde_clone_caller_seconds_total{") - time) < 1e-6 * time + 1e-9)
    let phases = samples.filter {
      $0.key.hasPrefix("sonde_clone_phase_seconds_total{") && !$0.key.contains("vfork_wait")
    }
    #expect(abs(phases.values.reduce(0, +) - time) < 0.01 * time + 1e-6, "\(phases)")
    // 16 MiB each, in small pages or in huge ones.
    #expect(samples["sonde_clone_resident_bytes_total"] ?? 0 > 40 * 16 * 1_048_576)
    let lost = samples.filter {
      $0.key.hasPrefix("sonde_clone_loss_") && !$0.key.contains("expected")
        && !$0.key.contains("names")
    }
    #expect(samples["sonde_clone_loss_expected_total"] == lost.values.reduce(0, +), "\(lost)")
    #expect(samples["sonde_clone_loss_delivered_total"] ?? 0 >= 40)
    #expect(samples.count == Int(samples["sonde_exporter_series{which=\"used\"}"] ?? 0))
    try promtool(try curl("\(run.url)/metrics").output)
    #expect(
      try curl("\(run.url)/report/cloneprof").output.contains("Where a clone&#39;s time goes"))
    #expect(
      try curl("\(run.url)/report/cloneprof.json").output.contains("\"schema\":\"cloneprof/2\""))
    #expect(eventually(seconds: 10) { (try? curl("\(run.url)/healthz").output) == "ok\n" })
    try run.stop()
  }

  /// More callers than a report lists have series.
  @Test func callers() throws {
    let run = try ExportedRun(["--also", "cloneprof"])
    for index in 1...15 {
      let file = try scratch.write(
        "#!/bin/sh\nfor turn in 1 2 3; do (:); done\n", to: "caller\(index)")
      chmod(file, 0o755)
    }
    let line = "for file in '\(scratch.path)'/caller*; do \"$file\"; done"
    #expect(try Command("sh", ["-c", line]).wait().status == 0)
    let callers = (1...15).map { "sonde_clone_caller_seconds_total{comm=\"caller\($0)\"}" }
    #expect(
      eventually(seconds: 10) {
        (try? run.samples()).map { found in callers.allSatisfy { found[$0] != nil } } ?? false
      })
    try run.stop()
  }

  /// The same by the other tool alone.
  @Test func clonesAlone() throws {
    let load = try Load("forks", "16", "1000000")
    try load.begin()
    let run = try ExportedRun(tool: "cloneprof", ["--comm", "testload"])
    let isSeen = eventually(seconds: 30) {
      ((try? run.samples())?["sonde_clones_total{call=\"fork\"}"] ?? 0)
        + ((try? run.samples())?["sonde_clones_total{call=\"clone\"}"] ?? 0) >= 10
    }
    let samples = try run.samples()
    #expect(isSeen && samples["sonde_clone_cost_consumer_seconds_total"] ?? 0 > 0, "\(samples)")
    #expect(samples.keys.contains("sonde_clone_caller_seconds_total{comm=\"testload\"}"))
    try promtool(try curl("\(run.url)/metrics").output)
    _ = load.stop()
    try run.stop()
  }

  /// A cgroup's labels are what its path tells; its native histogram is its own.
  @Test func containers() throws {
    let group = try TestCgroup()
    let id = String(repeating: "0123456789abcdef", count: 4)
    let place = "\(group.path)/docker-\(id).scope"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    let busy = ProcessInfo.processInfo.activeProcessorCount + 1
    let script =
      "echo $$ >'\(place)/cgroup.procs'; exec '\(Binaries.url("testload").path)' spin \(busy) --seconds 20"
    let load = try Command("sh", ["-c", script])
    let run = try ExportedRun()
    let labels = "container_id=\"\(id)\",unit=\"docker-\(id).scope\""
    var samples: [String: Double] = [:]
    let isSeen = eventually(seconds: 20) {
      samples = (try? run.samples()) ?? [:]
      return samples.contains {
        $0.key.hasPrefix("sonde_cgroup_cpu_wait_seconds_total{") && $0.key.contains(labels)
          && $0.value > 1
      } && samples.contains { $0.key.hasPrefix("sonde_cgroup_load{") && $0.key.contains(labels) }
    }
    #expect(isSeen, "\(samples)")
    let open = try curl("-H", "Accept: application/openmetrics-text", "\(run.url)/metrics").output
    #expect(open.contains(" # {comm=\""))
    // By the public schema, without the messages: names of the metric and labels, and a histogram.
    let accept =
      "Accept: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
    let binary = try curl("-H", accept, "\(run.url)/metrics").bytes
    #expect(binary.firstRange(of: Data("sonde_cgroup_run_queue_latency_seconds".utf8)) != nil)
    kill(load.pid, SIGKILL)
    _ = try? load.wait(seconds: 5)
    try run.stop()
    #expect(eventually(seconds: 5) { rmdir(place) == 0 })
    withExtendedLifetime(group) {}
  }

  /// The last minute, in a file, as somebody asks for it.
  @Test func recording() throws {
    let run = try ExportedRun(["--record-to", scratch.path])
    let load = try Load("spin", "1")
    #expect(eventually(seconds: 10) { (try? curl("\(run.url)/healthz").output) == "ok\n" })
    let code = ["-o", "/dev/null", "-w", "%{http_code}", "\(run.url)/record"]
    func status(_ arguments: String...) throws -> String {
      try Command("curl", ["-sS"] + arguments + code).wait().output
    }
    #expect(try status() == "405")
    #expect(try status("-X", "POST", "-H", "Origin: http://example.org") == "403")
    #expect(try status("-X", "POST") == "202")
    #expect(eventually(seconds: 10) { scratch.names.contains { $0.hasSuffix(".rec") } })
    _ = load.stop()
    let ended = try run.stop()
    #expect(ended.errors.contains(".rec: ") && ended.errors.contains("written"))
    let file = try #require(scratch.names.first { $0.hasSuffix(".rec") })
    let replayed = try loadwatch("replay", "--format", "json", scratch.file(file))
    #expect(replayed.status == 0, "\(replayed)")
    let whole = try #require(try replayed.snapshots().last)
    #expect(whole.switches > 0 && whole.intervalNs > 500_000_000)
    let other = try ExportedRun()
    let refused = try curl("-X", "POST", "-w", "%{http_code}", "\(other.url)/record").output
    #expect(refused.hasSuffix("403") && refused.contains("--record-to"))
    try other.stop()
  }
}
