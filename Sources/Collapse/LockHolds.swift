import BPF
import CLinux
import Records

/// How long this thread holds other processes' mmap_lock, and how long they wait for it because of that,
/// measured in the kernel.
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
    for name in ["lock_released", "lock_acquired", "lock_wanted"] {
      links.append(Held(try object.program(name).attach()))
    }
    self.links = links
  }

  /// The longest pauses, ns: of page faults, which need the lock for reading, and of any kind. Holds are
  /// pauses whether or not anyone came meanwhile. Nil where no hold was seen: in a PID namespace this
  /// thread has another id than the kernel's.
  var longest: (ofFaults: UInt64, any: UInt64)? {
    let holds = holds[0]
    guard holds.count.1 > 0 else { return nil }
    let ofFaults = max(holds.longest.1, holds.longest_wait.0)
    return (ofFaults, max(holds.longest.0, holds.longest_wait.1, ofFaults))
  }
}
