import Foundation
import Reports
import Support
import Testing

/// `--cgroup`: paths that are none, and tasks of one and below.
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
