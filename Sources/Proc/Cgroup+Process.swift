extension Cgroup {
  /// A cgroup that a process is in, or one above it.
  struct Level {
    /// From the hierarchy's root: "/system.slice/nginx.service".
    let path: String
    let folder: String
    let isUnified: Bool
  }

  /// A process's cgroups in the hierarchies that have a controller, innermost first, without the roots: those
  /// have no limits (man cgroups(7)).
  static func levels(
    ofProcess pid: Int32, with controller: String, _ mounts: [Mount]
  ) -> [Level] {
    guard let lines = (try? contents(of: "/proc/\(pid)/cgroup"))?.lines else { return [] }
    return lines.flatMap { line -> [Level] in
      // "4:cpu,cpuacct:/path", or "0::/path" in version 2.
      guard let (_, rest) = line.cut(at: ":"), let (controllers, path) = rest.cut(at: ":") else {
        return []
      }
      let isUnified = line.hasPrefix("0::")
      guard isUnified || controllers.split(separator: ",").contains(Substring(controller)),
        let mount = mounts.last(where: { mount in
          mount.root == "/"
            && (isUnified
              ? mount.type == "cgroup2"
              : mount.type == "cgroup"
                && mount.point.split(separator: "/").last?.split(separator: ",")
                  .contains(Substring(controller)) == true)
        })
      else { return [] }
      let names = path.split(separator: "/")
      return names.indices.reversed().map { last in
        let path = "/" + names[...last].joined(separator: "/")
        return Level(path: path, folder: mount.point + path, isUnified: isUnified)
      }
    }
  }
}
