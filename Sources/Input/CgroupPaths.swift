/// Cgroups by their ids, with paths from the hierarchy's root: "/system.slice/nginx.service".
package enum CgroupPaths {
  /// The ids of these and of all below. A path may have the mount point before it, or no slash.
  package static func ids(of paths: [String], in cgroups: [UInt64: String]) -> Set<UInt64> {
    let wanted = paths.map { path in
      let names = path.split(separator: "/").filter { $0 != "." }
      return names.starts(with: ["sys", "fs", "cgroup"]) ? Array(names.dropFirst(3)) : names
    }
    let found = cgroups.filter { _, path in
      let names = path.split(separator: "/")
      return wanted.contains { names.starts(with: $0) }
    }
    return Set(found.keys)
  }
}
