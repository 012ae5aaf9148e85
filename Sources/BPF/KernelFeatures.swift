import CLibbpf
import Glibc
import SystemPackage

/// Whether the running kernel has something, and if not, why that is believed.
public enum Availability: Sendable, Hashable {
  case yes
  case no(String)
  case cannotTell(String)

  public var isYes: Bool { self == .yes }
}

/// What the running kernel lets a tracer do, by its BTF and by trial, never by its version.
@safe public struct KernelFeatures: ~Copyable {
  private let types: OpaquePointer?
  /// Whether the kernel describes its own types (`/sys/kernel/btf/vmlinux`).
  public let btf: Availability

  public init() {
    let (loaded, _, _) = unsafe Log.collect { unsafe btf__load_vmlinux_btf() }
    unsafe types = unsafe loaded
    btf = unsafe loaded == nil ? Self.withoutBTF() : .yes
  }

  private static func withoutBTF() -> Availability {
    guard let errno = Limit.kernelBTFError() else {
      return .cannotTell("the kernel's BTF could not be read on the first attempt")
    }
    if let limit = Limit.remedy(for: errno) {
      return .cannotTell("the kernel's BTF can't be read (\(errno)); \(limit)")
    }
    return .no(
      "the kernel has no BTF (\(errno)): it needs CONFIG_DEBUG_INFO_BTF")
  }

  deinit {
    unsafe btf__free(types)
  }

  /// Whether a tracepoint is there for `tp_btf` programs.
  public func tracepoint(_ name: String) -> Availability {
    find("btf_trace_\(name)", kind: BTF_KIND_TYPEDEF, "no tracepoint \(name)")
  }

  /// Whether a function stands in BTF, as `fentry` needs.
  public func function(_ name: String) -> Availability {
    find(name, kind: BTF_KIND_FUNC, "no function \(name) (missing or inlined)")
  }

  /// `BTF_KIND_FUNC`, which is both a macro and an enumerator.
  private static let functionKind: UInt32 = 12

  /// How many parameters a function has; nil where it doesn't stand in BTF.
  public func parameterCount(of function: String) -> Int? {
    guard let types = unsafe types else { return nil }
    let id = unsafe btf__find_by_name_kind(types, function, Self.functionKind)
    guard id > 0, let found = unsafe btf__type_by_id(types, UInt32(id)),
      let prototype = unsafe btf__type_by_id(types, found.pointee.type)
    else { return nil }
    return unsafe Int(prototype.pointee.info & 0xffff)
  }

  /// Whether the kernel has kprobes at all; not whether a certain function can be probed.
  public static var kprobes: Availability {
    for path in [
      "/sys/bus/event_source/devices/kprobe/type", "/sys/kernel/tracing/kprobe_events",
      "/sys/kernel/debug/tracing/kprobe_events",
    ] where unsafe access(path, F_OK) == 0 {
      return .yes
    }
    return .no("this kernel is built without CONFIG_KPROBE_EVENTS")
  }

  /// Whether a `SEC("syscall")` program can look up a kernel symbol (`bpf_kallsyms_lookup_name()`,
  /// Linux 5.16); tried by loading one.
  public static var symbolLookup: Bool {
    // Of a type that the kernel doesn't know libbpf takes every helper to be there.
    let (isThere, _, _) = Log.collect {
      libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SYSCALL, nil) == 1
        && libbpf_probe_bpf_helper(
          BPF_PROG_TYPE_SYSCALL, BPF_FUNC_kallsyms_lookup_name, nil) == 1
    }
    return isThere
  }

  /// Whether an iterator over that kind of object is there.
  public func iterator(_ kind: String) -> Availability {
    find("bpf_iter__\(kind)", kind: BTF_KIND_STRUCT, "no iterator over \(kind)s")
  }

  /// Whether a struct has a member.
  public func member(_ member: String, of type: String) -> Availability {
    guard let types = unsafe types else { return btf }
    let id = unsafe btf__find_by_name_kind(types, type, UInt32(BTF_KIND_STRUCT))
    guard id > 0, let found = unsafe btf__type_by_id(types, UInt32(id)) else {
      return .no("the kernel has no struct \(type)")
    }
    // The low 16 bits of info: how many members, which follow the type.
    let count = unsafe Int(found.pointee.info & 0xffff)
    return unsafe UnsafeRawPointer(found + 1).withMemoryRebound(
      to: btf_member.self, capacity: count
    ) { members in
      for index in 0..<count {
        let name = unsafe btf__name_by_offset(types, members[index].name_off)
        if let name = unsafe name, unsafe strcmp(name, member) == 0 { return .yes }
      }
      return .no("struct \(type) has no \(member) in this kernel")
    }
  }

  /// Whether a ring buffer can be created (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8); tried by creating one.
  public var ringBuffers: Availability {
    let descriptor = unsafe bpf_map_create(
      BPF_MAP_TYPE_RINGBUF, "sonde_probe", 0, 0, UInt32(getpagesize()), nil)
    if descriptor >= 0 {
      close(descriptor)
      return .yes
    }
    switch -descriptor {
    case EPERM: return .cannotTell("not permitted to try; \(BPFError.rights)")
    case EINVAL: return .no("this kernel has no BPF ring buffers")
    case let code:
      let errno = Errno(rawValue: code)
      return .cannotTell(
        ["creating one: \(errno)", Limit.remedy(for: errno)].compactMap { $0 }
          .joined(separator: "; "))
    }
  }

  private func find(_ name: String, kind: Int, _ reason: String) -> Availability {
    guard let types = unsafe types else { return btf }
    return unsafe btf__find_by_name_kind(types, name, UInt32(kind)) > 0
      ? .yes : .no("\(reason) in this kernel's BTF")
  }
}
