import BPF
import CLinux
import Records

/// How long this thread holds other processes' mmap_lock, measured in the kernel.
final class LockHolds {
  private let links: [Held]
  private let holds: MappedValues<sonde_lock_holds>

  /// A link that lives in an array.
  private final class Held {
    private let link: Link
    init(_ link: consuming Link) { self.link = link }
  }

  /// - Throws: `BPFError` where the kernel has no such tracepoints (5.11) or doesn't permit it.
  init() throws(BPFError) {
    let kernel = KernelFeatures()
    // The type's data pointer, the mm, perhaps a path, and whether it is for writing.
    let parameters = kernel.parameterCount(of: "__traceiter_mmap_lock_released")
    let file = try OpenObject(BPFObjects.collapse)
    try file.set(
      ".rodata.collapse",
      to: sonde_collapse_config(
        tid: UInt32(bitPattern: sonde_gettid()), has_path: parameters == 4 ? 1 : 0))
    let object = try file.load()
    holds = try MappedValues(try object.map(".data.holds"), as: sonde_lock_holds.self)
    var links: [Held] = []
    for name in ["lock_released", "lock_acquired"] {
      links.append(Held(try object.program(name).attach()))
    }
    self.links = links
  }

  /// How long it was held at most, for writing alone, and in any way; ns. Nil where no hold was seen: in a
  /// PID namespace this thread has another id than the kernel's.
  var longest: (writing: UInt64, any: UInt64)? {
    let holds = holds[0]
    guard holds.count.1 > 0 else { return nil }
    return (holds.longest.1, max(holds.longest.0, holds.longest.1))
  }
}
