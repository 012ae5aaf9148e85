import Reports

/// Huge pages, where most of the time goes into entries of ordinary ones: only what can work in the
/// process at hand, with what it brings and what it costs.
///
/// A write to a huge page that is shared copies no 2 MiB: do_huge_pmd_wp_page() splits it since Linux 5.8
/// (commit 3917c80280c9, "thp: change CoW semantics for anon-THP").
struct HugePageAdvice {
  /// The process whose forks take the most; its memory where that was read.
  let pid: UInt32
  let memory: ForkedMemory?
  /// Of one of its forks, ns.
  let fork: Double
  let evidence: [String]

  var part: AdvicePart? {
    guard let memory else { return general }
    if !memory.mayHaveHugePages { return switchedOff(memory) }
    if memory.smallByWish > memory.copied.entries * 4096 / 2 { return small(memory) }
    guard memory.hugePages > 0 else { return nil }
    return memory.canCollapse ? collapse(memory) : restart(memory)
  }

  /// What a fork takes once the entries are huge: as much less as the calibration says of such memory. The
  /// machine may be busier now, which makes both slower alike.
  private func expected(_ memory: ForkedMemory) -> Double? {
    guard let calibration = memory.calibration, calibration.hugeEntry != nil else { return nil }
    let expected =
      fork * calibration.fork(of: memory.collapsed) / calibration.fork(of: memory.copied)
    return expected.isFinite && expected < 1e18 ? expected : nil
  }

  /// "A fork then takes about 1.2 ms instead of 20 ms, 17 times faster."
  private func gain(_ memory: ForkedMemory) -> String {
    guard let after = expected(memory), after < fork else {
      return
        "A fork then copies \(countText(memory.collapsed.entries + memory.collapsed.hugeEntries)) entries "
        + "instead of \(countText(memory.copied.entries + memory.copied.hugeEntries)); run cloneprof demo once to "
        + "get the time predicted."
    }
    let factor = fork / after
    return "A fork then takes about \(milliseconds(after)) instead of \(milliseconds(fork)), "
      + "\(tenths(factor)) times faster."
  }

  private func price(_ memory: ForkedMemory) -> String {
    "Cost: up to \(memory.growth >> 20) MiB more memory, plus a private copy of what long-lived children now "
      + "share with the process. The gain lasts until writes after a fork split the huge mappings again."
  }

  private func advice(_ text: String, command: String?, check: String? = nil) -> AdvicePart {
    AdvicePart(
      kind: .hugePages, text: text, evidence: evidence, command: command,
      expectedNs: memory.flatMap { $0.mayHaveHugePages ? expected($0) : nil }
        .map { UInt64(max(0, $0)) }, check: check ?? "cloneprof --pid \(pid) --clones 5")
  }

  private func collapse(_ memory: ForkedMemory) -> AdvicePart {
    guard let server = memory.server else {
      return advice(
        "Give the running process huge pages, without a restart: cloneprof collapse. "
          + gain(memory) + " " + price(memory),
        command: "cloneprof collapse --pid \(pid)")
    }
    return advice(
      "Give \(memory.comm) (\(server)) and its workers huge pages, without a restart: cloneprof "
        + "collapse. " + gain(memory) + " Each worker then has its own copy of the "
        + "\(memory.hugePages * 2) MiB that they share now: --dry-run shows the total.",
      command: "cloneprof collapse --pid \(server) --follow",
      check: "cloneprof --pid \(server) --follow --clones 5")
  }

  /// Before Linux 6.1: by who allocated the memory.
  private func restart(_ memory: ForkedMemory) -> AdvicePart? {
    let command: String
    let what: String
    switch memory.allocator {
    case .glibcHeap where memory.mode != "never":
      what = "Have malloc ask for huge pages (glibc 2.35 or later)"
      command = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"
    case .jemalloc where memory.mode != "never":
      what = "Have jemalloc ask for huge pages"
      command = "MALLOC_CONF=thp:always"
    case .java where memory.mode != "never":
      what = "Have the JVM ask for huge pages"
      command = "-XX:+UseTransparentHugePages"
    default:
      guard memory.mode != nil, memory.mode != "always" else { return nil }
      what = "Permit huge pages for all memory that is large enough, in all processes"
      command = "echo always > /sys/kernel/mm/transparent_hugepage/enabled"
    }
    return advice("\(what), and restart the program. " + gain(memory), command: command)
  }

  private func switchedOff(_ memory: ForkedMemory) -> AdvicePart {
    advice(
      "The program has switched huge pages off for itself (prctl(PR_SET_THP_DISABLE)), so none of the "
        + "usual settings help. Restart it without that"
        + (memory.comm == "redis-server" ? " (\"disable-thp no\" in redis.conf)" : "")
        + ", then collapse its memory.",
      command: memory.comm == "redis-server" ? "redis-server --disable-thp no" : nil)
  }

  private func small(_ memory: ForkedMemory) -> AdvicePart {
    advice(
      "The program keeps \(memory.smallByWish >> 20) MiB of its memory in small pages "
        + "(madvise(MADV_NOHUGEPAGE)): only a change to it or its settings can bring huge pages.",
      command: nil)
  }

  /// Of a process that could not be looked at.
  private var general: AdvicePart {
    AdvicePart(
      kind: .hugePages,
      text:
        "Back the large mappings with huge pages: one entry then covers 512 pages. While the process "
        + "runs, cloneprof collapse --dry-run shows whether that can be done from outside, and what it "
        + "gains.",
      evidence: evidence)
  }
}

private func tenths(_ value: Double) -> String {
  value < 10 ? "\(Double(Int((value * 10).rounded())) / 10)" : "\(Int(value.rounded()))"
}
