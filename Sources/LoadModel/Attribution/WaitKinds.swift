package import Reports

/// What stacks show of a wait.
extension WaitKind {
  /// - Parameters:
  ///   - site: the innermost function that isn't a way of waiting.
  ///   - functions: all of the stack, innermost first.
  ///   - waitsForLock: whether it waits in the slow path of a lock.
  /// - Returns: with it a word for what the site doesn't show: which file system, which kind of memory.
  package static func of(
    site: String, _ functions: [String], waitsForLock: Bool
  ) -> (kind: WaitKind, word: String?) {
    // A fork may wait for other things too; only the parent of a vfork waits in this function itself.
    if ["kernel_clone", "_do_fork", "wait_for_vfork_done"].contains(site) { return (.vfork, nil) }
    // A FUSE daemon that waits for requests.
    if site == "fuse_dev_do_read" { return (.other, nil) }
    for (word, parts) in networkFileSystems where functions.contains(anyOf: parts) {
      return (.networkFileSystem, [site].contains(anyOf: parts) ? nil : word)
    }
    for (word, parts) in memoryWays where functions.contains(anyOf: parts) {
      return (.memory, [site].contains(anyOf: parts) ? nil : word)
    }
    if functions.contains(anyOf: journals) { return (.journal, nil) }
    if waitsForLock { return (.lock, nil) }
    // The lock's own functions are missing on stacks that don't begin with a switch.
    if lockTakers.contains(site) { return (.lock, nil) }
    if functions.contains(anyOf: disks) { return (.disk, nil) }
    return (.other, nil)
  }

  private static let networkFileSystems: [(String, [String])] = [
    ("nfs", ["nfs_", "nfs3_", "nfs4_", "rpc_"]), ("smb", ["cifs_", "smb2_", "SMB2_"]),
    ("ceph", ["ceph_"]), ("fuse", ["fuse_", "request_wait_answer"]),
    ("9p", ["v9fs_", "p9_client_"]), ("afs", ["afs_"]),
  ]

  /// Which of them it is that functions belong to.
  static func server(_ functions: [String]) -> ServedBy? {
    networkFileSystems.first { functions.contains(anyOf: $0.1) }.flatMap {
      ServedBy(rawValue: $0.0 == "9p" ? "p9" : $0.0)
    }
  }

  /// The same by the type of the file that a call is about: the functions of a file system itself are
  /// often not on the stack of those that wait for its pages.
  package static func isNetwork(_ fileSystem: String) -> Bool {
    ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "fuse", "fuseblk"].contains(fileSystem)
      || fileSystem.hasPrefix("fuse.")
  }

  private static let memoryWays: [(String, [String])] = [
    ("swap", ["do_swap_page", "swap_", "shmem_swapin"]),
    (
      "reclaim",
      [
        "try_to_free_", "shrink_", "reclaim_throttle", "balance_pgdat", "throttle_direct_reclaim",
        "mem_cgroup_handle_over_high", "congestion_wait",
      ]
    ),
  ]

  /// Whoever sleeps in these in D sleeps for a lock: an mmap_lock or, in the m_start() of fs/namespace.c that has
  /// the name of the one of /proc/PID/maps, namespace_sem.
  private static let lockTakers: Set<String> = [
    "m_start",
    "vm_mmap_pgoff", "__vm_munmap", "__access_remote_vm", "access_remote_vm", "do_mprotect_pkey",
    "lock_mm_and_find_vma", "mmap_read_lock_killable", "mmap_write_lock_killable",
  ]

  private static let journals = [
    "jbd2_", "wait_transaction_locked", "start_this_handle", "ext4_fc_", "xfs_log_", "xlog_",
    "btrfs_commit_transaction", "wait_current_trans", "f2fs_issue_checkpoint",
  ]

  private static let disks = [
    "io_schedule", "submit_bio", "blk_mq_", "blk_execute", "blkdev_", "rq_qos_wait", "wbt_wait",
    "blk_throtl", "__blk_throtl", "iomap_dio", "__iomap_dio", "dio_", "__blockdev_direct_IO",
    "balance_dirty_pages", "folio_wait_writeback", "wait_on_page_writeback", "wait_on_buffer",
    "__wait_on_buffer", "__sync_dirty_buffer", "dm_", "md_", "raid", "read_events",
    "wb_wait_for_completion", "__lock_buffer",
  ]
}

extension [String] {
  /// Whether one of them begins with one of `beginnings`, underscores not counted.
  fileprivate func contains(anyOf beginnings: [String]) -> Bool {
    contains { function in
      let plain = function.drop { $0 == "_" }
      return beginnings.contains { function.hasPrefix($0) || plain.hasPrefix($0) }
    }
  }
}
