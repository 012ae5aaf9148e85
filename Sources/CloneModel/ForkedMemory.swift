public import Reports

/// What the forks of a process copy, and what stands for or against huge pages in it: read once, while it
/// lives. Sizes in bytes.
public struct ForkedMemory: Codable, Sendable, Equatable {
  /// Who gave it most of the memory that a fork copies.
  public enum Allocator: String, Codable, Sendable {
    /// glibc's malloc, from the heap.
    case glibcHeap = "glibc_heap"
    case jemalloc
    case java
    /// mmap(2), by the program itself or another allocator.
    case mmap
  }

  public var comm: String
  /// The topmost ancestor of the same name: the parent of a prefork server, whose memory its workers
  /// share; nil where there is none.
  public var server: UInt32?
  public var allocator: Allocator
  /// False where the program has switched transparent huge pages off for itself.
  public var mayHaveHugePages: Bool
  /// Memory for which the program has asked for small pages: MADV_NOHUGEPAGE.
  public var smallByWish: UInt64
  public var copied: Calibration.Copied
  /// What a fork copies once all that is worth it is collapsed, in how many huge pages; and what that
  /// fills with zeroes. What is shared with a child that lives is not in it: one is just being made.
  public var collapsed: Calibration.Copied
  public var hugePages: UInt64
  public var growth: UInt64
  /// Whether the kernel can collapse it from outside.
  public var canCollapse: Bool
  /// "always", "madvise" or "never"; nil where the kernel has no transparent huge pages.
  public var mode: String?
  /// Of this machine, by `cloneprof demo`; nil where there is none.
  public var calibration: Calibration?
  /// What its cgroup's limit and those above leave it, bytes; nil where none has a limit.
  public var left: UInt64?

  /// Sums and products of a few of these stay within 64 bits.
  var isPlausible: Bool {
    copied.isPlausible && collapsed.isPlausible && max(smallByWish, growth) < 1 << 52
      && hugePages < 1 << 40 && calibration?.isPlausible ?? true
  }

  public init(
    comm: String, server: UInt32? = nil, allocator: Allocator, mayHaveHugePages: Bool,
    smallByWish: UInt64,
    copied: Calibration.Copied, collapsed: Calibration.Copied, hugePages: UInt64, growth: UInt64,
    canCollapse: Bool, mode: String?, calibration: Calibration?, left: UInt64? = nil
  ) {
    (self.server, self.left) = (server, left)
    (self.comm, self.allocator, self.mayHaveHugePages) = (comm, allocator, mayHaveHugePages)
    (self.smallByWish, self.copied, self.collapsed) = (smallByWish, copied, collapsed)
    (self.hugePages, self.growth, self.canCollapse) = (hugePages, growth, canCollapse)
    (self.mode, self.calibration) = (mode, calibration)
  }
}
