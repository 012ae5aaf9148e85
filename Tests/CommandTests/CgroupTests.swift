import Foundation
import Snapshots
import Support
import Testing

/// `--cgroup`: paths that are none, and tasks of one and below.
@Suite(.serialized)
struct CgroupTests {
  @Test(arguments: [
    ("sonde-is-not-there", "no such cgroup"), ("/sonde/is/not/there", "no such cgroup"),
    ("", "empty"), ("../..", "leads out"), ("cgroup.procs", "no such cgroup"),
  ])
  func noCgroups(_ path: String, _ reason: String) throws {
    let ended = try loadwatch("--cgroup", path)
    #expect(ended.status == 1)
    #expect(ended.output.isEmpty)
    #expect(ended.complaint.contains(reason))
  }

  @Test func tasksOfACgroupAndBelow() throws {
    let group = try Cgroup()
    let load = try Load("spin", "2", tellsIds: true)
    let other = try Load("spin", "1")
    try group.take(load.tids[0], at: "")
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
    var group: Cgroup? = try Cgroup()
    let load = try Load("spin", "1", tellsIds: true)
    let other = try Load("spin", "1")
    try group?.take(load.tids[0], at: "")
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

/// A cgroup with one below, removed with this object.
private final class Cgroup {
  let path: String
  let name = "sonde-test-\(getpid())"

  init() throws {
    let mounts = try String(contentsOfFile: "/proc/mounts", encoding: .utf8)
    let mount = try #require(
      mounts.split(separator: "\n").map { $0.split(separator: " ") }
        .first { $0[2] == "cgroup2" }?[1])
    path = "\(mount)/\(name)"
    try FileManager.default.createDirectory(
      atPath: "\(path)/below", withIntermediateDirectories: true)
  }

  func take(_ tid: Int32, at place: String) throws {
    try "\(tid)\n".write(
      toFile: path + place + "/cgroup.procs", atomically: false, encoding: .utf8)
  }

  deinit {
    // A task that has ended may be in it for a moment still.
    for _ in 0..<100 where rmdir("\(path)/below") != 0 || rmdir(path) != 0 { usleep(10_000) }
    rmdir(path)
  }
}
