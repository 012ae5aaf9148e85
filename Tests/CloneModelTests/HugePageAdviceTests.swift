import CloneModel
import Histograms
import Reports
import Testing

/// Huge pages are advised only as they can be had in the process at hand.
struct HugePageAdviceTests {
  private static let calibration = Calibration(
    kernel: "6", cpuModel: "c", measured: "", bytes: 1, emptyFork: 1_000_000, entry: 20,
    hugeEntry: 1_000, hugetlbEntry: nil, mapping: nil, collapse: nil, longestCollapse: nil)

  /// 1,024,000 entries of 4 KiB, of which all but 1,024 can be in 1,998 huge pages.
  private static func memory(
    _ change: (inout ForkedMemory) -> Void = { _ in }
  ) -> ForkedMemory {
    var memory = ForkedMemory(
      comm: "server", allocator: .mmap, mayHaveHugePages: true, smallByWish: 0,
      copied: .init(entries: 1_024_000), collapsed: .init(entries: 1_024, hugeEntries: 1_998),
      hugePages: 1_998, growth: 3 << 20, canCollapse: true, mode: "madvise",
      calibration: calibration)
    change(&memory)
    return memory
  }

  private static func advice(_ memory: ForkedMemory?) -> AdvicePart? {
    var interval = CloneInterval(start: 0, end: 1)
    interval.clone.record(21_480_000)
    interval.large.add(.init(count: 1, ns: 21_480_000, pages: 1_024_000, tableNs: 20_480_000))
    interval.largeProcesses[7] = interval.large
    let phases = [
      PhasePart(phase: .pageTables, ns: 20_480_000, share: 0.95, count: 1, how: .measured)
    ]
    let tables = PageTablesPart(
      bytes: 1, entries: 1_024_000, residentBytes: 1, hugetlbBytes: 0, nsPerEntry: 20,
      msPerGiB: nil, gbPerS: nil, grade: nil)
    return CloneModel.advice(
      interval, calls: CallsPart(), phases: phases, tables: tables, memory: { _ in memory }
    ).first { $0.kind == .hugePages }
  }

  /// 1 ms besides, 1,024 entries at 20 ns, 1,998 at 1 us: 3.02 ms.
  @Test func collapse() throws {
    let advice = try #require(Self.advice(Self.memory()))
    #expect(advice.command == "cloneprof collapse --pid 7")
    #expect(advice.expectedNs == 1_000_000 + 1_024 * 20 + 1_998_000)
    #expect(advice.text.contains("3.02 ms instead of 21.48 ms, 7.1 times faster"))
    #expect(advice.text.contains("up to 3 MiB more"))
    #expect(advice.check?.contains("--pid 7") == true)
  }

  /// A worker of a prefork server isn't cured alone.
  @Test func workers() throws {
    let advice = try #require(Self.advice(Self.memory { $0.server = 5 }))
    #expect(advice.command == "cloneprof collapse --pid 5 --follow")
    #expect(advice.text.contains("its own copy of the 3996 MiB"))
  }

  @Test func withoutACalibration() throws {
    let advice = try #require(Self.advice(Self.memory { $0.calibration = nil }))
    #expect(advice.expectedNs == nil && advice.text.contains("3,022 entries instead of 1,024,000"))
    #expect(advice.text.contains("cloneprof demo"))
  }

  @Test func switchedOff() throws {
    for (comm, command) in [("server", nil), ("redis-server", "redis-server --disable-thp no")] {
      let advice = try #require(
        Self.advice(
          Self.memory {
            $0.mayHaveHugePages = false
            $0.comm = comm
          }))
      #expect(advice.command == command && advice.text.contains("PR_SET_THP_DISABLE"))
      #expect(!advice.text.contains("cloneprof collapse"))
    }
  }

  /// Before 6.1, by who allocated it; what would change nothing isn't advised.
  @Test(arguments: [
    (ForkedMemory.Allocator.glibcHeap, "madvise", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"),
    (.jemalloc, "madvise", "MALLOC_CONF=thp:always"),
    (.java, "always", "-XX:+UseTransparentHugePages"),
    (.mmap, "madvise", "echo always > /sys/kernel/mm/transparent_hugepage/enabled"),
    (.jemalloc, "never", "echo always > /sys/kernel/mm/transparent_hugepage/enabled"),
  ])
  func restarts(_ allocator: ForkedMemory.Allocator, _ mode: String, _ command: String) throws {
    let advice = Self.advice(
      Self.memory {
        ($0.canCollapse, $0.allocator, $0.mode) = (false, allocator, mode)
      })
    #expect(advice?.command == command)
  }

  @Test func nothingThatCannotHelp() {
    #expect(Self.advice(Self.memory { $0.hugePages = 0 }) == nil)
    #expect(
      Self.advice(Self.memory { ($0.canCollapse, $0.mode) = (false, "always") }) == nil)
    #expect(Self.advice(Self.memory { ($0.canCollapse, $0.mode) = (false, nil) }) == nil)
    let small = Self.advice(Self.memory { $0.smallByWish = 3 << 30 })
    #expect(small?.command == nil && small?.text.contains("MADV_NOHUGEPAGE") == true)
  }

  /// Of a process that was gone it is said how to find out.
  @Test func unknown() throws {
    let advice = try #require(Self.advice(nil))
    #expect(advice.command == nil && advice.text.contains("--dry-run"))
  }
}
