/// Where a cgroup is, by its path alone: in which pod, container and systemd unit. No runtime is asked, so
/// that a recording tells it as well.
///
/// Known are the paths that systemd (src/basic/cgroup-util.c), the kubelet (pkg/kubelet/cm) and the
/// runtimes' cgroup drivers make; whatever has another form is no container. Anyone may make a cgroup of
/// these forms who may make one at all.
package struct CgroupPlace: Equatable, Sendable {
  /// The uid of the Kubernetes pod that the container is of; of a cgroup outside of any container, the
  /// pod that it belongs to.
  package private(set) var pod: String?
  /// The innermost container: its id, or its name for LXC and systemd-nspawn.
  package private(set) var container: String?
  /// The innermost service or scope, or else slice; escaped as systemctl(1) takes it.
  package private(set) var unit: String?

  package init(path: String) {
    // The kernel marks the cgroup of a zombie so, once it is removed.
    let path = path.hasSuffix(" (deleted)") ? path.dropLast(10) : path[...]
    let names = path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    var innermostPod: String?
    var slice: String?
    // Where the machine's own cgroups begin, or those of the innermost container.
    var root = 0
    for (index, name) in names.enumerated() {
      if let found = Self.pod(names[...index]) { innermostPod = found }
      let parent = index > 0 ? names[index - 1] : nil
      let next = index + 1 < names.count ? names[index + 1] : nil
      let found =
        Self.id(name, in: parent) ?? Self.lxc(name, in: index - 1 == root ? parent : nil)
        ?? Self.machine(name, in: parent, holding: next)
      if let found { (container, pod, root) = (found, innermostPod, index + 1) }
      guard let unit = Self.unit(name) else { continue }
      if unit.hasSuffix(".slice") {
        slice = unit
      } else if unit != "init.scope" || (self.unit == nil && container == nil) {
        // Otherwise it is that of another manager than the machine's: a user's, or a container's.
        self.unit = unit
      }
    }
    if container == nil { pod = innermostPod }
    unit = unit ?? slice
  }

  // MARK: - Containers

  /// Runtimes by what their scopes begin with. "crio-conmon-" and "libpod-conmon-" are of the processes
  /// that watch over a container, and no id follows the shorter prefix.
  private static let scopes = ["docker", "cri-containerd", "crio", "libpod", "nerdctl"]
  /// The same without systemd; "libpod-payload" is in a service that podman shares with its conmon.
  private static let directories = ["crio", "libpod", "libpod-payload"]
  /// What holds things that go by the id of a container or a pod and are none: pods of podman, and the
  /// virtual machines that Kata Containers keeps out of its pods.
  private static let others: Set = ["libpod_parent", "kata_overhead"]

  private static func id(_ name: String, in parent: String?) -> String? {
    if ContainerID.isOne(name) { return parent.map(others.contains) == true ? nil : name }
    if parent == "buildkit", isBuild(name) { return name }
    if let scope = name.without(suffix: ".scope") {
      for runtime in scopes {
        guard let id = scope.without(prefix: "\(runtime)-") else { continue }
        if ContainerID.isOne(id) || runtime == "docker" && isBuild(id) { return id }
      }
      return nil
    }
    for runtime in directories {
      if let id = name.without(prefix: "\(runtime)-"), ContainerID.isOne(id) { return id }
    }
    // What the kubelet passes to a systemd driver, where the runtime has none: slice:runtime:id.
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].hasSuffix(".slice"), scopes.contains(String(parts[1])),
      ContainerID.isOne(parts[2])
    else { return nil }
    return String(parts[2])
  }

  /// BuildKit's ids, 128 bits in base 36: those of the steps of a `docker build`.
  private static func isBuild(_ id: String) -> Bool {
    id.utf8.count == 25
      && id.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
      }
  }

  /// "lxc.payload.NAME" since LXC 4; "lxc/NAME" before, and in Proxmox VE. Its monitor is elsewhere:
  /// "lxc.monitor.NAME".
  private static func lxc(_ name: String, in parent: String?) -> String? {
    let container = name.without(prefix: "lxc.payload.") ?? (parent == "lxc" ? name : nil)
    return container.flatMap { isName($0) ? $0 : nil }
  }

  /// "machine-NAME.scope" of systemd-machined, or "systemd-nspawn@NAME.service".
  private static func machine(
    _ name: String, in parent: String?, holding next: String?
  ) -> String? {
    // systemd-nspawn itself.
    guard next != "supervisor" else { return nil }
    var machine = name.without(prefix: "systemd-nspawn@")?.without(suffix: ".service")
    if parent == "machine.slice" {
      machine = machine ?? name.without(prefix: "machine-")?.without(suffix: ".scope")
    }
    guard let machine = machine.map(UnitName.unescaped), isName(machine), !isLibvirtVM(machine)
    else { return nil }
    return machine
  }

  /// libvirt has a virtual machine registered as "qemu-12-NAME".
  private static func isLibvirtVM(_ machine: String) -> Bool {
    guard let rest = machine.without(prefix: "qemu-") else { return false }
    let parts = rest.split(separator: "-", maxSplits: 1)
    return parts.count == 2 && UInt(parts[0]) != nil
  }

  /// What hostnames are made of, and so the names of containers.
  private static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy { isLetterOrDigit($0) || ".-_".utf8.contains($0) }
  }

  // MARK: - Pods

  /// The pod of the last of these names, if it is a pod's: "kubepods-burstable-podUID.slice", or with
  /// cgroupfs "kubepods/burstable/podUID". Either may be below another cgroup, which a slice has in its
  /// name: "kubelet-kubepods-podUID.slice".
  private static func pod(_ names: ArraySlice<String>) -> String? {
    guard let name = names.last else { return nil }
    let first = name.split(separator: ":", maxSplits: 1).first.map(String.init) ?? name
    if let slice = first.without(suffix: ".slice") {
      guard let mark = slice.ranges(of: "-pod").last,
        slice[..<mark.lowerBound].split(separator: "-").contains("kubepods")
      else { return nil }
      // A dash would begin another slice.
      return uid(String(slice[mark.upperBound...].map { $0 == "_" ? "-" : $0 }))
    }
    var parents = names.dropLast()
    if let parent = parents.last, parent == "burstable" || parent == "besteffort" {
      parents = parents.dropLast()
    }
    guard parents.last == "kubepods" else { return nil }
    return name.without(prefix: "pod").flatMap(uid)
  }

  /// A UUID; that of a static pod is a hash, without dashes.
  private static func uid(_ text: String) -> String? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard [[8, 4, 4, 4, 12], [32]].contains(parts.map(\.utf8.count)),
      parts.allSatisfy({ $0.utf8.allSatisfy(ContainerID.isHexadecimal) })
    else { return nil }
    return text
  }

  // MARK: - Units

  /// What has a cgroup of its own (systemd.unit(5)).
  private static let unitTypes: Set = ["service", "scope", "slice", "socket", "mount", "swap"]

  /// A unit's name, if it is one (`unit_name_is_valid` in src/basic/unit-name.c).
  private static func unit(_ name: String) -> String? {
    // So are names escaped that the kernel may want for files of its own (`cg_escape`).
    let unit = name.without(prefix: "_") ?? name
    guard unit.utf8.count < 256, let dot = unit.utf8.lastIndex(of: UInt8(ascii: ".")),
      unitTypes.contains(String(unit[unit.utf8.index(after: dot)...]))
    else { return nil }
    let stem = unit[..<dot]
    guard !stem.isEmpty,
      stem.utf8.allSatisfy({ isLetterOrDigit($0) || ":-_.\\@".utf8.contains($0) })
    else { return nil }
    if let at = stem.utf8.firstIndex(of: UInt8(ascii: "@")) {
      // A template has no processes.
      guard at != stem.startIndex, stem.utf8.index(after: at) != stem.endIndex else { return nil }
    }
    return unit
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }
}

extension String {
  fileprivate func without(prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }

  fileprivate func without(suffix: String) -> String? {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : nil
  }
}
