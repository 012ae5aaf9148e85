import Records
public import Tasks

/// One call of fork, vfork, clone or clone3, as the kernel side emitted it at its end.
///
/// Durations in ns; 0 where a part was not measured.
public struct Clone: Sendable {
  /// The system call.
  public enum Call: UInt8, Sendable, CaseIterable {
    case clone, clone3, fork, vfork
  }

  /// When it began, CLOCK_MONOTONIC.
  public var begin: UInt64
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
  /// The caller, and the child, by their ids in the initial PID namespace.
  public var tid: UInt32
  public var tgid: UInt32
  public var child: UInt32
  /// 0, or the error number it failed with.
  public var error: Int32
  public var comm: Comm
  /// Whether nothing will be told of the child.
  public var isUnfollowed: Bool
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
  public enum Step: Int, Sendable, CaseIterable, Codable {
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

  /// Whether the child is a thread of the caller's process.
  public var isThread: Bool { flags & UInt64(CLONE_THREAD) != 0 }
  /// Whether the child gets an address space of its own.
  public var copiesAddressSpace: Bool { flags & UInt64(CLONE_VM) == 0 }
  /// What the call itself took: without the wait of a vfork parent.
  public var ownNs: UInt64 { ns - min(ns, waitNs) }

  /// - Precondition: the record is a `sonde_clone`, or what is before its parts.
  package init(_ bytes: RawSpan) {
    var record = sonde_clone()
    unsafe withUnsafeMutableBytes(of: &record) { whole in
      unsafe bytes.withUnsafeBytes { unsafe whole.copyMemory(from: $0) }
    }
    begin = record.begin
    ns = record.ns
    waitNs = record.wait_ns
    addressSpaceNs = record.address_space_ns
    pageTablesNs = record.page_tables_ns
    wakeNs = record.wake_ns
    queuedNs = record.queued_ns
    offCPUNs = record.off_cpu_ns
    call = Call(rawValue: UInt8(truncatingIfNeeded: record.header.aux)) ?? .clone
    flags = record.flags
    cgroup = record.cgroup
    tid = record.header.tid
    tgid = record.tgid
    child = record.child
    error = Int32(bitPattern: record.error)
    comm = Comm(bytes, at: MemoryLayout<sonde_clone>.offset(of: \.comm)!)
    isUnfollowed = UInt32(record.header.flags) & UInt32(SONDE_CLONE_UNFOLLOWED) != 0
    pageTableBytes = record.page_table_bytes
    entries =
      record.anonymous_pages &+ record.file_pages &+ record.shared_pages &+ record.swapped_pages
    hugetlbPages = record.hugetlb_pages
    mappings = record.mappings
    let all = record.kinds
    let sums: [6 of sonde_mappings] = [all.0, all.1, all.2, all.3, all.4, all.5]
    kinds = [6 of MappingSum] { index in
      MappingSum(bytes: sums[index].bytes, ns: sums[index].ns, count: sums[index].count)
    }
    let taken = record.steps
    let stepSums: [4 of sonde_step_sum] = [taken.0, taken.1, taken.2, taken.3]
    steps = [4 of StepSum] { StepSum(ns: stepSums[$0].ns, count: stepSums[$0].count) }
  }
}
