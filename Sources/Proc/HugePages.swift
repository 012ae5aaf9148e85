/// What this kernel has of huge pages, and how they are set up (Documentation/admin-guide/mm:
/// transhuge.rst, hugetlbpage.rst).
public struct HugePages: Sendable, Hashable {
  /// Who gets transparent huge pages.
  public enum Mode: String, Sendable {
    case always, inherit, madvise, never
  }

  /// Nil where the kernel has none.
  public let enabled: Mode?
  /// Of one transparent huge page that one entry maps, bytes.
  public let size: UInt64
  /// Sizes below that, the smallest first; none before Linux 6.8.
  public let folios: [Folio]
  /// Pools of hugetlbfs, the smallest pages first.
  public let pools: [Pool]

  public struct Folio: Sendable, Hashable {
    public let size: UInt64
    public let enabled: Mode
    /// The setting's file.
    public var path: String { "\(HugePages.folder)/hugepages-\(size >> 10)kB/enabled" }
  }

  /// How many huge pages there are of a size.
  public struct Pool: Sendable, Hashable {
    public let size: UInt64
    public let pages: UInt64
    public let free: UInt64
    /// Of the free ones those that mappings have been promised.
    public let reserved: UInt64

    /// Free for anyone.
    public var available: UInt64 { free - min(free, reserved) }
    /// The setting's file.
    public var path: String { "\(HugePages.pools)/hugepages-\(size >> 10)kB/nr_hugepages" }
  }

  private static let folder = "/sys/kernel/mm/transparent_hugepage"
  private static let pools = "/sys/kernel/mm/hugepages"

  public static func current() -> HugePages {
    let mode = (try? contents(of: "\(folder)/enabled")).flatMap { chosen(in: $0) }
    let size = (try? contents(of: "\(folder)/hpage_pmd_size")).flatMap {
      UInt64($0.lines.first ?? "")
    }
    let whole = size ?? 2 << 20
    let folios = sizes(in: folder).filter { $0 < whole }.compactMap { size -> Folio? in
      (try? contents(of: "\(folder)/hugepages-\(size >> 10)kB/enabled")).flatMap { chosen(in: $0) }
        .map { Folio(size: size, enabled: $0) }
    }
    return HugePages(
      enabled: mode, size: whole, folios: folios, pools: sizes(in: pools).compactMap(pool))
  }

  /// A pool as it is now; nil where there is none of that size.
  public static func pool(of size: UInt64) -> Pool? {
    func number(_ name: String) -> UInt64? {
      (try? contents(of: "\(pools)/hugepages-\(size >> 10)kB/\(name)")).flatMap {
        UInt64($0.lines.first ?? "")
      }
    }
    guard let pages = number("nr_hugepages"), let free = number("free_hugepages"),
      let reserved = number("resv_hugepages")
    else { return nil }
    return Pool(size: size, pages: pages, free: free, reserved: reserved)
  }

  /// Of "always [madvise] never".
  package static func chosen(in text: String) -> Mode? {
    for word in text.lines.first?.words ?? [] where word.first == "[" && word.last == "]" {
      return Mode(rawValue: String(word.dropFirst().dropLast()))
    }
    return nil
  }

  /// Of the folders hugepages-NkB, ascending, in bytes.
  private static func sizes(in folder: String) -> [UInt64] {
    names(in: folder).compactMap { name in
      guard name.hasPrefix("hugepages-"), name.hasSuffix("kB") else { return nil }
      return UInt64(name.dropFirst(10).dropLast(2)).map { $0 << 10 }
    }.sorted()
  }
}
