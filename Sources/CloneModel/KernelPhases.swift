import Reports

/// Which part of a clone a kernel function belongs to: for samples of the kernel's stack.
public enum KernelPhases {
  /// The parts that samples can be in.
  public enum Phase: Int, Sendable, CaseIterable, Codable {
    case pageTables, mappings, openFiles, taskSetup, wakeChild, other

    /// As reports have it.
    var reported: ClonePhase {
      switch self {
      case .pageTables: .pageTables
      case .mappings: .mappings
      case .openFiles: .openFiles
      case .taskSetup: .taskSetup
      case .wakeChild: .wakeChild
      case .other: .other
      }
    }
  }

  /// What stands for a part, by the functions' names in kernel/fork.c and mm/memory.c. The first of a
  /// stack, from the innermost frame on, decides.
  public static let functions: [(phase: Phase, names: [String])] = [
    (.pageTables, ["copy_page_range", "copy_pte_range", "copy_hugetlb_page_range"]),
    (.mappings, ["dup_mmap", "dup_mm", "vm_area_dup", "anon_vma_fork", "mm_init"]),
    (.openFiles, ["copy_files", "dup_fd", "copy_fs_struct"]),
    (
      .taskSetup,
      [
        "dup_task_struct", "copy_creds", "copy_namespaces", "create_new_namespaces", "alloc_pid",
        "sched_fork", "sched_cgroup_fork", "cgroup_can_fork", "cgroup_post_fork",
        "perf_event_init_task", "copy_thread", "copy_process",
      ]
    ),
    (.wakeChild, ["wake_up_new_task"]),
  ]
}
