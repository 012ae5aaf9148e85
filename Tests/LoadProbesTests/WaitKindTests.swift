import LoadModel
import Testing

/// Stacks as kernels show them, innermost first, and what each waits for.
struct WaitKindTests {
  @Test(arguments: [
    // 6.12, ext4 on a disk with a full journal, and its commit thread.
    (
      "__schedule schedule jbd2_log_wait_commit ext4_sync_file __x64_sys_fsync do_syscall_64",
      "jbd2_log_wait_commit", "journal"
    ),
    (
      "schedule io_schedule bit_wait_io __wait_on_bit out_of_line_wait_on_bit "
        + "jbd2_journal_commit_transaction kjournald2 kthread ret_from_fork",
      "jbd2_journal_commit_transaction", "journal"
    ),
    (
      "schedule io_schedule folio_wait_bit_common filemap_get_pages filemap_read vfs_read",
      "filemap_get_pages", "disk"
    ),
    (
      "schedule io_schedule rq_qos_wait wbt_wait __rq_qos_throttle blk_mq_submit_bio submit_bio",
      "rq_qos_wait", "disk"
    ),
    (
      "schedule schedule_preempt_disabled rwsem_down_write_slowpath down_write_killable "
        + "vm_mmap_pgoff ksys_mmap_pgoff do_syscall_64",
      "vm_mmap_pgoff (rwsem, write)", "kernel_lock"
    ),
    (
      "schedule schedule_preempt_disabled __mutex_lock.constprop.0 mutex_lock pipe_write vfs_write",
      "pipe_write (mutex)", "kernel_lock"
    ),
    ("schedule kernel_clone __x64_sys_vfork do_syscall_64", "kernel_clone", "vfork_parents"),
    (
      "schedule rpc_wait_bit_killable __wait_on_bit out_of_line_wait_on_bit "
        + "__rpc_execute nfs4_call_sync_sequence nfs_getattr vfs_getattr",
      "rpc_wait_bit_killable", "network_fs"
    ),
    (
      "schedule request_wait_answer fuse_simple_request fuse_lookup_name lookup_slow walk_component",
      "request_wait_answer", "network_fs"
    ),
    (
      "schedule io_schedule __folio_lock_or_retry do_swap_page __handle_mm_fault handle_mm_fault",
      "__folio_lock_or_retry (swap)", "memory"
    ),
    (
      "schedule schedule_timeout reclaim_throttle do_try_to_free_pages try_to_free_mem_cgroup_pages",
      "reclaim_throttle", "memory"
    ),
    ("schedule schedule_timeout my_driver_thread kthread", "my_driver_thread", "uninterruptible"),
    ("schedule", "schedule", "uninterruptible"),
  ])
  func ofStacks(stack: String, name: String, cause: String) {
    let functions = stack.split(separator: " ").map { String($0.prefix { $0 != "." }) }
    let site = WaitSites.site(functions)
    #expect(site.name == name && site.kind.rawValue == cause, "\(site)")
  }

  @Test func withoutAStack() {
    #expect(WaitSites.site([]).kind == .unknown)
  }
}
