import Foundation
import Reports
import Support
import Testing

/// `-o`: a file is there when it is complete, and not before.
@Suite(.serialized)
struct OutputFileTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  /// Where the file system has files without a name.
  @Test func appearsWhenAllIsWritten() throws {
    let watch = try start(json + ["-o", scratch.file("out.json")])
    #expect(eventually { scratch.isBeingWritten(by: watch.pid) })
    usleep(300_000)
    #expect(scratch.names.isEmpty)
    watch.send(SIGTERM)
    let ended = try watch.wait()
    #expect(ended.status == 0)
    #expect(ended.output.isEmpty && ended.errors.isEmpty)
    #expect(scratch.names == ["out.json"])
    #expect(try written("out.json").count > 2)
  }

  @Test func replacesAnotherOnlyAtTheEnd() throws {
    let file = try scratch.write("old", to: "out.json")
    let watch = try start(json + ["-o", file])
    #expect(eventually { scratch.isBeingWritten(by: watch.pid) })
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "old")
    watch.send(SIGTERM)
    #expect(try watch.wait().status == 0)
    #expect(scratch.names == ["out.json"])
    #expect(try written("out.json").count > 1)
  }

  @Test func nothingIsLeftOfOneThatWasKilled() throws {
    let watch = try start(json + ["-o", scratch.file("out.json")])
    #expect(eventually { scratch.isBeingWritten(by: watch.pid) })
    watch.send(SIGKILL)
    #expect(try watch.wait().signal == SIGKILL)
    #expect(scratch.names.isEmpty)
  }

  /// As file systems without such files keep them.
  @Test func draftsThatNobodyWritesAreRemoved() throws {
    let others = ["a.json.12.part", "out.json.12.part.x", "out.json.part", "out.json.x.part"]
    for name in others + ["out.json.4294967295.part", "out.json.7.part"] {
      _ = try scratch.write("{", to: name)
    }
    let writer = try Command(
      "flock", [scratch.file("out.json.7.part"), "sh", "-c", "echo locked; sleep 60"])
    try writer.read { $0.contains("locked") }
    #expect(try start(short + ["-o", scratch.file("out.json")]).wait().status == 0)
    #expect(scratch.names == (others + ["out.json", "out.json.7.part"]).sorted())
  }

  @Test func relativePathsAndText() throws {
    let ended = try Command(
      "sh",
      ["-c", "cd \(scratch.path) && exec \"$@\"", "sh", tool, "--count", "1", "-o", "out.txt"]
    ).wait()
    #expect(ended.status == 0)
    let text = try String(contentsOfFile: scratch.file("out.txt"), encoding: .utf8)
    #expect(text.contains("load average") && text.contains("total: "))
    #expect(!text.contains("\u{1b}"))
  }

  /// The link stays, and what it leads to is replaced, or made.
  @Test(arguments: [true, false]) func throughALink(_ exists: Bool) throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file("there"), withIntermediateDirectories: true)
    if exists { _ = try scratch.write("old", to: "there/real.json") }
    try FileManager.default.createSymbolicLink(
      atPath: scratch.file("link"), withDestinationPath: "there/real.json")
    let ended = try start(short + ["-o", scratch.file("link")]).wait()
    #expect(ended.status == 0)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: scratch.file("link"))
        == "there/real.json")
    #expect(try written("there/real.json").count == 6)
  }

  /// Not replaced by a file: /dev/null above all.
  @Test func devicesAndPipes() throws {
    let null = scratch.file("null")
    #expect(mknod(null, S_IFCHR | 0o666, makedev(1, 3)) == 0)
    #expect(try start(short + ["-o", null]).wait().status == 0)
    var entry = stat()
    #expect(stat(null, &entry) == 0 && entry.st_mode & S_IFMT == S_IFCHR)

    let full = scratch.file("full")
    #expect(mknod(full, S_IFCHR | 0o666, makedev(1, 7)) == 0)
    let refused = try start(short + ["-o", full]).wait()
    #expect(refused.status == 1)
    #expect(refused.complaint == "can't write \(full): No space left on device")

    let pipe = scratch.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let reader = try Command("cat", [pipe])
    #expect(try start(short + ["-o", pipe]).wait().status == 0)
    #expect(try reader.wait().snapshots().count == 6)
    #expect(scratch.names == ["full", "null", "pipe"])
  }

  @Test func aPipeIsWaitedForUntilItHasAReader() throws {
    let pipe = scratch.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let watch = try start(json + ["-o", pipe])
    usleep(300_000)
    let reader = try Command("cat", [pipe])
    try reader.read { $0.contains("\n") }
    watch.send(SIGTERM)
    #expect(try watch.wait().status == 0)
    #expect(try reader.wait().snapshots().count > 2)
  }

  /// Neither a signal nor the end of its time waits for a reader.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP, 0]) func aPipeThatNobodyReads(_ signal: Int32) throws {
    let pipe = scratch.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let watch = try start(json + ["-o", pipe] + (signal == 0 ? ["--duration", "1s"] : []))
    if signal != 0 {
      #expect(eventually { caughtSignals(of: watch.pid) & 1 << (UInt64(signal) - 1) != 0 })
      watch.send(signal)
    }
    let ended = try watch.wait(seconds: 10)
    #expect(ended.status == 1)
    #expect(ended.complaint == "can't write \(pipe): nobody has opened it for reading")
  }

  @Test func placesThatCannotBeWritten() throws {
    for (path, reason) in [
      ("/sonde-is-not-there/out.json", "No such file or directory"),
      ("/proc/out.json", "No such file or directory"), (scratch.path, "Is a directory"),
      ("/dev/null/out.json", "Not a directory"),
    ] {
      // At once, and not at the end of a watch.
      let ended = try loadwatch("--duration", "1m", "-o", path, seconds: 10)
      #expect(ended.status == 1)
      #expect(ended.complaint == "can't write \(path): \(reason)")
    }
    #expect(scratch.names.isEmpty)
  }

  @Test func aFullDisk() throws {
    let mount = try Command("mount", ["-t", "tmpfs", "-o", "size=16k", "none", scratch.path]).wait()
    try #require(mount.status == 0)
    defer { _ = try? Command("umount", [scratch.path]).wait() }
    let file = try scratch.write("old", to: "out.json")
    let ended = try loadwatch(
      "--format", "json", "--interval", "10ms", "--duration", "1m", "-o", file)
    #expect(ended.status == 1)
    #expect(ended.complaint == "can't write \(file): No space left on device")
    #expect(scratch.names == ["out.json"])
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "old")
  }

  @Test func theDirectoryGoesAway() throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file("gone"), withIntermediateDirectories: true)
    let watch = try start(short + ["-o", scratch.file("gone/out.json")])
    #expect(eventually { scratch.names == ["gone"] })
    usleep(100_000)
    try FileManager.default.removeItem(atPath: scratch.file("gone"))
    let ended = try watch.wait()
    #expect(ended.status == 1)
    #expect(ended.complaint.contains("No such file or directory"))
  }

  // MARK: -

  private let json = ["--format", "json", "--interval", "100ms"]
  /// Five intervals.
  private var short: [String] { json + ["--duration", "500ms"] }
  private let tool = Binaries.url("loadwatch").path

  private func written(_ name: String) throws -> [LoadSnapshot] {
    try decoded(Data(contentsOf: URL(filePath: scratch.file(name))))
  }
}

private func makedev(_ major: dev_t, _ minor: dev_t) -> dev_t { major << 8 | minor }
