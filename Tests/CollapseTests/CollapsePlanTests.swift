import Collapse
import Proc
import Reports
import Testing

/// What of a process is to become huge: pure, from the text of its smaps.
struct CollapsePlanTests {
  private static func mapping(
    _ range: String, _ permissions: String = "rw-p", name: String = "", inode: Int = 0,
    anonymous: Int, huge: Int = 0, shared: Int = 0, pageSize: Int = 4, flags: String = "rd wr mr mw"
  ) -> String {
    """
    \(range) \(permissions) 00000000 00:00 \(inode)    \(name)
    Size:                  4 kB
    KernelPageSize:        \(pageSize) kB
    Rss:                   \(anonymous) kB
    Pss:                   \(anonymous) kB
    Shared_Clean:          0 kB
    Shared_Dirty:          \(shared) kB
    Anonymous:             \(anonymous) kB
    AnonHugePages:         \(huge) kB
    Swap:                  0 kB
    VmFlags: \(flags)

    """
  }

  private static func plan(
    _ text: String, pages: [Int]
  ) throws -> (plan: CollapsePlan, mappings: [MemoryMapping], asked: [(UInt64, Int)]) {
    let mappings = try #require(MemoryMapping.all(parsing: text))
    var asked: [(UInt64, Int)] = []
    let plan = CollapsePlan(mappings) { start, count -> [Int] in
      asked.append((start, count))
      return Array(pages.prefix(count))
    }
    return (plan, mappings, asked)
  }

  /// Only whole, aligned 2 MiB that are half in use.
  @Test func places() throws {
    // From 1 MiB above an edge on: 7 MiB, of which 3 places are whole.
    let text = Self.mapping("7f0000100000-7f0000800000", anonymous: 4096)
    let (plan, _, asked) = try Self.plan(text, pages: [512, 255, 256])
    #expect(asked.count == 1 && asked[0] == (0x7f00_0020_0000, 3))
    #expect(plan.targets.map(\.places) == [[0x7f00_0020_0000, 0x7f00_0060_0000]])
    #expect(plan.hugePages == 2 && plan.targets[0].holes == 256)
    #expect(plan.growth == 256 * 4096)
  }

  @Test(arguments: [
    ("rw-s", "", 0, "rd wr sh", "shared"), ("rw-p", "/bin/x", 7, "rd wr", "file"),
    ("rw-p", "", 0, "rd wr dc", "DONTFORK"), ("rw-p", "", 0, "rd wr nh", "NOHUGEPAGE"),
    ("rw-p", "", 0, "rd wr ht", "hugetlb"),
  ])
  func leftAlone(
    _ permissions: String, _ name: String, _ inode: Int, _ flags: String, _ reason: String
  ) throws {
    let text = Self.mapping(
      "7f0000200000-7f0000800000", permissions, name: name, inode: inode, anonymous: 6144,
      flags: flags)
    let (plan, _, asked) = try Self.plan(text, pages: [512, 512, 512])
    #expect(asked.isEmpty && plan.hugePages == 0)
    #expect(plan.targets.count == 1 && plan.targets[0].reason?.contains(reason) == true)
  }

  @Test func tooSmall() throws {
    let small = Self.mapping("7f0000200000-7f0000800000", anonymous: 2047)
    #expect(try Self.plan(small, pages: [512]).plan.targets.isEmpty)
    let unaligned = Self.mapping("7f0000300000-7f00004ff000", anonymous: 2048)
    let (plan, _, asked) = try Self.plan(unaligned, pages: [])
    #expect(asked.isEmpty && plan.targets[0].reason == "contains no aligned 2 MiB range")
  }

  /// What other processes have too becomes the process's own: that is memory.
  @Test func growthBySharing() throws {
    let text = Self.mapping("7f0000200000-7f0000600000", anonymous: 4096, shared: 3072)
    #expect(try Self.plan(text, pages: [512, 512]).plan.growth == 3 << 20)
  }

  /// By hand: 4 MiB in small pages and 2 MiB in a huge one, all to be huge.
  @Test func copies() throws {
    let text =
      Self.mapping("7f0000200000-7f0000800000", anonymous: 6144, huge: 2048)
      + Self.mapping("7f0010000000-7f0010400000", anonymous: 4096, flags: "rd wr dc")
      + Self.mapping("7f0020000000-7f0020001000", anonymous: 4)
    let (plan, mappings, _) = try Self.plan(text, pages: [512, 512, 512])
    let before = Calibration.Copied(entries: 1025, hugeEntries: 1, mappings: 3)
    #expect(CollapsePlan.copied(mappings) == before)
    #expect(
      plan.copiedAfter(mappings) == Calibration.Copied(entries: 1, hugeEntries: 3, mappings: 3))
    let calibration = Calibration(
      kernel: "6", cpuModel: "c", measured: "", bytes: 1, emptyFork: 1000, entry: 10,
      hugeEntry: 100, hugetlbEntry: nil, mapping: 5, collapse: nil, longestCollapse: nil)
    #expect(calibration.fork(of: before) == 1000 + 10250 + 100 + 15)
  }
}
