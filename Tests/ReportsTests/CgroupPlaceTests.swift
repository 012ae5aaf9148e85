import Reports
import Testing

/// What a cgroup's path tells, for each form that a runtime or systemd makes.
struct CgroupPlaceTests {
  private static let id = String(repeating: "0123456789abcdef", count: 4)
  private static let other = String(repeating: "fedcba9876543210", count: 4)
  private static let pod = "8b3c0f2a-1111-4222-8333-444455556666"
  private static let slicePod = "8b3c0f2a_1111_4222_8333_444455556666"
  /// A static pod has a hash for a uid.
  private static let mirror = "0123456789abcdef0123456789abcdef"
  private static let build = "xkuoupvuw0o5pp8dgq4pt4nwo"
  private static let kind =
    "/system.slice/docker-\(other).scope/kubelet.slice/kubelet-kubepods.slice"
  private static let user = "/user.slice/user-1000.slice"

  private func check(
    _ path: String, pod: String? = nil, _ container: String?, _ unit: String?,
    at location: SourceLocation = #_sourceLocation
  ) {
    let place = CgroupPlace(path: path)
    #expect(place.container == container, "\(path)", sourceLocation: location)
    #expect(place.pod == pod, "\(path)", sourceLocation: location)
    #expect(place.unit == unit, "\(path)", sourceLocation: location)
  }

  @Test(arguments: ["cri-containerd", "crio", "docker"]) func podsOfSystemd(runtime: String) {
    let scope = "\(runtime)-\(Self.id).scope"
    for (slices, uid) in [
      ("kubepods-burstable.slice/kubepods-burstable-pod\(Self.slicePod)", Self.pod),
      ("kubepods-besteffort.slice/kubepods-besteffort-pod\(Self.slicePod)", Self.pod),
      ("kubepods-pod\(Self.slicePod)", Self.pod),
      ("kubepods-burstable.slice/kubepods-burstable-pod\(Self.mirror)", Self.mirror),
    ] {
      let pod = "/kubepods.slice/\(slices).slice"
      check("\(pod)/\(scope)", pod: uid, Self.id, scope)
      check("\(pod)/\(scope)/container", pod: uid, Self.id, scope)
      check(pod, pod: uid, nil, pod.split(separator: "/").last.map(String.init))
    }
    // A runtime without the systemd driver takes the kubelet's words for a name.
    let name = "kubepods-burstable-pod\(Self.slicePod).slice:\(runtime):\(Self.id)"
    check("/\(name)", pod: Self.pod, Self.id, nil)
    check("/system.slice/containerd.service/\(name)", pod: Self.pod, Self.id, "containerd.service")
  }

  @Test func podsOfCgroupfs() {
    for (path, uid) in [
      ("/kubepods/burstable/pod\(Self.pod)", Self.pod),
      ("/kubepods/besteffort/pod\(Self.pod)", Self.pod), ("/kubepods/pod\(Self.pod)", Self.pod),
      ("/kubepods/burstable/pod\(Self.mirror)", Self.mirror),
      ("/kubelet/kubepods/pod\(Self.pod)", Self.pod),
    ] {
      check("\(path)/\(Self.id)", pod: uid, Self.id, nil)
      check("\(path)/crio-\(Self.id)", pod: uid, Self.id, nil)
      check("\(path)/\(Self.id)/below", pod: uid, Self.id, nil)
      check("\(path)/crio-conmon-\(Self.id)", pod: uid, nil, nil)
      check(path, pod: uid, nil, nil)
    }
  }

  /// A node of kind or minikube is a container, and what runs in its pods is in a container of its own.
  @Test func containersInContainers() {
    let slice = "kubelet-kubepods-burstable-pod\(Self.slicePod).slice"
    let pod = "\(Self.kind)/kubelet-kubepods-burstable.slice/\(slice)"
    let scope = "cri-containerd-\(Self.id).scope"
    let node = "docker-\(Self.other).scope"
    check("\(pod)/\(scope)", pod: Self.pod, Self.id, scope)
    // Of the node, and not of its own pod's container.
    check(pod, Self.other, node)
    check("\(pod)/crio-conmon-\(Self.id).scope", Self.other, "crio-conmon-\(Self.id).scope")
    check(
      "/system.slice/\(node)/system.slice/containerd.service", Self.other, "containerd.service")
    check("/system.slice/\(node)/init.scope", Self.other, node)
    check("/system.slice/\(node)/init", Self.other, node)
    check("/system.slice/\(node)/docker/\(Self.id)", Self.id, node)
    check("/docker/\(Self.other)/docker/\(Self.id)", Self.id, nil)
    check(
      "/kubepods.slice/kubepods-pod\(Self.slicePod).slice/\(scope)/docker/\(Self.other)",
      pod: Self.pod, Self.other, scope)
  }

  @Test func docker() {
    check("/docker/\(Self.id)", Self.id, nil)
    check("/system.slice/docker-\(Self.id).scope", Self.id, "docker-\(Self.id).scope")
    check("/batch.slice/docker-\(Self.id).scope", Self.id, "docker-\(Self.id).scope")
    check("/actions_job/\(Self.id)", Self.id, nil)
    check("/ecs/task/\(Self.id)", Self.id, nil)
    check("/docker/buildkit/\(Self.build)", Self.build, nil)
    check("/system.slice/docker-\(Self.build).scope", Self.build, "docker-\(Self.build).scope")
    // As of one that is gone.
    check("/system.slice/docker-\(Self.id).scope (deleted)", Self.id, "docker-\(Self.id).scope")
    // From inside of a cgroup namespace.
    check("/../docker-\(Self.id).scope", Self.id, "docker-\(Self.id).scope")
  }

  @Test func containerd() {
    check("/default/\(Self.id)", Self.id, nil)
    check("/k8s.io/\(Self.id)", Self.id, nil)
    check("/system.slice/nerdctl-\(Self.id).scope", Self.id, "nerdctl-\(Self.id).scope")
  }

  @Test func podman() {
    let scope = "libpod-\(Self.id).scope"
    check("/machine.slice/\(scope)", Self.id, scope)
    check("/machine.slice/\(scope)/container", Self.id, scope)
    check("\(Self.user)/user@1000.service/user.slice/\(scope)/container", Self.id, scope)
    check("/machine.slice/machine-libpod_pod_\(Self.other).slice/\(scope)", Self.id, scope)
    check(
      "/machine.slice/libpod-conmon-\(Self.id).scope", nil, "libpod-conmon-\(Self.id).scope")
    check("/libpod_parent/libpod-\(Self.id)", Self.id, nil)
    check("/libpod_parent/\(Self.other)/libpod-\(Self.id)", Self.id, nil)
    check("/libpod_parent/\(Self.other)", nil, nil)
    check("/libpod_parent/conmon", nil, nil)
    check("/system.slice/web.service/libpod-payload-\(Self.id)", Self.id, "web.service")
    check("/system.slice/web.service/runtime", nil, "web.service")
  }

  @Test func lxc() {
    check("/lxc.payload.web-1", "web-1", nil)
    check("/lxc.payload.web/init.scope", "web", nil)
    check("/lxc.payload.web/system.slice/nginx.service", "web", "nginx.service")
    check("/lxc.payload.web/.lxc", "web", nil)
    check("/lxc.payload.web/lxc.payload.inner", "inner", nil)
    check("/lxc/web", "web", nil)
    check("/lxc/101/ns/system.slice/ssh.service", "101", "ssh.service")
    check("/lxc/lxc/inner", "lxc", nil)
    check("/lxc/web/lxc/inner", "inner", nil)
    for path in [
      "/lxc", "/lxc.monitor.web", "/lxc.monitor/101", "/lxc.pivot", "/lxc.payload.",
      "/lxc.payload.a b", "/lxc.payload.(no container)", "/a/lxc/web",
    ] { check(path, nil, nil) }
  }

  @Test func nspawn() {
    check("/machine.slice/machine-web.scope/payload", "web", "machine-web.scope")
    check(
      #"/machine.slice/machine-web\x2d1.scope/payload/init.scope"#, "web-1",
      #"machine-web\x2d1.scope"#)
    check(
      "/machine.slice/systemd-nspawn@web-1.service/payload/system.slice/nginx.service", "web-1",
      "nginx.service")
    check(
      "/machine.slice/systemd-nspawn@web.service/supervisor", nil, "systemd-nspawn@web.service")
    check("/machine.slice/machine-web.scope/supervisor", nil, "machine-web.scope")
    check("/system.slice/machine-web.scope", nil, "machine-web.scope")
    for name in [
      #"machine-qemu\x2d1\x2dvm.scope"#, #"machine-\x28no\x20container\x29.scope"#,
      #"machine-a\x2fb.scope"#, "machine-.scope",
    ] { check("/machine.slice/\(name)", nil, name) }
    check("/machine.slice/systemd-nspawn@.service", nil, "machine.slice")
  }

  @Test func units() {
    for (path, unit) in [
      ("/init.scope", "init.scope"), ("/system.slice/sshd.service", "sshd.service"),
      ("/system.slice/foo.service/worker/1", "foo.service"),
      ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
      (
        #"/system.slice/system-systemd\x2dfsck.slice/systemd-fsck@dev-disk-by\x2duuid-1.service"#,
        #"systemd-fsck@dev-disk-by\x2duuid-1.service"#
      ),
      ("/system.slice/dev-sda2.swap", "dev-sda2.swap"), ("/system.slice", "system.slice"),
      ("\(Self.user)/session-3.scope", "session-3.scope"),
      ("\(Self.user)/user@1000.service/app.slice/app-foo.scope", "app-foo.scope"),
      ("\(Self.user)/user@1000.service/init.scope", "user@1000.service"),
      ("\(Self.user)/user@1000.service/app.slice", "user@1000.service"),
      (Self.user, "user-1000.slice"),
      // A name that the kernel may want: cpu.weight, cgroup.procs.
      ("/system.slice/_cpu.service", "cpu.service"),
      ("/system.slice/_cgroup.service/x", "cgroup.service"),
      ("/a/b/c.service", "c.service"),
    ] { check(path, nil, unit) }
  }

  /// Whatever it is, it is neither container nor unit.
  @Test func othersAreNone() {
    let long = String(repeating: "a", count: 250)
    for path in [
      "", "/", "//", "/..", "/../..", "/a", "/docker", "/docker/web",
      "/docker/\(Self.id.prefix(12))",
      "/docker/\(Self.id)0", "/docker/\(Self.id.dropLast())", "/docker/\(Self.id.uppercased())",
      "/docker/\(Self.id.dropLast())g", "/docker/\(Self.build)", "/buildkit/\(Self.build)0",
      "/crio-\(Self.id.dropLast())", "/docker-\(Self.id)", "/cri-containerd-\(Self.id)",
      "/x-\(Self.id)", "/x.slice:docker", "/x:docker:\(Self.id)",
      "/x.slice:other:\(Self.id)", "/x.slice:docker:\(Self.id):", "/kata_overhead/\(Self.id)",
      "/pod\(Self.pod)", "/kubepods/pod\(Self.pod.dropLast())", "/kubepods/podweb",
      "/kubepods/x/pod\(Self.pod)", "/getty@.service", "/@tty.service", "/.service", "/foo.timer",
      "/foo.service.d", "/a b.service", "/ä.service", "/\u{1b}[2J.service", "/\(long).service",
      "/(no unit)", "/_", "/_.scope", "/\u{301}docker", "/docker/\u{301}\(Self.id)",
    ] { check(path, nil, nil) }
    for name in [
      "docker-\(Self.id.dropLast()).scope", "docker-web.scope", "web-\(Self.id).scope",
      "docker-\(Self.id).service", "crio-\(Self.build).scope",
    ] {
      check("/system.slice/\(name)", nil, name)
    }
    for name in ["foo-pod\(Self.slicePod).slice", "kubepods-podweb.slice", "mykubepods-pod1.slice"]
    {
      check("/\(name)", nil, name)
    }
  }
}
