import Glibc
import Testing

import Proc

/// Which directory a path means.
struct CgroupPathTests {
  static func mounts(_ lines: String) -> [Mount] {
    lines.lines.compactMap(Mount.init(parsing:))
  }

  static let unified = mounts("29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw")
  static let hybrid = mounts(
    """
    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
    32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw
    """)
  /// A part of the hierarchy bound elsewhere, as for a container.
  static let bound = mounts(
    """
    29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
    77 23 0:26 /a/b /mnt/with\\040space rw - cgroup2 cgroup2 rw
    """)

  @Test func mountsFromText() {
    #expect(
      CgroupPathTests.hybrid == [
        Mount(
          root: "/", point: "/sys/fs/cgroup", type: "tmpfs", device: "0:28", source: "tmpfs"),
        Mount(
          root: "/", point: "/sys/fs/cgroup/cpu", type: "cgroup", device: "0:29", source: "cgroup"),
        Mount(
          root: "/", point: "/sys/fs/cgroup/unified", type: "cgroup2", device: "0:38",
          source: "cgroup2"),
      ])
    #expect(
      CgroupPathTests.bound.last
        == Mount(
          root: "/a/b", point: "/mnt/with space", type: "cgroup2", device: "0:26",
          source: "cgroup2"))
    #expect(Mount(parsing: #"1 2 0:3 / /a\134040\011b rw - x y z"#)?.point == "/a\\040\tb")
    #expect(Mount(parsing: #"1 2 0:3 / /a\04 rw - x y z"#)?.point == #"/a\04"#)
  }

  @Test(arguments: [
    "", "1 2 0:3 / /sys rw", "1 2 0:3 / /sys rw -", "1 2 0:3 / /sys rw shared:1 x y z",
    "1 2 0:3 - - -",
  ])
  func noMounts(line: String) {
    #expect(Mount(parsing: line[...]) == nil)
  }

  @Test(arguments: [
    ("system.slice", "/sys/fs/cgroup/system.slice"),
    ("/system.slice", "/sys/fs/cgroup/system.slice"),
    ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/system.slice"),
    ("//sys//fs/./cgroup/system.slice/", "/sys/fs/cgroup/system.slice"),
    ("/sys/fs/cgroup", "/sys/fs/cgroup"), ("/sys/fs/cgroup/", "/sys/fs/cgroup"),
    ("/", "/sys/fs/cgroup"), (".", "/sys/fs/cgroup"),
    ("a/../b/./c", "/sys/fs/cgroup/b/c"), ("a/..", "/sys/fs/cgroup"),
    ("sys/fs/cgroup", "/sys/fs/cgroup/sys/fs/cgroup"),
    ("/sys/fs/cgroups", "/sys/fs/cgroup/sys/fs/cgroups"), ("...", "/sys/fs/cgroup/..."),
  ])
  func inTheUnifiedHierarchy(path: String, directory: String) throws {
    #expect(try Cgroup(path).directory(in: CgroupPathTests.unified) == directory)
  }

  @Test(arguments: [
    ("/foo", "/sys/fs/cgroup/unified/foo"),
    ("/sys/fs/cgroup/unified/foo", "/sys/fs/cgroup/unified/foo"),
    ("/sys/fs/cgroup/cpu/foo", "/sys/fs/cgroup/unified/sys/fs/cgroup/cpu/foo"),
  ])
  func besideTheFirstVersion(path: String, directory: String) throws {
    #expect(try Cgroup(path).directory(in: CgroupPathTests.hybrid) == directory)
  }

  @Test(arguments: [
    ("c", "/sys/fs/cgroup/c"), ("/sys/fs/cgroup/c", "/sys/fs/cgroup/c"),
    ("/mnt/with space/c", "/mnt/with space/c"),
  ])
  func inOneOfTwoMounts(path: String, directory: String) throws {
    #expect(try Cgroup(path).directory(in: CgroupPathTests.bound) == directory)
  }

  @Test func onlyAPartIsMounted() throws {
    let part = Array(CgroupPathTests.bound.dropFirst())
    #expect(try Cgroup("/c").directory(in: part) == "/mnt/with space/c")
  }

  @Test(arguments: [
    "..", "/..", "a/../..", "/sys/fs/cgroup/..", "/sys/fs/cgroup/../../../etc", "../../etc",
    "a/../../cgroup/b",
  ])
  func outOfTheCgroups(path: String) {
    let error = #expect(throws: ProcError.self) {
      try Cgroup(path).directory(in: CgroupPathTests.unified)
    }
    #expect(
      error?.description == "\(path): leads outside the cgroup hierarchy at /sys/fs/cgroup")
  }

  @Test func nothingToLookIn() {
    let error = #expect(throws: ProcError.self) {
      try Cgroup("a").directory(in: Array(CgroupPathTests.hybrid.prefix(2)))
    }
    #expect(error?.description == "a: no cgroup2 file system is mounted")
    #expect(throws: ProcError.self) { try Cgroup("").directory(in: CgroupPathTests.unified) }
  }
}

/// The cgroup2 mount point, if cgroups can be made there.
let cgroupMount: String? = {
  guard let root = try? Cgroup("/").directory(in: Mount.all()),
    unsafe access(root, W_OK) == 0
  else { return nil }
  return root
}()

/// Cgroups made for the purpose: needs a cgroup2 mount that this user may write to.
@Suite(.enabled(if: cgroupMount != nil))
struct CgroupIdTests {
  @Test func ofACgroupAndItsDescendants() throws {
    let mount = try #require(cgroupMount)
    let name = "sonde-test-\(getpid())"
    var made: [String] = []
    defer {
      for directory in made.reversed() { unsafe rmdir(directory) }
    }
    for path in [name, "\(name)/a", "\(name)/a/b", "\(name)/a/b\u{fc} c", "\(name)/d"] {
      try #require(unsafe mkdir("\(mount)/\(path)", 0o755) == 0)
      made.append("\(mount)/\(path)")
    }

    let all = Set(try made.map(SystemCall.kernfsID(of:)))
    #expect(all.count == 5)
    for path in [name, "/\(name)", "\(mount)/\(name)", "\(name)/a/../"] {
      #expect(try Cgroup(path).ids() == all)
    }
    let below = Set(try made[1...3].map(SystemCall.kernfsID(of:)))
    #expect(try Cgroup("\(name)/a").ids() == below)
    #expect(try Cgroup("\(name)/d").ids() == [SystemCall.kernfsID(of: made[4])])
    #expect(try Cgroup("/").ids().isSuperset(of: all))

    unsafe rmdir(made.removeLast())
    #expect(try Cgroup(name).ids().count == 4)
    let error = #expect(throws: ProcError.self) { try Cgroup("\(name)/d").ids() }
    #expect(error?.description == "\(mount)/\(name)/d: no such cgroup")
  }

  /// A directory name need not be UTF-8.
  @Test func namesAreTakenAsTheyAre() throws {
    let mount = try #require(cgroupMount)
    let parent = "\(mount)/sonde-test-bytes-\(getpid())"
    let child = Array("\(parent)/".utf8CString.dropLast()) + [-1, -2, 0]
    try #require(unsafe mkdir(parent, 0o755) == 0)
    defer { unsafe rmdir(parent) }
    try #require(unsafe mkdir(child, 0o755) == 0)
    defer { unsafe rmdir(child) }
    #expect(try Cgroup(parent).ids().count == 2)
  }

  @Test func aFileIsNone() {
    let error = #expect(throws: ProcError.self) { try Cgroup("/cgroup.procs").ids() }
    #expect(error?.reason == "no such cgroup")
  }
}
