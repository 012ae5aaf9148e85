public import Histograms
public import Tasks

/// The clones of one interval. Times in ns, CLOCK_MONOTONIC.
public struct CloneInterval: Sendable {
  public var start: UInt64
  public var end: UInt64
  /// Calls that succeeded and made no thread, by ``Clone/Call``; and new threads, by any.
  public var calls: [4 of UInt64] = [4 of UInt64](repeating: 0)
  public var threads: UInt64 = 0
  /// Calls that failed, by error number.
  public var failures: [Int32: UInt64] = [:]

  /// Calls that succeeded: without the wait of vfork parents.
  public var clone = Histogram()
  /// Of those that copied an address space, where it was measured.
  public var addressSpaceCopy = Histogram()
  public var pageTableCopy = Histogram()
  /// Of vfork parents, for their children.
  public var vforkWait = Histogram()
  public var wakeNs: UInt64 = 0
  /// Waiting for a CPU; and all that they were off the CPU.
  public var queuedNs: UInt64 = 0
  public var offCPUNs: UInt64 = 0
  /// The same clones by how long they took.
  public var strata: [4 of Stratum] = [4 of Stratum](repeating: .init())

  /// Of those that copied an address space: by ``Clone/MappingKind``.
  public var kinds: [6 of Clone.MappingSum] = [6 of Clone.MappingSum](repeating: .init())
  /// Of all, by ``Clone/Step``.
  public var steps: [4 of Clone.StepSum] = [4 of Clone.StepSum](repeating: .init())
  public var pageTableBytes: UInt64 = 0
  public var entries: UInt64 = 0
  public var hugetlbPages: UInt64 = 0
  /// Of clones that copied so much that a rate means something.
  public var large = LargeClones()
  /// The same by process.
  public var largeProcesses: [UInt32: LargeClones] = [:]
  public var mappings: [MappingKey: MappingSum] = [:]
  /// The longest, in no order.
  public var slowest: [Clone] = []
  public var stacks: [StackKey: StackSum] = [:]
  /// What became of the children of all clones, and by their parents.
  package var children = ChildSum()
  package var parents: [ParentKey: ChildSum] = [:]
  /// The pages that were copied afterwards, where faults are counted.
  package var pageCopies = PageCopies()
  /// Of parents that there were too many of to keep each.
  package var folded: [ChildGroup: ChildGroupSum] = [:]

  public static let slowestCount = 10
  /// 16 MiB in pages of 4 KiB.
  public static let largePages: UInt64 = 4096

  public struct LargeClones: Sendable, Equatable {
    public var count: UInt64 = 0
    public var ns: UInt64 = 0
    public var pages: UInt64 = 0
    /// Of their page tables, where that was measured.
    public var tableNs: UInt64 = 0

    package init(count: UInt64 = 0, ns: UInt64 = 0, pages: UInt64 = 0, tableNs: UInt64 = 0) {
      (self.count, self.ns, self.pages, self.tableNs) = (count, ns, pages, tableNs)
    }

    package mutating func add(_ other: Self) {
      count &+= other.count
      ns &+= other.ns
      pages &+= other.pages
      tableNs &+= other.tableNs
    }
  }

  /// Clones of about the same length: of which share samples and stacks are taken depends on that, as
  /// short ones come in crowds.
  public struct Stratum: Sendable {
    public var count: UInt64 = 0
    public var ns: UInt64 = 0
    public var onCPUNs: UInt64 = 0
    /// Samples in each ``KernelPhases/Phase``.
    public var samples: [6 of UInt64] = [6 of UInt64](repeating: 0)
    /// Of those whose caller's stack was taken.
    public var stackCount: UInt64 = 0
    public var stackNs: UInt64 = 0

    /// The index of those that take so long.
    static func index(ns: UInt64) -> Int {
      switch ns {
      case ..<100_000: 0
      case ..<1_000_000: 1
      case ..<10_000_000: 2
      default: 3
      }
    }

    mutating func add(_ other: Self) {
      count &+= other.count
      ns &+= other.ns
      onCPUNs &+= other.onCPUNs
      for index in samples.indices { samples[index] &+= other.samples[index] }
      stackCount &+= other.stackCount
      stackNs &+= other.stackNs
    }
  }

  /// A mapping of a process.
  public struct MappingKey: Sendable, Hashable, Codable {
    public var tgid: UInt32
    public var start: UInt64
    public var end: UInt64

    package init(tgid: UInt32, start: UInt64, end: UInt64) {
      (self.tgid, self.start, self.end) = (tgid, start, end)
    }
  }

  public struct MappingSum: Sendable, Equatable {
    public var comm: Comm
    public var kind: Clone.MappingKind
    public var count: UInt64
    public var ns: UInt64

    package init(comm: Comm, kind: Clone.MappingKind, count: UInt64 = 0, ns: UInt64 = 0) {
      (self.comm, self.kind, self.count, self.ns) = (comm, kind, count, ns)
    }
  }

  /// A call stack of a process.
  public struct StackKey: Sendable, Hashable, Codable {
    public var tgid: UInt32
    public var stack: UserStack

    package init(tgid: UInt32, stack: UserStack) { (self.tgid, self.stack) = (tgid, stack) }
  }

  /// The clones from there whose stack was taken, by ``strata``.
  public struct StackSum: Sendable {
    public var comm: Comm
    public var counts: [4 of UInt64] = [4 of UInt64](repeating: 0)
    public var times: [4 of UInt64] = [4 of UInt64](repeating: 0)
    /// What became of the children.
    package var children = ChildSum()

    package init(comm: Comm) { self.comm = comm }

    public var ns: UInt64 { times.indices.reduce(0) { $0 &+ times[$1] } }
    var count: UInt64 { counts.indices.reduce(0) { $0 &+ counts[$1] } }

    package mutating func add(ns: UInt64) {
      let stratum = Stratum.index(ns: ns)
      counts[stratum] += 1
      times[stratum] &+= ns
    }

    mutating func append(_ next: Self) {
      comm = next.comm
      for index in counts.indices {
        counts[index] &+= next.counts[index]
        times[index] &+= next.times[index]
      }
      children.append(next.children)
    }
  }

  public init(start: UInt64, end: UInt64) {
    self.start = start
    self.end = end
  }

  /// All calls that succeeded.
  public var count: UInt64 { clone.count }

  /// How many samples were in a phase.
  public func samples(in phase: KernelPhases.Phase) -> UInt64 {
    strata.indices.reduce(0) { $0 &+ strata[$1].samples[phase.rawValue] }
  }

  /// Adds the interval that follows this one.
  public mutating func append(_ next: CloneInterval) {
    end = next.end
    for index in calls.indices { calls[index] &+= next.calls[index] }
    threads &+= next.threads
    failures.merge(next.failures, uniquingKeysWith: +)
    clone.add(next.clone)
    addressSpaceCopy.add(next.addressSpaceCopy)
    pageTableCopy.add(next.pageTableCopy)
    vforkWait.add(next.vforkWait)
    wakeNs &+= next.wakeNs
    queuedNs &+= next.queuedNs
    offCPUNs &+= next.offCPUNs
    for index in strata.indices { strata[index].add(next.strata[index]) }
    for index in kinds.indices {
      kinds[index].bytes &+= next.kinds[index].bytes
      kinds[index].ns &+= next.kinds[index].ns
      kinds[index].count &+= next.kinds[index].count
    }
    for index in steps.indices {
      steps[index].ns &+= next.steps[index].ns
      steps[index].count &+= next.steps[index].count
    }
    pageTableBytes &+= next.pageTableBytes
    entries &+= next.entries
    hugetlbPages &+= next.hugetlbPages
    large.add(next.large)
    for (tgid, clones) in next.largeProcesses { largeProcesses[tgid, default: .init()].add(clones) }
    mappings.merge(next.mappings) { one, two in
      MappingSum(comm: two.comm, kind: two.kind, count: one.count + two.count, ns: one.ns + two.ns)
    }
    append(stacks: next.stacks)
    append(childrenOf: next)
    pageCopies.append(next.pageCopies)
    slowest = Array(
      (slowest + next.slowest).sorted { ($0.ownNs, $1.begin) > ($1.ownNs, $0.begin) }
        .prefix(Self.slowestCount))
    bound()
  }

  /// Memory stays bounded over any number of processes: of mappings and stacks the costliest are kept.
  mutating func bound(to limit: Int = 2048) {
    if mappings.count > 2 * limit {
      let kept = mappings.sorted { $0.value.ns > $1.value.ns }.prefix(limit)
      mappings = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
    if largeProcesses.count > 2 * limit {
      let kept = largeProcesses.sorted { $0.value.ns > $1.value.ns }.prefix(limit)
      largeProcesses = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
    if stacks.count > 2 * limit {
      let kept = stacks.sorted { $0.value.ns > $1.value.ns }.prefix(limit)
      stacks = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
  }
}
