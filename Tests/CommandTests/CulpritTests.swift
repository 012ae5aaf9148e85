import Foundation
import Proc
import Reports
import Support
import Testing

/// Who ran while others waited for a CPU, checked against the kernel's accounting.
@Suite(.serialized)
struct CulpritTests {
  private func whole(_ options: String...) throws -> LoadSnapshot {
    let ended = try loadwatch(
      arguments: ["--format", "json", "--culprits", "--duration", "11s"] + options, seconds: 60)
    #expect(ended.status == 0, "\(ended.errors)")
    return try #require(try ended.snapshots().last)
  }

  private func row(_ snapshot: LoadSnapshot, of pid: Int32) throws -> CPUWaitPart {
    try #require(snapshot.cpuWaits?.first { $0.pid == UInt32(pid) })
  }

  private func ns(_ row: CPUWaitPart, _ pid: Int32) -> UInt64 {
    row.culprits.first { $0.kind == .process && $0.pid == UInt32(pid) }?.ns ?? 0
  }

  /// What it costs in an emulator is part of the truth, and not little.
  private func own(_ row: CPUWaitPart) -> Double {
    Double(row.culprits.filter { $0.process == "loadwatch" }.reduce(0) { $0 + $1.ns })
  }

  /// Three busy tasks on one CPU, one of them niced: every wait is charged, in proportion to how long the kernel
  /// says the other two ran.
  @Test func threeOnOneCPU() throws {
    let load = try Load("spin", "3", "0", printsIDs: true)
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(load.tids[2]), 5)
    let before = try load.tids.map { try SchedStat.of(tid: $0) }
    let snapshot = try whole()
    let after = try load.tids.map { try SchedStat.of(tid: $0) }
    _ = load.stop()
    let all = try #require(snapshot.cpuWaits)
    #expect(all.reduce(0) { $0 + $1.waitNs } == snapshot.histograms.runQueueLatency.sum)
    #expect(all.allSatisfy { $0.culprits.reduce(0) { $0 + $1.ns } == $0.waitNs })
    // The other two's shares of the CPU: by the kernel, and by what this one's wait is charged to.
    let ran = zip(before, after).map { Double($1.onCPU - $0.onCPU) }
    for victim in 0..<3 {
      let row = try row(snapshot, of: load.tids[victim])
      let others = [0, 1, 2].filter { $0 != victim }
      let charged = others.map { Double(ns(row, load.tids[$0])) }
      let sum = charged[0] + charged[1]
      #expect(sum + own(row) > 0.9 * Double(row.waitNs), "\(row)")
      let part = ran[others[0]] / (ran[others[0]] + ran[others[1]])
      #expect(abs(charged[0] / sum - part) < 0.02, "\(row), \(ran)")
    }
  }

  /// The threads of a process wait for each other.
  @Test func itself() throws {
    let load = try Load("contend", "4", "0")
    let snapshot = try whole()
    _ = load.stop()
    let row = try #require(snapshot.cpuWaits?.first { $0.process == "testload" })
    let itself = row.culprits.first { $0.kind == .sameProcess }?.ns ?? 0
    #expect(Double(itself) + own(row) > 0.9 * Double(row.waitNs), "\(row)")
    #expect(row.waitNs > 2 * snapshot.intervalNs)
  }

  /// A cgroup limited to a fifth of a CPU waits four fifths of the time, and its quota is charged for it.
  @Test func aQuota() throws {
    let load = try Load("spin", "1", "0", printsIDs: true)
    let cgroup = try TestCgroup("cpu")
    try cgroup.set(
      "cpu.max", v1: "cpu.cfs_quota_us", to: cgroup.isUnified ? "20000 100000" : "20000")
    try cgroup.take(load.tids[0])
    let snapshot = try whole()
    _ = load.stop()
    let row = try row(snapshot, of: load.tids[0])
    let quota = row.culprits.first { $0.kind == .quota }?.ns ?? 0
    #expect(Double(row.waitNs) > 0.7 * Double(snapshot.intervalNs), "\(row)")
    // An emulator takes a while to give the CPU back once there is quota again.
    #expect(Double(quota) > (Need.inLab ? 0.85 : 0.95) * Double(row.waitNs), "\(row)")
  }

  /// What softirqs take of a CPU is listed beside those who wait for it, as /proc/stat has it; and their time is
  /// charged to whom they interrupted, so that the waits still add up.
  @Test func softirqs() throws {
    func ticks() throws -> (all: Double, softirq: Double) {
      let text = try String(contentsOfFile: "/proc/stat", encoding: .utf8)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("cpu0 ") })
      // user nice system idle iowait irq softirq steal
      let times = line.split(separator: " ").dropFirst().compactMap { Double($0) }
      return (times.prefix(8).reduce(0, +), times[6])
    }
    let load = try Load("flood", "2", "0", printsIDs: true)
    let before = try ticks()
    let snapshot = try whole()
    let after = try ticks()
    _ = load.stop()
    let share = (after.softirq - before.softirq) / (after.all - before.all)
    let cpu = try #require(snapshot.cpus?.taken.first { $0.cpu == 0 }, "\(share)")
    #expect(share > 0.1 && abs(cpu.softirq - share) < 0.03, "\(cpu), \(share)")
    let all = try #require(snapshot.cpuWaits)
    #expect(all.reduce(0) { $0 + $1.waitNs } == snapshot.histograms.runQueueLatency.sum)
    #expect(all.allSatisfy { $0.culprits.reduce(0) { $0 + $1.ns } == $0.waitNs })
    for (victim, other) in [(0, 1), (1, 0)] {
      let row = try row(snapshot, of: load.tids[victim])
      // What a task's softirqs leave over, ksoftirqd takes care of.
      let softirqs = row.culprits.filter { $0.kind == .kernelThread }.reduce(0) { $0 + $1.ns }
      let charged = Double(ns(row, load.tids[other]) + softirqs) + own(row)
      #expect(charged > 0.9 * Double(row.waitNs), "\(row)")
    }
  }

  /// By cgroup and container: two tasks in one, one in another, all on one CPU.
  @Test func ofCgroups() throws {
    let group = try TestCgroup()
    let id = Array(repeating: "0123456789abcdef", count: 4).joined()
    try group.add(below: "a")
    try group.add(below: "docker-\(id).scope")
    let load = try Load("spin", "3", "0", printsIDs: true)
    for tid in load.tids.prefix(2) { try group.take(tid, at: "/a") }
    try group.take(load.tids[2], at: "/docker-\(id).scope")
    let byCgroup = try whole("--by", "cgroup")
    let byContainer = try whole("--by", "container")
    _ = load.stop()
    for snapshot in [byCgroup, byContainer] {
      let all = try #require(snapshot.cpuWaits)
      #expect(all.reduce(0) { $0 + $1.waitNs } == snapshot.histograms.runQueueLatency.sum)
      #expect(all.allSatisfy { $0.culprits.reduce(0) { $0 + $1.ns } == $0.waitNs })
      #expect(all.allSatisfy { $0.process == nil })
    }
    let name = "/\(group.name)"
    let two = try #require(byCgroup.cpuWaits?.first { $0.place?.cgroup == "\(name)/a" })
    let itself = two.culprits.first { $0.kind == .samePlace }?.ns ?? 0
    let other = two.culprits.first { $0.place?.cgroup == "\(name)/docker-\(id).scope" }?.ns ?? 0
    // Each of the two waits for the other and for the third one, for as long.
    #expect(Double(itself + other) > 0.75 * Double(two.waitNs), "\(two)")
    #expect(abs(Double(itself) / Double(max(1, itself + other)) - 0.5) < 0.05, "\(two)")
    let one = try #require(byContainer.cpuWaits?.first { $0.place?.container == id })
    #expect(one.culprits.first?.place?.container == "(no container)", "\(one)")
    #expect(Double(one.culprits.first?.ns ?? 0) > 0.75 * Double(one.waitNs), "\(one)")
  }

  /// Without `--culprits` only the largest have rows; the sums are still complete.
  @Test func theLargest() throws {
    let load = try Load("spin", "24", "0")
    let ended = try loadwatch("--format", "json", "--duration", "3s")
    _ = load.stop()
    let snapshot = try #require(try ended.snapshots().last)
    let all = try #require(snapshot.cpuWaits)
    #expect(all.count <= 11 && all.allSatisfy { $0.culprits.count { $0.kind == .process } <= 3 })
    // Those of one name together.
    let spinners = try #require(all.first)
    #expect(spinners.process == "testload" && spinners.pid == nil)
    #expect(spinners.culprits.first?.label == "testload processes", "\(spinners)")
    #expect(all.reduce(0) { $0 + $1.waitNs } == snapshot.histograms.runQueueLatency.sum)
  }
}
