import Foundation

/// A cgroup for a test, removed with this object.
public final class TestCgroup {
  /// Its directory.
  public let path: String
  public let name: String
  /// Whether it is one of version 2.
  public let isUnified: Bool
  private var below: [String] = []

  /// - Parameter controller: "pids" and the like, of version 2 if it is there, else of version 1; nil
  ///   for one without a controller, of version 2.
  public init(_ controller: String? = nil) throws {
    name = "sonde-test-\(getpid())"
    let mounts = try String(contentsOfFile: "/proc/mounts", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: " ") }
    let unified = mounts.first { $0[2] == "cgroup2" }.map { String($0[1]) }
    let has = { (controllers: String) in
      controllers.split { $0.isWhitespace }.contains { controller == nil || $0 == controller! }
    }
    if let unified,
      try controller == nil
        || has(String(contentsOfFile: "\(unified)/cgroup.controllers", encoding: .utf8))
    {
      if let controller {
        try "+\(controller)".write(
          toFile: "\(unified)/cgroup.subtree_control", atomically: false, encoding: .utf8)
      }
      (path, isUnified) = ("\(unified)/\(name)", true)
    } else if let controller,
      let mount = mounts.first(where: {
        $0[2] == "cgroup" && $0[3].split(separator: ",").contains(Substring(controller))
      })
    {
      (path, isUnified) = ("\(mount[1])/\(name)", false)
    } else {
      throw Load.Failure("no cgroups with \(controller ?? "version 2")")
    }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// Makes one below it.
  public func add(below name: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(path)/\(name)", withIntermediateDirectories: true)
    below.append(name)
  }

  /// Moves a process into it, or into one below: "/below".
  public func take(_ tid: Int32, at place: String = "") throws {
    try "\(tid)\n".write(
      toFile: path + place + "/cgroup.procs", atomically: false, encoding: .utf8)
  }

  /// Writes to one of its files, whose name may be another in version 1.
  public func set(_ file: String, v1: String? = nil, to value: String) throws {
    try value.write(
      toFile: "\(path)/\(isUnified ? file : v1 ?? file)", atomically: false, encoding: .utf8)
  }

  deinit {
    // A task that has ended may be in it for a moment still.
    for _ in 0..<200 {
      for name in below { rmdir("\(path)/\(name)") }
      if rmdir(path) == 0 { return }
      usleep(10_000)
    }
  }
}
