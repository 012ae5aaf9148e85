import Glibc

/// A control group of the unified hierarchy (cgroup2: Documentation/admin-guide/cgroup-v2.rst) and
/// all those below it.
public struct Cgroup: Sendable, Hashable {
  /// As the user gave it.
  public let path: String

  /// `path` is that of a directory in the cgroup2 mount, such as
  /// "/sys/fs/cgroup/system.slice", or what comes after the mount point: "/system.slice",
  /// "system.slice".
  public init(_ path: String) {
    self.path = path
  }

  /// The ids by which `bpf_get_current_cgroup_id` and the like name this cgroup and all its
  /// descendants, at this moment.
  ///
  /// The id is the inode number of the directory (`kernfs_id_ino` in include/linux/kernfs.h; on 64
  /// bits all of it since Linux 5.5, commit 40430452fd5d).
  public func ids() throws(ProcError) -> Set<UInt64> {
    let directory = try directory(in: try Mount.all())
    return try Lookups.shared.result(of: directory) { () throws(ProcError) in
      Set(try Cgroup.paths(at: directory).keys)
    }
  }

  private static func paths(at directory: String) throws(ProcError) -> [UInt64: String] {
    let file = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else {
      let code = errno
      guard code == ENOENT || code == ENOTDIR else { throw ProcError(directory, errno: code) }
      throw ProcError(directory, "no such cgroup")
    }
    var entry = stat()
    guard unsafe fstat(file, &entry) == 0 else {
      let code = errno
      close(file)
      throw ProcError(directory, errno: code)
    }
    // Every cgroup2 directory has this file. Something else may be mounted over the cgroups.
    guard unsafe faccessat(file, "cgroup.controllers", F_OK, 0) == 0 else {
      close(file)
      throw ProcError(directory, "not a cgroup: another file system is mounted over it")
    }
    var ids: [UInt64: String] = [UInt64(entry.st_ino): directory]
    try Cgroup.collect(below: file, at: directory, into: &ids)
    return ids
  }

  /// How many tasks are in it and below, and how many may be, if there is a limit (`pids.current`,
  /// `pids.max`: Documentation/admin-guide/cgroup-v2.rst); nil without that controller.
  public func tasks() -> (now: UInt64, most: UInt64?)? {
    guard let mounts = try? Mount.all(), let place = try? directory(in: mounts) else { return nil }
    return Lookups.shared.value {
      guard
        let now = try? contents(of: "\(place)/pids.current").lines.first.flatMap({ UInt64($0) }),
        let most = try? contents(of: "\(place)/pids.max").lines.first
      else { return nil }
      return (now, UInt64(most))
    }
  }

  /// The ids of all of them together; nil where there are none, which stands for every cgroup.
  ///
  /// - Throws: what ``ids()`` throws for the first that can't be looked up.
  public static func ids(of cgroups: [Cgroup]) throws(ProcError) -> Set<UInt64>? {
    guard !cgroups.isEmpty else { return nil }
    var all: Set<UInt64> = []
    for cgroup in cgroups { all.formUnion(try cgroup.ids()) }
    return all
  }

  /// Where a process is in the unified hierarchy; nil where it is gone (man cgroups(7)).
  public static func path(ofProcess pid: Int32) -> String? {
    Lookups.shared.value {
      (try? contents(of: "/proc/\(pid)/cgroup"))?.lines.first { $0.hasPrefix("0::") }
        .map { String($0.dropFirst(3)) }
    }
  }

  /// The directory of the cgroup, which need not exist.
  package func directory(in mounts: [Mount]) throws(ProcError) -> String {
    let mounts = mounts.filter { $0.type == "cgroup2" }
    // One that shows the hierarchy from its root is what a relative path is relative to. Of two
    // at the same place, the later hides the earlier.
    guard let main = mounts.last(where: { $0.root == "/" }) ?? mounts.last else {
      throw ProcError(path, "no cgroup2 file system is mounted")
    }
    guard !path.isEmpty else { throw ProcError("cgroup", "the path is empty") }

    var mount = main
    var names = path.split(separator: "/").filter { $0 != "." }
    if path.hasPrefix("/") {
      func lies(in mount: Mount) -> Bool { names.starts(with: mount.point.split(separator: "/")) }
      if let home = lies(in: main) ? main : mounts.last(where: lies) {
        mount = home
        names.removeFirst(home.point.split(separator: "/").count)
      }
    }
    var kept: [Substring] = []
    for name in names {
      if name != ".." {
        kept.append(name)
      } else if kept.popLast() == nil {
        throw ProcError(path, "leads outside the cgroup hierarchy at \(mount.point)")
      }
    }
    return ([Substring(mount.point)] + kept).joined(separator: "/")
  }

  /// Every cgroup there is, by id, with its path from the root: "/system.slice"; none where they can't
  /// be read.
  public static func all() -> [UInt64: String] {
    guard let mounts = try? Mount.all(), let root = try? Cgroup("/").directory(in: mounts),
      let paths = Lookups.shared.value({ try? Cgroup.paths(at: root) })
    else { return [:] }
    return paths.mapValues { path in
      let rest = path.dropFirst(root.hasSuffix("/") ? root.count - 1 : root.count)
      return rest.isEmpty ? "/" : String(rest)
    }
  }

  /// Adds the ids of all cgroups below an open directory, and closes it.
  private static func collect(
    below file: Int32, at path: String, into ids: inout [UInt64: String]
  ) throws(ProcError) {
    guard let stream = unsafe fdopendir(file) else {
      let code = errno
      close(file)
      throw ProcError(path, errno: code)
    }
    defer { unsafe closedir(stream) }
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        if errno != 0 { throw ProcError(path, errno: errno) }
        return
      }
      guard unsafe entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      // The entry ends with its name, so it may be shorter than Swift's `dirent`.
      let bytes = unsafe UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
      let characters = unsafe bytes.assumingMemoryBound(to: CChar.self)
      let name = unsafe String(cString: characters)
      guard name != ".", name != ".." else { continue }

      let child = unsafe openat(file, characters, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard child >= 0 else {
        // Removed in between.
        if errno == ENOENT { continue }
        throw ProcError("\(path)/\(name)", errno: errno)
      }
      unsafe ids[UInt64(entry.pointee.d_ino)] = "\(path)/\(name)"
      try collect(below: child, at: "\(path)/\(name)", into: &ids)
    }
  }
}
