import Records

/// One call of fork, vfork, clone or clone3, as the kernel side told of it at its end.
///
/// Durations in ns; 0 where a part was not measured.
public struct Clone: Sendable {
  /// The system call.
  public enum Call: UInt8, Sendable, CaseIterable {
    case clone, clone3, fork, vfork
  }

  /// When it began, CLOCK_MONOTONIC.
  public var time: UInt64
  /// The whole call; for a vfork parent with the wait for its child.
  public var ns: UInt64
  public var waitNs: UInt64
  public var addressSpaceNs: UInt64
  public var pageTablesNs: UInt64
  public var wakeNs: UInt64
  /// Waiting for a CPU in between.
  public var queuedNs: UInt64
  /// Off the CPU in between, for whatever reason.
  public var offCPUNs: UInt64
  public var call: Call
  /// CLONE_*, see clone(2).
  public var flags: UInt64
  public var cgroup: UInt64
  /// The caller, and the child, by the machine's own ids.
  public var tid: UInt32
  public var tgid: UInt32
  public var child: UInt32
  /// 0, or the error number it failed with.
  public var error: Int32
  public var comm: String
  /// The child's page tables as it began, bytes.
  public var pageTableBytes: UInt64
  /// Pages of the child's as it began: what was copied entry by entry.
  public var entries: UInt64
  public var hugetlbPages: UInt64
  public var mappings: UInt32
  public var kinds: [6 of MappingSum]
  /// By ``Step``; 0 where it wasn't asked for, or isn't there.
  public var steps: [4 of StepSum]

  /// A step of copying an address space, in the kernel side's order.
  public enum Step: Int, Sendable, CaseIterable {
    case mapping, reverseMapping, hugetlb, entries

    /// The kernel's function that takes it.
    public var function: String {
      switch self {
      case .mapping: "vm_area_dup"
      case .reverseMapping: "anon_vma_fork"
      case .hugetlb: "copy_hugetlb_page_range"
      case .entries: "copy_pte_range"
      }
    }

    /// What it does, and how often.
    public var text: String {
      switch self {
      case .mapping: "step: each mapping's structure"
      case .reverseMapping: "step: each mapping's way back from its pages"
      case .hugetlb: "step: each hugetlb mapping"
      case .entries: "step: each 2 MiB of page-table entries"
      }
    }
  }

  public struct StepSum: Sendable, Equatable {
    public var ns: UInt64 = 0
    public var count: UInt64 = 0
  }

  /// All mappings of a kind.
  public struct MappingSum: Sendable, Equatable {
    public var bytes: UInt64 = 0
    public var ns: UInt64 = 0
    public var count: UInt64 = 0
  }

  /// A kind of mapping, in the kernel side's order.
  public enum MappingKind: Int, Sendable, CaseIterable {
    case heap, stack, anonymous, hugetlb, filePrivate, shared
  }

  /// clone(2): the low byte is the signal at the child's end.
  public var isThread: Bool { flags & 0x0001_0000 != 0 }
  /// Whether the child gets an address space of its own.
  public var copiesAddressSpace: Bool { flags & 0x0000_0100 == 0 }
  /// What the call itself took: without the wait of a vfork parent.
  public var ownNs: UInt64 { ns - min(ns, waitNs) }

  init(_ record: sonde_clone) {
    time = record.time
    ns = record.ns
    waitNs = record.wait_ns
    addressSpaceNs = record.address_space_ns
    pageTablesNs = record.page_tables_ns
    wakeNs = record.wake_ns
    queuedNs = record.queued_ns
    offCPUNs = record.off_cpu_ns
    call = Call(rawValue: record.call) ?? .clone
    flags = record.flags
    cgroup = record.cgroup
    tid = record.tid
    tgid = record.tgid
    child = record.child
    error = Int32(bitPattern: record.error)
    comm = unsafe withUnsafeBytes(of: record.comm) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    pageTableBytes = record.page_table_bytes
    entries =
      record.anonymous_pages &+ record.file_pages &+ record.shared_pages &+ record.swapped_pages
    hugetlbPages = record.hugetlb_pages
    mappings = record.mappings
    let all = record.kinds
    let sums = [all.0, all.1, all.2, all.3, all.4, all.5]
    let taken = [record.steps.0, record.steps.1, record.steps.2, record.steps.3]
    steps = [4 of StepSum] { StepSum(ns: taken[$0].ns, count: taken[$0].count) }
    kinds = [6 of MappingSum] { index in
      MappingSum(bytes: sums[index].bytes, ns: sums[index].ns, count: sums[index].count)
    }
  }
}
