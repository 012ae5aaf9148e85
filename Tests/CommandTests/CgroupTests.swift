import Foundation
import Reports
import Support
import Testing

/// `--cgroup`: paths that are none, and tasks of one and below; `--by container` and `unit`.
@Suite(.serialized)
struct CgroupTests {
  @Test(arguments: [
    ("sonde-is-not-there", "no such cgroup"), ("/sonde/is/not/there", "no such cgroup"),
    ("", "empty"), ("../..", "leads outside"), ("cgroup.procs", "no such cgroup"),
  ])
  func noCgroups(_ path: String, _ reason: String) throws {
    let ended = try loadwatch("--cgroup", path)
    #expect(ended.status == 1)
    #expect(ended.output.isEmpty)
    #expect(ended.complaint.contains(reason))
  }

  @Test func tasksOfACgroupAndBelow() throws {
    let group = try TestCgroup()
    try group.add(below: "below")
    let load = try Load("spin", "2", printsIDs: true)
    let other = try Load("spin", "1")
    try group.take(load.tids[0])
    try group.take(load.tids[1], at: "/below")
    for path in [group.path, group.name, "/\(group.name)"] {
      let ended = try loadwatch("--cgroup", path, "--format", "json", "--duration", "300ms")
      #expect(ended.status == 0)
      let final = try #require(try ended.snapshots().last)
      #expect(final.filter.cgroups == [path])
      #expect(final.tasks.runnable.now == 2)
      #expect(abs(final.tasks.runnable.mean - 2) < 0.01)
    }
    _ = load.stop()
    _ = other.stop()
  }

  /// Whatever rows go by, they have the cgroups that their processes are in, by /proc/PID/cgroup.
  @Test func cgroupsOfProcesses() throws {
    let group = try TestCgroup()
    for place in ["a", "b"] { try group.add(below: place) }
    // Of one name: three in one cgroup are one row, and two in another are told apart by their ids.
    let load = try Load("spin", "5", printsIDs: true)
    for (index, tid) in load.tids.enumerated() {
      try group.take(tid, at: index < 3 ? "/a" : "/b")
    }
    let paths = try load.tids.map { tid in
      let text = try String(contentsOfFile: "/proc/\(tid)/cgroup", encoding: .utf8)
      return try #require(text.split(separator: "\n").first { $0.hasPrefix("0::") }).dropFirst(3)
    }
    let ended = try loadwatch(
      "--format", "json", "--duration", Need.inLab ? "12s" : "7s", seconds: 60)
    _ = load.stop()
    let rows = try #require(try ended.snapshots().last?.attribution?.rows)
      .filter { $0.process == "testload" && $0.state == .runnable }
    #expect(rows.first { $0.cgroup == String(paths[0]) }?.count == 3, "\(rows)")
    for (tid, path) in zip(load.tids, paths).dropFirst(3) {
      #expect(rows.first { $0.pid == UInt32(tid) }?.cgroup == String(path), "\(rows)")
    }
  }

  /// As a runtime makes them, and with a name that is none. The same from a recording.
  @Test func containersAndUnits() throws {
    let group = try TestCgroup()
    let ids = ["0123456789abcdef", "fedcba9876543210"].map {
      Array(repeating: $0, count: 4).joined()
    }
    let uid = "8b3c0f2a_1111_4222_8333_444455556666"
    let pod = "kubepods.slice/kubepods-pod\(uid).slice"
    let units = ["docker-\(ids[0]).scope", "cri-containerd-\(ids[1]).scope"]
    let other = "docker-\u{1b}[2J\(ids[0]).scope"
    for place in [units[0], "kubepods.slice", pod, "\(pod)/\(units[1])", other] {
      try group.add(below: place)
    }
    let load = try Load("spin", "4", printsIDs: true)
    for (tid, place) in zip(load.tids, [units[0], units[0], "\(pod)/\(units[1])", other]) {
      try group.take(tid, at: "/\(place)")
    }
    let scratch = try Scratch()
    let (json, rec) = (scratch.file("a.json"), scratch.file("a.rec"))
    let seconds = Need.inLab ? "12s" : "7s"
    let recording = try start(["record", "-o", rec, "--duration", seconds])
    let live = try start([
      "--by", "container,unit", "--format", "json", "-o", json, "--duration", seconds,
    ])
    #expect(try live.wait(seconds: 60).status == 0)
    #expect(try recording.wait(seconds: 60).status == 0)
    _ = load.stop()

    let replayed = try loadwatch(
      "replay", rec, "--by", "container,unit", "--format", "json", seconds: 60)
    for snapshots in [
      try decoded(Data(contentsOf: URL(filePath: json))), try replayed.snapshots(),
    ] {
      let attribution = try #require(snapshots.last?.attribution)
      #expect(attribution.by == [.container, .unit])
      let running = attribution.rows.filter { $0.state == .runnable }
      for (index, tasks) in [(0, 2), (1, 1)] as [(Int, UInt64)] {
        let row = try #require(running.first { $0.container == ids[index] })
        #expect(row.unit == units[index] && row.active == tasks && row.load1 > 0)
        #expect(row.pod == (index == 1 ? uid.replacing("_", with: "-") : nil))
      }
      let outside = try #require(
        running.first { $0.container == "(no container)" && $0.unit == "(no unit)" })
      #expect(outside.pod == nil && outside.active ?? 0 >= 1)
    }
    let text = try loadwatch("replay", rec, "--by", "container", seconds: 60).output
    #expect(text.contains("load1 by container"))
    for name in ["0123456789ab ", "fedcba987654 ", "(no container) "] {
      #expect(text.split(separator: "\n").contains { $0.hasPrefix(name) }, "\(text)")
    }
    // Its name is not valid for a unit, and harmless where it is shown.
    let paths = try loadwatch("replay", rec, "--by", "cgroup", seconds: 60).output
    #expect(paths.contains("load1") && !paths.contains("\u{1b}[2J"))
  }

  /// What is left then is nothing, not everything.
  @Test func goesAwayMeanwhile() throws {
    var group: TestCgroup? = try TestCgroup()
    let load = try Load("spin", "1", printsIDs: true)
    let other = try Load("spin", "1")
    try group?.take(load.tids[0])
    let watch = try start([
      "--cgroup", group!.path, "--format", "json", "--interval", "200ms",
    ])
    try watch.read { $0.contains("\n") }
    _ = load.stop()
    let name = group!.path
    group = nil
    #expect(!FileManager.default.fileExists(atPath: name))
    let before = watch.text.split(separator: "\n").count
    try watch.read { $0.split(separator: "\n").count > before + 3 }
    watch.send(SIGINT)
    let ended = try watch.wait()
    #expect(ended.status == 0)
    let snapshots = try ended.snapshots()
    #expect(snapshots[0].tasks.runnable.now == 1)
    #expect(snapshots.last?.tasks.runnable.now == 0)
    #expect(snapshots.last?.tasks.runnable.max == 1)
    _ = other.stop()
  }
}
