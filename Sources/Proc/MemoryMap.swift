/// A mapping of a process and what is resident of it, in bytes (`/proc/PID/smaps`: man
/// proc_pid_smaps(5), show_smap() in fs/proc/task_mmu.c).
public struct MemoryMapping: Sendable, Hashable {
  public let start: UInt64
  public let end: UInt64
  /// Such as "rw-p".
  public let permissions: String
  /// "[heap]", a file, or nothing; octal escapes as the kernel has them.
  public let name: String
  /// Whether there is a file behind it.
  public let isOfFile: Bool
  public let resident: UInt64
  public let proportional: UInt64
  /// Of the resident what other processes map too.
  public let shared: UInt64
  public let anonymous: UInt64
  /// Of that what entries of 2 MiB map.
  public let anonymousHuge: UInt64
  public let swapped: UInt64
  /// Of a pool of huge pages; not in `resident`.
  public let hugetlb: UInt64
  /// What KSM has merged; zero where the kernel doesn't say (before 6.6).
  public let merged: UInt64
  /// What one entry maps at most: the page of the pool, or the machine's.
  public let pageSize: UInt64
  /// Two letters each: "nh" for VM_NOHUGEPAGE, "hg" for VM_HUGEPAGE, "dc" for VM_DONTCOPY,
  /// "ht" for VM_HUGETLB, "lo" for VM_LOCKED, "sh" for VM_SHARED.
  public let flags: Set<String>

  public var size: UInt64 { end - start }
  public var isHugetlb: Bool { flags.contains("ht") }
  public var isShared: Bool { permissions.last == "s" }

  /// Whether a fork copies its entries: vma_needs_copy() in mm/memory.c, but for what was never written
  /// to.
  public var isCopied: Bool { !flags.contains("dc") && !isShared && anonymous + swapped > 0 }

  /// Those of a process, in the order of their addresses.
  ///
  /// - Throws: `ProcError`: EACCES without the right to trace the process (man ptrace(2)), ESRCH or
  ///   ENOENT where it has gone. Of a kernel thread or a zombie there are none.
  public static func all(of pid: Int32) throws(ProcError) -> [MemoryMapping] {
    try read("/proc/\(pid)/smaps", as: all(parsing:))
  }

  /// How many there are, without a look at what is resident: lines of `/proc/PID/maps`.
  ///
  /// - Throws: `ProcError`, as ``all(of:)``.
  public static func count(of pid: Int32) throws(ProcError) -> Int {
    try contents(of: "/proc/\(pid)/maps").lines.count { !$0.isEmpty }
  }

  /// Nil where the text has another form.
  package static func all(parsing text: String) -> [MemoryMapping]? {
    var mappings: [MemoryMapping] = []
    var head: Substring?
    var fields: [Substring: Substring] = [:]
    for line in text.lines {
      guard let first = line.words.first, first.utf8.last == UInt8(ascii: ":") else {
        if let head {
          guard let mapping = MemoryMapping(head, fields) else { return nil }
          mappings.append(mapping)
        }
        (head, fields) = (line, [:])
        continue
      }
      guard let (key, value) = line.cut(at: ":") else { return nil }
      fields[key] = value
    }
    if let head {
      guard let mapping = MemoryMapping(head, fields) else { return nil }
      mappings.append(mapping)
    }
    return mappings
  }

  private init?(_ head: Substring, _ fields: [Substring: Substring]) {
    // Address, rights, offset, device, inode, and the name behind blanks.
    let words = head.words
    guard words.count >= 5, let (first, last) = words[0].cut(at: "-"),
      let start = UInt64(first, radix: 16), let end = UInt64(last, radix: 16), start <= end,
      let pageSize = bytes(fields["KernelPageSize"]), let resident = bytes(fields["Rss"])
    else { return nil }
    (self.start, self.end) = (start, end)
    permissions = String(words[1])
    isOfFile = words[4] != "0"
    name =
      words.count > 5
      ? String(head[words[5].startIndex...]) : ""
    self.resident = resident
    self.pageSize = pageSize
    proportional = bytes(fields["Pss"]) ?? 0
    shared = (bytes(fields["Shared_Clean"]) ?? 0) + (bytes(fields["Shared_Dirty"]) ?? 0)
    anonymous = bytes(fields["Anonymous"]) ?? 0
    anonymousHuge = bytes(fields["AnonHugePages"]) ?? 0
    swapped = bytes(fields["Swap"]) ?? 0
    hugetlb = (bytes(fields["Private_Hugetlb"]) ?? 0) + (bytes(fields["Shared_Hugetlb"]) ?? 0)
    merged = bytes(fields["KSM"]) ?? 0
    flags = Set((fields["VmFlags"]?.words ?? []).map(String.init))
  }
}

/// Of "  123 kB".
func bytes(_ field: Substring?) -> UInt64? {
  guard let words = field?.words, words.count == 2, words[1] == "kB",
    let kibibytes = UInt64(words[0]), kibibytes <= .max / 1024
  else { return nil }
  return kibibytes * 1024
}
