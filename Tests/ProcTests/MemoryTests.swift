import Glibc
import Proc
import Testing

/// Readers of a process's memory, on texts of the kernel and on this process itself.
struct MemoryTests {
  @Test func mappings() throws {
    let text = """
      55e0c0000000-55e0c0400000 rw-p 00000000 00:00 0                          [heap]
      Size:               4096 kB
      KernelPageSize:        4 kB
      MMUPageSize:           4 kB
      Rss:                3000 kB
      Pss:                1500 kB
      Shared_Clean:          4 kB
      Shared_Dirty:        996 kB
      Private_Clean:         0 kB
      Private_Dirty:      2000 kB
      Referenced:         3000 kB
      Anonymous:          3000 kB
      KSM:                   8 kB
      LazyFree:              0 kB
      AnonHugePages:      2048 kB
      ShmemPmdMapped:        0 kB
      Shared_Hugetlb:        0 kB
      Private_Hugetlb:       0 kB
      Swap:                 12 kB
      SwapPss:              12 kB
      Locked:                0 kB
      THPeligible:           1
      VmFlags: rd wr mr mw me ac hg sd
      7f0000000000-7f0000200000 rw-p 00000000 00:0f 9     /anon_hugepage (deleted)
      Size:               2048 kB
      KernelPageSize:     2048 kB
      Rss:                   0 kB
      Private_Hugetlb:    2048 kB
      VmFlags: rd wr mr mw me ht

      """
    let mappings = try #require(MemoryMapping.all(parsing: text))
    #expect(mappings.count == 2)
    let heap = mappings[0]
    #expect(heap.name == "[heap]" && heap.size == 4 << 20 && !heap.isOfFile && heap.isCopied)
    #expect(heap.resident == 3000 << 10 && heap.proportional == 1500 << 10)
    #expect(heap.shared == 1000 << 10 && heap.swapped == 12 << 10 && heap.merged == 8 << 10)
    #expect(heap.anonymousHuge == 2 << 20 && heap.flags.contains("hg") && !heap.isHugetlb)
    let pool = mappings[1]
    #expect(pool.isHugetlb && pool.hugetlb == 2 << 20 && pool.pageSize == 2 << 20)
    #expect(pool.name == "/anon_hugepage (deleted)" && pool.isOfFile)
  }

  @Test(arguments: ["7f-", "garbage\n", "7f00-7f10 rw-p 0 0:0\n", "7f00-7f10 rw-p 0 0:0 0\n"])
  func otherForms(_ text: String) {
    #expect(MemoryMapping.all(parsing: text) == nil)
  }

  @Test func modes() {
    #expect(HugePages.chosen(in: "always [madvise] never\n") == .madvise)
    #expect(HugePages.chosen(in: "always inherit madvise [never]\n") == .never)
    #expect(HugePages.chosen(in: "1\n") == nil && HugePages.chosen(in: "") == nil)
  }

  @Test func parents() {
    #expect(ProcessTree.parent(in: "12 (a) b) S 7 12 12 0") == 7)
    #expect(ProcessTree.parent(in: "12 (a") == nil && ProcessTree.parent(in: "") == nil)
    #expect(ProcessTree.descendants(of: getppid()).contains(getpid()))
  }

  /// Pages that are touched are there, the others not; and the sums agree with smaps.
  @Test func thisProcess() throws {
    let size = 8 << 20
    let memory = unsafe mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    defer { unsafe munmap(memory, size) }
    unsafe madvise(memory, size, MADV_NOHUGEPAGE)
    for page in stride(from: 0, to: size, by: 4096 * 4) {
      unsafe memory.storeBytes(of: 1, toByteOffset: page, as: UInt8.self)
    }
    let start = UInt64(UInt(bitPattern: memory))
    var residency = try Residency(of: getpid())
    #expect(
      try residency.pages(from: start, each: 1 << 20, parts: 8) == [64, 64, 64, 64, 64, 64, 64, 64])
    let mappings = try MemoryMapping.all(of: getpid())
    let own = try #require(mappings.first { $0.start <= start && start < $0.end })
    #expect(own.flags.contains("nh") && own.anonymous >= 2 << 20)
    let use = try MemoryUse.of(pid: getpid())
    #expect(use.resident > 2 << 20 && use.pageTables > 0 && use.mayHaveHugePages)
    #expect(throws: ProcError.self) { try MemoryUse.of(pid: 2) }
  }
}
