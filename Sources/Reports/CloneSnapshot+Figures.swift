import Histograms

extension CloneSnapshot {
  /// Its figures, as `docs/cloneprof.md` has them, but for those of lists.
  public static let figures: [Figure<CloneSnapshot>] =
    commonFigures + [
      .sum(\.calls.fork, "calls.fork", "calls", created),
      .sum(\.calls.vfork, "calls.vfork", "calls", created),
      .sum(\.calls.clone, "calls.clone", "calls", created),
      .sum(\.calls.clone3, "calls.clone3", "calls", created),
      .sum(
        \.calls.threads, "calls.threads", "calls",
        "that created a new thread, by any of these system calls; not included above"),
      .histogram(
        \.histograms.clone, "histograms.clone",
        "the duration of a whole clone, without the wait of a vfork parent; failed ones excluded"),
      .histogram(
        \.histograms.addressSpaceCopy, "histograms.address_space_copy",
        "of one clone, the copy of the address space: mappings and page tables"),
      .histogram(
        \.histograms.pageTableCopy, "histograms.page_table_copy",
        "of one clone, the copy of the page tables, which is part of the above"),
      .histogram(
        \.histograms.vforkWait, "histograms.vfork_wait",
        "how long a vfork parent waited for its child to exec or exit"),
    ] + childFigures + [pageCopySamples] + pageTableFigures + costFigures

  private static let created = "that created a new process, by system call"

  private static let pageCopySamples = Figure<CloneSnapshot>.derived(
    "page_copies.samples", "pages", "of which the address was recorded"
  ) { $0.pageCopies.map { Double($0.samples) } }

  private static var pageTableFigures: [Figure<CloneSnapshot>] {
    [
      .sum(
        \.pageTables.bytes, "page_tables.bytes", "bytes",
        "page tables of the children when they start (`VmPTE`)"),
      .sum(
        \.pageTables.entries, "page_tables.entries", "entries",
        "resident and swapped pages of the copied mappings, each with one entry to copy; a huge page, which needs only one, counts as 512"
      ),
      .sum(
        \.pageTables.residentBytes, "page_tables.resident_bytes", "bytes",
        "resident memory that they map"),
      .sum(
        \.pageTables.hugetlbBytes, "page_tables.hugetlb_bytes", "bytes",
        "of hugetlbfs pages, which resident sizes don't include"),
      .mean(
        \.pageTables.nsPerEntry, over: \.pageTables.entries, "page_tables.ns_per_entry", "ns",
        "time of the page-table copy per entry, over clones of 16 MiB resident or more: pages of small processes are counted too coarsely. Where the time is sampled, absent unless those clones have nine tenths of all entries"
      ),
      .mean(
        \.pageTables.msPerGiB, over: \.pageTables.residentBytes, "page_tables.ms_per_gib", "ms",
        "of the whole clone per GiB of resident memory; absent below 16 MiB per clone, where it means nothing"
      ),
      .derived(
        "page_tables.gb_per_s", "GB/s",
        "the same as a rate, in 10^9 bytes of resident memory per second; absent in the same cases"
      ) { $0.pageTables.gbPerS },
    ]
  }

  private static var childFigures: [Figure<CloneSnapshot>] {
    [
      child("born", "children", "made by the clones of the interval: processes, not threads") {
        $0.born
      },
      child(
        "living", "children",
        "still alive at the end; after a merge of snapshots of one host, at the latest end"
      ) { $0.living },
      child(
        "unfollowed", "children",
        "of which it isn't known whether and when they called exec or ended: a map was full, or a record lost"
      ) { $0.unfollowed },
      child(
        "exec_after", "from the creation of a child to its first exec; of those that called exec"
      ) { $0.execAfter },
      child("lived", "the life of a child that ended without an exec") { $0.lived },
      child(
        "written_bytes", "bytes",
        "by write calls of children that ended without an exec; absent where the kernel doesn't count them"
      ) { $0.writtenBytes },
    ]
  }

  /// Of a part that may be absent: `setChildren` merges it.
  private static func child(
    _ name: String, _ unit: String, _ help: String,
    _ read: @escaping @Sendable (ChildFatesPart) -> UInt64?
  ) -> Figure<CloneSnapshot> {
    .derived("child_fates.\(name)", unit, help) { $0.childFates.flatMap(read).map { Double($0) } }
  }

  private static func child(
    _ name: String, _ help: String, _ read: @escaping @Sendable (ChildFatesPart) -> HistogramPart
  ) -> Figure<CloneSnapshot> {
    Figure(
      name: "child_fates.\(name)", unit: "ns", help: help, merging: .derived,
      value: .histogram { $0.childFates.map(read) ?? HistogramPart(Histogram()) }
    ) { _, _, _ in }
  }

  private static var costFigures: [Figure<CloneSnapshot>] {
    [
      .mean(
        \.cost.bpfNsPerClone, over: \.histograms.clone.count, "cost.bpf_ns_per_clone", "ns",
        "run time of the BPF programs per clone, measured by the kernel; absent where that isn't permitted"
      ),
      .sum(\.cost.consumerNs, "cost.consumer_ns", "ns", "CPU time of the cloneprof process"),
      .largest(
        \.cost.residentBytes, "cost.resident_bytes", "bytes",
        "resident memory (RSS) of the cloneprof process at the end"),
      .largest(\.cost.ringBytes, "cost.ring_bytes", "bytes", "kernel memory of the rings"),
    ]
  }
}
