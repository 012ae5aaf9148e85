import Records
package import Reports

/// What a fork costs after the call, in its child until that calls exec or is gone, and in its parent.
public enum AfterFork {
  /// Where a process was at a tick.
  public enum Place: Int, Sendable, CaseIterable, Codable {
    case copyOnWrite, otherFaults, protection, reverseMapping, teardown, exec, exit
    /// Of a child: elsewhere in the kernel, and in user space.
    case otherKernel, user
    case parentCopyOnWrite

    /// As reports have it.
    package var reported: BillItem {
      switch self {
      case .copyOnWrite: .copyOnWrite
      case .otherFaults: .otherFaults
      case .protection: .protection
      case .reverseMapping: .reverseMapping
      case .teardown: .teardown
      case .exec: .exec
      case .exit: .exit
      case .otherKernel: .otherKernel
      case .user: .user
      case .parentCopyOnWrite: .parentCopyOnWrite
      }
    }
  }

  /// What stands for a place, by the functions' names in mm/ (memory.c, huge_memory.c, hugetlb.c,
  /// mprotect.c, mmap.c, vma.c, rmap.c), fs/exec.c, kernel/exit.c, kernel/fork.c and the
  /// architectures' fault.c and entry code. The first of a stack, from the innermost frame on, decides.
  public static let functions: [(place: Place, names: [String])] = [
    (
      .copyOnWrite,
      [
        "do_wp_page", "wp_page_copy", "wp_page_reuse", "do_huge_pmd_wp_page", "wp_huge_pmd",
        "hugetlb_wp", "hugetlb_cow",
      ]
    ),
    (
      .protection,
      [
        "change_protection", "change_pte_range", "change_huge_pmd", "mprotect_fixup",
        "do_mprotect_pkey", "do_numa_page", "do_huge_pmd_numa_page", "task_numa_work",
        "change_prot_numa",
      ]
    ),
    (
      .reverseMapping,
      [
        "page_remove_rmap", "folio_remove_rmap_ptes", "folio_remove_rmap_pte",
        "folio_remove_rmap_pmd", "unlink_anon_vmas",
      ]
    ),
    (
      .teardown,
      [
        "exit_mmap", "unmap_vmas", "unmap_page_range", "unmap_single_vma", "zap_pte_range",
        "zap_pmd_range", "zap_huge_pmd", "free_pgtables", "free_pgd_range", "unmap_region",
        "remove_vma", "exit_mm", "__mmput", "__mmdrop",
      ]
    ),
    (
      .otherFaults,
      [
        "handle_mm_fault", "do_user_addr_fault", "exc_page_fault", "asm_exc_page_fault",
        "do_page_fault", "do_mem_abort", "el0_da", "el0_ia",
      ]
    ),
    (
      .exec,
      ["do_execveat_common", "bprm_execve", "load_elf_binary", "begin_new_exec", "do_execve"]
    ),
    (.exit, ["do_exit", "do_group_exit"]),
  ]

  /// How many samples there are, by ``Place``.
  public struct Samples: Sendable, Equatable {
    private var counts = SIMD16<UInt64>()

    public init() {}

    public subscript(place: Place) -> UInt64 {
      get { counts[place.rawValue] }
      set { counts[place.rawValue] = newValue }
    }

    mutating func add(_ other: Samples) { counts &+= other.counts }
  }
}

/// A sample of a child before its exec, or of a parent in the kernel.
struct AfterForkSample: Sendable {
  let place: AfterFork.Place
  let process: UInt32
  /// Whether it is the parent.
  let isOfParent: Bool
  /// Of a child: when the clone that made it began, CLOCK_MONOTONIC, and its parent's process.
  let begin: UInt64
  let tgid: UInt32

  /// - Precondition: the record is a `sonde_after_fork`.
  init(_ record: RawSpan, _ header: sonde_header, _ ranges: KernelRanges<AfterFork.Place>) {
    typealias Layout = MemoryLayout<sonde_after_fork>
    process = header.tid
    isOfParent = UInt32(header.flags) & UInt32(SONDE_AFTER_FORK_PARENT) != 0
    begin = unsafe record.unsafeLoad(
      fromByteOffset: Layout.offset(of: \.begin)!, as: UInt64.self)
    tgid = unsafe record.unsafeLoad(fromByteOffset: Layout.offset(of: \.tgid)!, as: UInt32.self)
    var place: AfterFork.Place?
    if UInt32(header.flags) & UInt32(SONDE_AFTER_FORK_USER) != 0 { place = .user }
    let frames = min(Int(header.aux) / 8, Int(SONDE_SAMPLE_FRAMES))
    for index in 0..<frames where place == nil || place == .reverseMapping {
      let frame = unsafe record.unsafeLoad(
        fromByteOffset: Layout.offset(of: \.frames)! + 8 * index, as: UInt64.self)
      guard let part = ranges.part(at: frame) else { continue }
      // A fault that copies takes the old page out of the reverse mapping, too.
      if place == nil || part == .copyOnWrite { place = part }
    }
    self.place = place ?? .otherKernel
  }
}
