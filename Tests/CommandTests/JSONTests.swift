import Foundation
import Histograms
import Reports
import Support
import Testing

/// Lines of JSON: their form, and that the intervals are the whole.
@Suite(.serialized)
struct JSONTests {
  /// A watch with some of everything in it; 7 intervals of 200 ms and one of 100.
  private static let run = Result {
    let loads = try [Load("pingpong", "1"), Load("dsleep", "10"), Load("spin", "2")]
    let ended = try loadwatch(
      "--format", "json", "--interval", "200ms", "--duration", "1500ms", "--comm", "testload")
    for load in loads { _ = load.stop() }
    return ended
  }

  private let ended: Command.Ended
  private let intervals: [LoadSnapshot]
  private let final: LoadSnapshot

  init() throws {
    ended = try Self.run.get()
    let all = try ended.snapshots()
    intervals = Array(all.dropLast())
    final = try #require(all.last)
  }

  @Test func oneLineAnIntervalAndOneForTheWhole() {
    #expect(ended.status == 0)
    #expect(ended.errors.isEmpty)
    #expect(intervals.count == 8)
    #expect(final.schema == "loadwatch/2")
    #expect(final.filter == FilterPart(comms: ["testload"]))
    #expect(final.host.cpus == ProcessInfo.processInfo.activeProcessorCount)
    #expect(final.load.kernel.count == 3)
  }

  @Test func intervalsHaveTheirPlannedLength() {
    let planned = Array(repeating: 200_000_000 as UInt64, count: 7) + [100_000_000]
    #expect(intervals.map { $0.intervalNs } == planned)
    #expect(final.intervalNs == 1_500_000_000)
  }

  /// By their own times: each begins where the one before ended, none drifts from the plan.
  @Test func intervalsFollowEachOther() throws {
    let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let start = try form.parse(final.start)
    #expect(intervals[0].start == final.start)
    #expect(intervals.last?.end == final.end)
    for (one, next) in zip(intervals, intervals.dropFirst()) { #expect(one.end == next.start) }
    for (index, interval) in intervals.enumerated() {
      let planned = min(0.2 * Double(index + 1), 1.5)
      #expect(abs(try form.parse(interval.end).timeIntervalSince(start) - planned) <= 0.001)
    }
    #expect(abs(start.timeIntervalSinceNow) < 600)
  }

  @Test func intervalsAddUp() {
    for field in [
      \LoadSnapshot.intervalNs, \.switches, \.preemptions, \.loss.expected, \.loss.delivered,
      \.loss.ringFull, \.loss.noRing, \.loss.recursion, \.loss.untraced, \.cost.consumerNs,
      \.cost.taskScanNs, \.tasks.runnable.taskNs, \.tasks.uninterruptible.taskNs,
    ] {
      #expect(final[keyPath: field] == intervals.reduce(0) { $0 + $1[keyPath: field] })
    }
  }

  @Test func histogramsAddUp() throws {
    for part in [
      \HistogramsPart.runQueueLatency, \.onCPU, \.blockedUninterruptible, \.blockedInterruptible,
    ] {
      var sum = Histogram()
      for interval in intervals { sum.add(try interval.histograms[keyPath: part].histogram()) }
      #expect(sum.count > 0)
      #expect(HistogramPart(sum) == final.histograms[keyPath: part])
    }
  }

  @Test func nothingIsPendingAtTheEnd() {
    let loss = final.loss
    #expect(loss.pending == 0)
    #expect(loss.expected == loss.delivered + loss.lost)
    #expect(loss.expected > 0 && final.switches > 0)
  }

  /// Every line, by the schema that the documentation shows.
  @Test func followsTheSchema() throws {
    try expectValid(ended, lines: 9)
  }

  /// With all that there is where nothing is left out.
  @Test func theAccountFollowsTheSchema() throws {
    let load = try Load("dsleep", "10")
    let ended = try loadwatch(
      "--format", "json", "--interval", "7s", "--duration", "7s", "--stacks", "--cgroup", "/")
    let all = try loadwatch(
      "--format", "json", "--interval", "7s", "--duration", "7s", "--stacks")
    _ = load.stop()
    try expectValid(ended, lines: 2)
    try expectValid(all, lines: 2)
    let final = try #require(try all.snapshots().last)
    #expect(
      final.attribution != nil && final.verdict?.isEmpty == false && final.stacks?.isEmpty == false)
    #expect(final.load.samples?.isEmpty == false && final.load.recomputed != nil)
    let limits = try #require(final.limits)
    #expect(
      limits.tasks > 1 && limits.threadsMax >= limits.tasks && limits.availableBytes > 1 << 20)
    // Its own cost, against what its process had.
    let cost = final.cost
    // On an emulated CPU that the host takes away a run may last milliseconds: all of them together
    // can't last longer than the CPUs were there.
    let inKernel = try #require(cost.bpfNsPerSwitch) * Double(final.switches)
    #expect(inKernel > 0 && inKernel <= Double(final.intervalNs) * Double(final.host.cpus))
    #expect(cost.taskScanNs < 7_000_000_000 && (1...7_000_000_000).contains(cost.consumerNs))
    #expect(cost.ringBytes >= UInt64(final.host.cpus) * 512 << 10)
  }

  private func expectValid(_ ended: Command.Ended, lines: Int) throws {
    let schema = packageRoot.appending(path: "docs/loadwatch-2.schema.json").path
    try #require(FileManager.default.fileExists(atPath: schema))
    let scratch = try Scratch()
    let output = scratch.file("out.json")
    try ended.bytes.write(to: URL(filePath: output))
    let check = """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1]))
      kind = jsonschema.validators.validator_for(schema)
      kind.check_schema(schema)
      lines = 0
      for line in open(sys.argv[2]):
          kind(schema, format_checker=jsonschema.FormatChecker()).validate(json.loads(line))
          lines += 1
      broken = json.loads(line)
      del broken["loss"]
      assert not kind(schema).is_valid(broken)
      print(lines)
      """
    let checked = try Command("/usr/bin/python3", ["-c", check, schema, output]).wait()
    #expect(checked.errors == "")
    #expect(checked.output == "\(lines)\n")
  }
}
