import FoundationEssentials
import Histograms
import Reports
import Testing

/// What a snapshot looks like as JSON.
struct FormTests {
  @Test func whatWasWrittenIsRead() throws {
    for longest in [nil, (12_400_000_000, "postgres")] as [(UInt64, String)?] {
      var snapshot = sample(final: true, longest: longest)
      snapshot.filter = FilterPart(pids: [1, 2], comms: ["a b"], cgroups: ["/x/\u{1b}"])
      #expect(try SnapshotJSON.snapshots(in: SnapshotJSON.line(snapshot)) == [snapshot])
      let complete = snapshot.complete()
      #expect(try SnapshotJSON.snapshots(in: SnapshotJSON.line(complete)) == [complete])
    }
  }

  @Test func largeNumbersAreExact() throws {
    var snapshot = sample(values: [.max / 70, 1 << 56, (1 << 53) + 1])
    snapshot.loss.expected = .max
    let all: [LoadSnapshot] = try SnapshotJSON.snapshots(in: SnapshotJSON.line(snapshot))
    let read = try #require(all.first)
    #expect(read == snapshot)
    #expect(read.histograms.onCPU.max == UInt64.max / 70 * 3)
  }

  @Test func aSnapshotIsOneLine() throws {
    var snapshot = sample()
    snapshot.filter.comms = ["a\nb\r"]
    let line = try SnapshotJSON.line(snapshot)
    #expect(!line.contains(UInt8(ascii: "\n")) && !line.contains(UInt8(ascii: "\r")))
  }

  @Test func keysAreAsDocumented() throws {
    let json = try JSONValue(sample(longest: (5, "dd")))
    #expect(
      json.keys == [
        "schema", "final", "host", "start", "end", "interval_ns", "filter", "probes", "loss",
        "cost", "load", "tasks", "switches", "preemptions", "histograms",
      ])
    #expect(json["schema"] == .string("loadwatch/2"))
    #expect(json["host"]?.keys == ["names", "kernels", "cpus"])
    #expect(json["filter"]?.keys == ["pids", "comms", "cgroups"])
    #expect(json["probes"]?.elements.first?.keys == ["feature", "probe", "available"])
    #expect(json["probes"]?.elements.last?.keys == ["feature", "probe", "available", "reason"])
    #expect(json["probes"]?.elements.last?["available"] == .string("cannot_tell"))
    #expect(
      json["loss"]?.keys == [
        "expected", "delivered", "pending", "ring_full", "no_ring", "map_full", "missed_ends",
        "recursion", "untraced", "names_left_out",
      ])
    #expect(
      json["cost"]?.keys == [
        "bpf_ns_per_switch", "consumer_ns", "task_scan_ns", "resident_bytes", "ring_bytes",
      ])
    #expect(json["load"]?["kernel"]?.elements.count == 3)
    #expect(json["tasks"]?["runnable"]?.keys == ["now", "mean", "max", "task_ns"])
    #expect(
      json["tasks"]?["uninterruptible"]?.keys == [
        "now", "mean", "max", "task_ns", "longest",
      ])
    #expect(json["tasks"]?["uninterruptible"]?["longest"]?.keys == ["ns", "comm", "tid"])
    let histograms = try #require(json["histograms"])
    #expect(
      histograms.keys == [
        "run_queue_latency", "on_cpu", "blocked_uninterruptible", "blocked_interruptible",
      ])
    let latency = try #require(histograms["run_queue_latency"])
    #expect(latency.keys == ["unit", "count", "sum", "min", "max", "buckets", "percentiles"])
    #expect(latency["unit"] == .string("ns"))
    #expect(latency["buckets"]?.elements.first?.keys == ["lo", "hi", "count"])
    #expect(latency["percentiles"]?.keys == ["p50", "p90", "p99", "p999"])
    let empty = try #require(histograms["blocked_interruptible"])
    #expect(empty.keys == ["unit", "count", "sum", "buckets", "percentiles"])
    #expect(empty["percentiles"]?.keys == [])
  }

  /// Rows and causes are data: nothing of them has to be parsed out of a text.
  @Test func keysOfTheAttribution() throws {
    let json = try JSONValue(sample().complete())
    let attribution = try #require(json["attribution"])
    #expect(attribution.keys == ["by", "rows", "delayed", "before_run", "unattributed"])
    #expect(attribution["by"]?.elements == [.string("process"), .string("site")])
    let rows = try #require(attribution["rows"]?.elements)
    let figures: Set<String> = ["count", "active", "load1", "load5", "load15"]
    #expect(rows[0].keys == figures.union(["state", "kernel_thread", "process"]))
    #expect(
      rows[1].keys
        == figures.union([
          "state", "kernel_thread", "process", "pid", "comm", "tid", "cgroup", "container", "pod",
          "unit", "user", "site", "wait",
        ]))
    #expect(rows[2].keys == figures.union(["state", "kernel_thread", "wait", "folded"]))
    #expect(rows[1]["wait"] == .string("lock") && rows[1]["state"] == .string("D"))
    #expect(json["verdict"]?.elements.first?["cause"] == .string("disk"))
  }

  /// Every key and every cause has its place in `docs/snapshot.md`.
  @Test func everyFieldIsDocumented() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/snapshot.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    func check(_ json: JSONValue) throws {
      for key in json.keys {
        #expect(text.contains(try Regex("[`.]\(key)(\\[3?\\])?[`.]")), "\(key)")
        try json[key].map(check)
      }
      for element in json.elements { try check(element) }
    }
    try check(try JSONValue(sample(longest: (5, "dd")).complete()))
    for grouping in Grouping.allCases { #expect(text.contains("`\(grouping.rawValue)`")) }
    for cause in VerdictCause.allCases { #expect(text.contains("`\(cause.rawValue)`")) }
    for wait in WaitKind.allCases { #expect(text.contains("`\(wait.rawValue)`")) }
    for lock in LockKind.allCases { #expect(text.contains("`\(lock.rawValue)`")) }
    for state in BlockerState.allCases { #expect(text.contains("`\(state.rawValue)`")) }
  }

  @Test func theSchemaFitsWhatIsWritten() throws {
    let checker = try SchemaChecker()
    var filtered = sample(final: true, longest: (5, "dd"))
    filtered.filter = FilterPart(pids: [1], comms: ["dd"], cgroups: ["/"])
    filtered.cost.bpfNsPerSwitch = nil
    let complete = sample().complete()
    for snapshot in [
      sample(), sample(values: []), filtered, try filtered.merged(with: filtered), complete,
      try complete.merged(with: complete), try complete.merged(with: sample(host: "web-2")),
    ] {
      #expect(checker.faults(of: try JSONValue(snapshot)) == [])
    }
    var every = complete
    every.attribution?.by = Grouping.allCases
    #expect(checker.faults(of: try JSONValue(every)) == [])
  }

  @Test func theSchemaRefusesOtherThings() throws {
    let checker = try SchemaChecker()
    let valid = try String(decoding: SnapshotJSON.line(sample()), as: UTF8.self)
    for (from, to) in [
      (#""cpus":2"#, #""cpus":"2""#), (#""cpus":2"#, #""cpus":2,"x":1"#),
      (#""cpus":2"#, #""cpu":2"#),
      (#""ring_full":10"#, #""ring_full":-10"#), ("loadwatch/2", "loadwatch/1"),
      (#""cannot_tell""#, #""maybe""#), (#""expected":120,"#, ""),
    ] {
      let broken = valid.replacing(from, with: to)
      #expect(broken != valid)
      let json = try JSONDecoder().decode(JSONValue.self, from: Data(broken.utf8))
      #expect(checker.faults(of: json) != [], "\(to)")
    }
  }

  @Test func timesAreInUTCWithMilliseconds() {
    #expect(
      SnapshotJSON.timestamp(Date(timeIntervalSince1970: 1_763_737_392.25))
        == "2025-11-21T15:03:12.250Z")
  }
}
