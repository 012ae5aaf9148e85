import Foundation
import Reports
import Support
import Testing

/// What other programs open, read by those programs or by what reads their formats: protoc, and Go's pprof.
@Suite(.serialized)
struct TraceTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Tests/Traces/summary.
  private struct Summary: Decodable {
    struct Event: Decodable {
      let name: String
      let category: String
      let at: UInt64
      let ns: UInt64?
      let thread: Int?
      let arguments: [String: String]
    }
    let faults: [String]
    let switches: UInt64
    let breaks: Int
    let wakeups: Int
    let threads: [String: Int]
    let names: [String]
    let slices: [Event]
    let open: [Event]
    let instants: [Event]
    let counters: [String: [Double]]
    let flows: Int
    let clocks: Int
  }

  private func summary(_ name: String) throws -> Summary {
    let read = try Command(
      packageRoot.appending(path: "Tests/Traces/summary").path, [scratch.file(name)]
    ).wait(seconds: 120)
    #expect(read.status == 0, "\(read.errors)")
    let summary = try JSONDecoder().decode(Summary.self, from: read.bytes)
    #expect(summary.faults.isEmpty, "\(summary.faults.joined(separator: "\n"))")
    return summary
  }

  private static let forks = ["forks", "64", "20", "--seconds", "60"]

  private func run(_ program: String, _ arguments: [String], seconds: Double = 60) throws
    -> Command.Ended
  {
    let ended = try Command(Binaries.url(program).path, arguments).wait(seconds: seconds)
    #expect(ended.status == 0, "\(arguments): \(ended.errors)")
    return ended
  }

  // MARK: - Perfetto

  /// A recording's events, against its report and the load's own count.
  @Test func ofARecording() throws {
    let sleeper = try Load("dsleep", "50", printsIDs: true)
    let busy = try Load("spin", "4")
    let rec = scratch.file("a.rec")
    _ = try run("loadwatch", ["record", "--duration", "7s", "-o", rec])
    _ = busy.stop()
    let own = figures(sleeper.stop().joined(separator: "\n"))
    _ = try run(
      "loadwatch", ["replay", rec, "--format", "perfetto", "-o", scratch.file("a.pftrace")])
    let whole = try #require(
      try run("loadwatch", ["replay", rec, "--format", "json"]).snapshots().last)
    let trace = try summary("a.pftrace")
    #expect(trace.switches == whole.switches)
    #expect(whole.loss.lost == 0 && trace.breaks <= Int(whole.loss.untraced))
    let blocked = whole.histograms.blockedUninterruptible
    let slept = trace.slices.filter { $0.category == "D" }
    // Those that had begun before the run are cut in the trace.
    #expect(abs(slept.count - Int(blocked.count)) <= 8, "\(slept.count) \(blocked.count)")
    // By the program's own clock, which runs on while it waits for a CPU.
    let seen = slept.filter { $0.thread == Int(sleeper.tids[0]) }.compactMap(\.ns).sorted()
    #expect((60...140).contains(seen.count), "\(seen.count)")
    let median = try #require(seen.isEmpty ? nil : Double(seen[seen.count / 2]))
    let count = try Double(#require(own["count"]))
    let mean = try Double(#require(own["total_ns"])) / count
    #expect((45e6...mean).contains(median), "\(median) \(own)")
    // Woken tasks are runnable for as long as they wait.
    #expect(trace.wakeups > 100)
    #expect(trace.threads[String(sleeper.tids[0])] != nil)
    #expect(trace.names.contains("testload"))
    #expect(trace.clocks >= 8)
    #expect(trace.counters["load1"]?.count == 7)
    #expect(trace.counters["D, mean of the interval"]?.max() ?? 0 > 0.8)
    // A part of it.
    _ = try run(
      "loadwatch",
      [
        "replay", rec, "--count", "2", "--format", "perfetto", "-o", scratch.file("b.pftrace"),
      ])
    let two = try run("loadwatch", ["replay", rec, "--count", "2", "--format", "json"])
    #expect(try summary("b.pftrace").switches == two.snapshots().last?.switches)
    // From a time on: nothing of before, and each counter once.
    let from = try #require(
      try run("loadwatch", ["replay", rec, "--format", "json"]).snapshots().dropFirst(3).first?
        .start)
    _ = try run(
      "loadwatch",
      ["replay", rec, "--from", from, "--format", "perfetto", "-o", scratch.file("d.pftrace")])
    let rest = try run("loadwatch", ["replay", rec, "--from", from, "--format", "json"]).snapshots()
    let later = try summary("d.pftrace")
    #expect(
      later.switches == rest.last?.switches && later.counters["load1"]?.count == rest.count - 1)
  }

  /// Live: where tasks sleep in D, and who has what they wait for.
  @Test func ofWaits() throws {
    let load = try Load("vfork", "5")
    _ = try run(
      "loadwatch",
      ["--format", "perfetto", "--duration", "12s", "-o", scratch.file("live.pftrace")])
    _ = load.stop()
    let trace = try summary("live.pftrace")
    let waiting = (trace.slices + trace.open).filter {
      $0.category == "D" && $0.name == "kernel_clone"
    }
    #expect(waiting.count >= 5)
    #expect(waiting.allSatisfy { $0.arguments["stack"]?.contains("kernel_clone") == true })
    // Of each of two samples at least.
    #expect(trace.flows >= 5)
    let arrows = trace.instants.filter { $0.category == "holder" }
    #expect(arrows.count == 2 * trace.flows)
    #expect(arrows.allSatisfy { $0.arguments["holder"]?.contains("testload") == true })
  }

  /// Names that anybody chooses.
  @Test func hostileNames() throws {
    let link = scratch.file("a\u{1b}[2J\u{202e}b")
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: Binaries.url("testload").path)
    let load = try Load("pingpong", "1", program: URL(fileURLWithPath: link))
    _ = try run(
      "loadwatch", ["--format", "perfetto", "--duration", "1s", "-o", scratch.file("h.pftrace")])
    _ = load.stop()
    let names = try summary("h.pftrace").names
    #expect(names.contains { $0.contains("\\x1b[2J") }, "\(names)")
    #expect(!names.contains { $0.contains("\u{1b}") || $0.contains("\u{202e}") })
  }

  @Test func ofClones() throws {
    let rec = scratch.file("c.rec")
    let recorded = try run(
      "cloneprof",
      ["record", "-o", rec, "--", Binaries.url("testload").path] + Self.forks, seconds: 100)
    #expect(figures(recorded.output)["forks"] == 20)
    _ = try run(
      "cloneprof", ["replay", rec, "--format", "perfetto", "-o", scratch.file("c.pftrace")])
    let json = try run("cloneprof", ["replay", rec, "--format", "json"]).bytes
    let whole = try JSONDecoder().decode(
      CloneSnapshot.self, from: Data(json.split(separator: UInt8(ascii: "\n")).last!))
    let trace = try summary("c.pftrace")
    let clones = trace.slices.filter { $0.category == "clone" }
    #expect(clones.count == Int(whole.histograms.clone.count) && clones.count >= 20)
    let time = clones.reduce(0) { $0 + ($1.ns ?? 0) }
    let waits = clones.reduce(0) { $0 + (UInt64($1.arguments["vfork_wait_ns"] ?? "") ?? 0) }
    #expect(time - waits == whole.histograms.clone.sum)
    let tables = clones.reduce(0) { $0 + (UInt64($1.arguments["page_table_bytes"] ?? "") ?? 0) }
    #expect(tables == whole.pageTables.bytes)
    // Each child has an arrow from its clone.
    let children = trace.slices.filter { $0.category == "child" }
    #expect(children.count >= 20 && trace.flows >= children.count)
    #expect(trace.counters["clones of the interval"]?.reduce(0, +) == Double(clones.count))
  }

  /// A trace of 100 MB takes no more memory than a small one.
  @Test func ofManyEvents() throws {
    let loads = [try Load("pingpong", "1"), try Load("pingpong", "1")]
    let rec = scratch.file("m.rec")
    _ = try run("loadwatch", ["record", "--duration", "8s", "-o", rec])
    for load in loads { _ = load.stop() }
    let file = scratch.file("m.pftrace")
    let ended = try Command(
      "/usr/bin/python3",
      [
        "-c",
        """
        import resource, subprocess, sys
        status = subprocess.run(sys.argv[1:]).returncode
        print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        """, Binaries.url("loadwatch").path, "replay", rec, "--format", "perfetto", "-o", file,
      ]
    ).wait(seconds: 120)
    let words = ended.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    #expect(words.first == 0, "\(ended.errors)")
    let size = try #require(FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
    // However fast the machine: the goal is 50 MB of memory for 100 MB of trace.
    #expect(size > 20_000_000)
    #expect(try #require(words.last) < 50_000, "KB")
  }

  // MARK: - Profiles

  private func pprof(_ file: String, _ type: String) throws -> [String: Double] {
    let ended = try Command(
      "go",
      [
        "tool", "pprof", "-top", "-nodecount=1000", "-unit=ns", "-sample_index=\(type)",
        scratch.file(file),
      ],
      environment: ["HOME": scratch.path]
    ).wait(seconds: 60)
    #expect(ended.status == 0, "\(ended.errors)")
    var sums: [String: Double] = [:]
    // flat flat% sum% cum cum% name
    for line in ended.output.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 6, let cumulative = Double(words[3].replacing("ns", with: "")) else {
        continue
      }
      sums[words[5...].joined(separator: " ")] = cumulative
    }
    return sums
  }

  @Test func profilesOfClones() throws {
    let rec = scratch.file("c.rec")
    _ = try run(
      "cloneprof",
      ["record", "-o", rec, "--", Binaries.url("testload").path] + Self.forks, seconds: 100)
    let json = try run("cloneprof", ["replay", rec, "--format", "json"]).bytes
    let whole = try JSONDecoder().decode(
      CloneSnapshot.self, from: Data(json.split(separator: UInt8(ascii: "\n")).last!))
    let (ns, count) = whole.stacks.reduce((0, 0)) { ($0.0 + $1.ns, $0.1 + $1.count) }
    _ = try run("cloneprof", ["replay", rec, "--format", "pprof", "-o", scratch.file("c.pb.gz")])
    let times = try pprof("c.pb.gz", "clone")
    #expect(try abs(#require(times["testload"]) - Double(ns)) <= Double(ns) / 1e6 + 1, "\(times)")
    #expect(try pprof("c.pb.gz", "clones")["testload"] == Double(count))
    let text = try run("cloneprof", ["replay", rec, "--format", "speedscope"]).bytes
    let scope = try JSONDecoder().decode(Scope.self, from: text)
    #expect(scope.profiles.map(\.name) == ["clone"])
    #expect(scope.profiles[0].weights.reduce(0, +) == ns && scope.profiles[0].endValue == ns)
    #expect(scope.profiles[0].samples.allSatisfy { scope.shared.frames[$0[0]].name == "testload" })
  }

  private struct Scope: Decodable {
    struct Shared: Decodable { let frames: [Frame] }
    struct Frame: Decodable { let name: String }
    struct Profile: Decodable {
      let name: String
      let endValue: UInt64
      let samples: [[Int]]
      let weights: [UInt64]
    }
    let shared: Shared
    let profiles: [Profile]
  }

  @Test func profilesOfLoad() throws {
    let (spin, sleep) = (try Load("spin", "4"), try Load("dsleep", "50"))
    _ = try run(
      "loadwatch", ["--format", "pprof", "--duration", "5s", "-o", scratch.file("l.pb.gz")])
    _ = (spin.stop(), sleep.stop())
    // One that sleeps in D nearly all the time, and four that compete for two CPUs.
    let slept = try #require(try pprof("l.pb.gz", "uninterruptible")["testload"])
    #expect((3e9...5.2e9).contains(slept), "\(slept)")
    let waited = try pprof("l.pb.gz", "run_queue")
    #expect(waited["waiting for a CPU"] ?? 0 > 4e9, "\(waited)")
  }

  // MARK: -

  @Test func badInput() throws {
    for format in ["perfetto", "pprof"] {
      let shown = try start(
        ["--format", format, "--duration", "1s"], to: .terminal(columns: 80, rows: 24)
      ).wait()
      #expect(shown.status == 64 && (shown.output + shown.errors).contains("name a file with -o"))
    }
    let filtered = try loadwatch("--format", "perfetto", "--comm", "sh", "-o", scratch.file("x"))
    #expect(filtered.status == 64 && filtered.errors.contains("a trace shows every task"))
    let long = try loadwatch("--format", "perfetto", "--interval", "5m", "-o", scratch.file("x"))
    #expect(long.status == 64 && long.errors.contains("at most 10s with --format perfetto"))
    let merged = try loadwatch("merge", "a.json", "--format", "perfetto")
    #expect(merged.status == 64 && merged.errors.contains("only a recording holds events"))
    let recording = packageRoot.appending(path: "Tests/Pictures/freeze.rec").path
    let full = try loadwatch("replay", recording, "--format", "perfetto", "-o", "/dev/full")
    #expect(full.status == 1 && full.complaint.contains("No space left on device"))
    let profile = try loadwatch("replay", recording, "--format", "pprof", "-o", "/dev/null")
    #expect(profile.status == 64 && profile.errors.contains("not available in replay"))
    let report = try loadwatch("report", recording, "--format", "json")
    #expect(report.status == 64 && report.errors.contains("writes HTML"))
  }
}
