import CloneModel
import Collapse
import Experiments
import Proc
import Reports

extension ForkedMemory {
  /// Reads a process's mappings and which of its pages are there, once: of 4 GiB that takes some ten
  /// milliseconds.
  ///
  /// - Returns: nil where it has gone or may not be looked at.
  static func of(pid: Int32, canCollapse: Bool, calibration: Calibration?) -> ForkedMemory? {
    guard let status = try? ProcessStatus.of(pid: pid), let use = try? MemoryUse.of(pid: pid),
      let mappings = try? MemoryMapping.all(of: pid), var residency = try? Residency(of: pid),
      let plan = try? CollapsePlan(
        mappings,
        residency: { start, count throws(ProcError) in
          try residency.pages(from: start, each: CollapsePlan.size, parts: count)
        })
    else { return nil }
    return ForkedMemory(
      comm: status.name, server: ProcessTree.server(of: pid).map { UInt32(bitPattern: $0) },
      allocator: allocator(mappings), mayHaveHugePages: use.mayHaveHugePages,
      smallByWish: mappings.filter { $0.isCopied && $0.flags.contains("nh") }
        .reduce(0) { $0 + $1.anonymous },
      copied: CollapsePlan.copied(mappings), collapsed: plan.copiedAfter(mappings),
      hugePages: plan.hugePages, growth: plan.filled, canCollapse: canCollapse,
      mode: HugePages.current().enabled?.rawValue, calibration: calibration,
      left: Memory.leftOfCgroup(ofProcess: pid))
  }

  private static func allocator(_ mappings: [MemoryMapping]) -> Allocator {
    func isMapped(_ library: String) -> Bool { mappings.contains { $0.name.contains(library) } }
    if isMapped("/libjvm.so") { return .java }
    if isMapped("/libjemalloc") { return .jemalloc }
    let copied = mappings.filter(\.isCopied)
    let all = copied.reduce(0) { $0 + $1.anonymous }
    let heap = copied.filter { $0.name == "[heap]" }.reduce(0) { $0 + $1.anonymous }
    return heap > all / 2 && isMapped("/libc.so.6") ? .glibcHeap : .mmap
  }
}
