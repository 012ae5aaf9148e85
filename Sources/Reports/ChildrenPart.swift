import Histograms

/// What the children of clones are for, by what became of them.
public enum ChildUse: String, Codable, Sendable, CaseIterable {
  /// To start another program, and soon.
  case execAtOnce = "exec_at_once"
  /// To work beside their parent, with the memory that they have of it.
  case serve
  /// To write out the memory that they have of their parent.
  case save
  /// Several of these, or none.
  case other
  /// Too little is known of them.
  case unknown
}

/// What became of children: of processes that clones made, not of threads.
public struct ChildFatesPart: Codable, Sendable, Equatable {
  public var born: UInt64
  /// Still there at the end.
  public var living: UInt64
  /// Those of which it isn't known whether and when they called exec or ended.
  public var unfollowed: UInt64
  /// From the creation of a child to its first exec; of those that called it.
  public var execAfter: HistogramPart
  /// The life of those that have ended without an exec.
  public var lived: HistogramPart
  /// By write calls of these; nil where the kernel doesn't count them.
  public var writtenBytes: UInt64?

  public init(
    born: UInt64, living: UInt64, unfollowed: UInt64, execAfter: HistogramPart,
    lived: HistogramPart, writtenBytes: UInt64?
  ) {
    self.born = born
    self.living = living
    self.unfollowed = unfollowed
    self.execAfter = execAfter
    self.lived = lived
    self.writtenBytes = writtenBytes
  }

  enum CodingKeys: String, CodingKey {
    case born, living, unfollowed, lived
    case execAfter = "exec_after"
    case writtenBytes = "written_bytes"
  }
}

/// The children of the processes of one name that have them for the same use.
public struct ChildrenPart: Codable, Sendable, Equatable {
  /// The parents' name.
  public var comm: String
  /// The parent, if there is but one.
  public var pid: Int?
  /// How many parents; a merge counts one in each of the two.
  public var processes: UInt64
  public var use: ChildUse
  /// The most that one parent had at a time.
  public var atATime: UInt64
  /// Time of the clones that made them.
  public var ns: UInt64
  public var fates: ChildFatesPart
  /// Those of the clones that copied for a child that called exec at once; nil where there are none.
  public var discardedCopies: DiscardedCopiesPart?
  /// What these forks cost in all; nil where that wasn't seen.
  public var bill: [BillItemPart]?
  /// Nil where write faults weren't counted, or there were none.
  public var copyOnWrite: CopyOnWritePart?

  public init(
    comm: String, pid: Int?, processes: UInt64, use: ChildUse, atATime: UInt64, ns: UInt64,
    fates: ChildFatesPart, discardedCopies: DiscardedCopiesPart? = nil, bill: [BillItemPart]? = nil,
    copyOnWrite: CopyOnWritePart? = nil
  ) {
    self.comm = comm
    self.pid = pid
    self.processes = processes
    self.use = use
    self.atATime = atATime
    self.ns = ns
    self.fates = fates
    self.discardedCopies = discardedCopies
    self.bill = bill
    self.copyOnWrite = copyOnWrite
  }

  enum CodingKeys: String, CodingKey {
    case comm, pid, processes, use, ns, fates, bill
    case discardedCopies = "discarded_copies"
    case copyOnWrite = "copy_on_write"
    case atATime = "at_a_time"
  }
}

extension ChildrenPart {
  /// The items of the bill that forks cost: without what children that serve do for themselves.
  package var forkBill: [BillItemPart] {
    (bill ?? []).filter { $0.ns > 0 && (use != .serve || !$0.item.isOwnWork) }
  }

  /// By more than the time, for the order to be the same however they were added up.
  package static func precedes(_ one: Self, _ two: Self) -> Bool {
    (two.ns, two.fates.living, one.comm, one.use.rawValue)
      < (one.ns, one.fates.living, two.comm, two.use.rawValue)
  }
}

// MARK: - Merge

extension CloneSnapshot {
  /// Sets what became of the children of both. Of one host those are there at the end that were there at
  /// the later end.
  mutating func setChildren(_ one: CloneSnapshot, _ two: CloneSnapshot) throws(MergeError) {
    var (first, second) = (one, two)
    if one.host.names == two.host.names {
      if two.end >= one.end { first.forgetLiving() } else { second.forgetLiving() }
    }
    childFates = try Self.sum(first.childFates, second.childFates)
    guard first.children != nil || second.children != nil else { return }
    let all = try (first.children ?? []).joined(
      with: second.children ?? [], same: { ($0.comm, $0.use) == ($1.comm, $1.use) }
    ) { one, two throws(MergeError) in
      ChildrenPart(
        comm: one.comm, pid: one.pid == two.pid ? one.pid : nil,
        processes: try one.processes.adding(two.processes), use: one.use,
        atATime: max(one.atATime, two.atATime), ns: try one.ns.adding(two.ns),
        fates: try one.fates.adding(two.fates),
        discardedCopies: try DiscardedCopiesPart.sum(one.discardedCopies, two.discardedCopies),
        bill: try [BillItemPart].sum(one.bill, two.bill),
        copyOnWrite: try CopyOnWritePart.sum(one.copyOnWrite, two.copyOnWrite))
    }
    children = [ChildrenPart](all.sorted(by: ChildrenPart.precedes).prefix(10))
    guard first.bill == nil || second.bill == nil else { return }
    for index in (children ?? []).indices { children?[index].bill = nil }
  }

  private mutating func forgetLiving() {
    childFates?.living = 0
    for index in (children ?? []).indices { children?[index].fates.living = 0 }
  }

  private static func sum(
    _ one: ChildFatesPart?, _ two: ChildFatesPart?
  ) throws(MergeError) -> ChildFatesPart? {
    guard let one, let two else { return one ?? two }
    return try one.adding(two)
  }
}

extension ChildUse {
  /// What they are for whose parts are for these: where little is known of one part, what the others are
  /// for.
  static func ofBoth(_ one: Self?, _ two: Self?) -> Self? {
    guard let one, let two else { return one ?? two }
    if one == .unknown { return two }
    return two == .unknown || one == two ? one : .other
  }
}

extension ChildFatesPart {
  fileprivate func adding(_ other: Self) throws(MergeError) -> Self {
    var written = writtenBytes ?? other.writtenBytes
    if let one = writtenBytes, let two = other.writtenBytes { written = try one.adding(two) }
    return ChildFatesPart(
      born: try born.adding(other.born), living: try living.adding(other.living),
      unfollowed: try unfollowed.adding(other.unfollowed),
      execAfter: try execAfter.adding(other.execAfter), lived: try lived.adding(other.lived),
      writtenBytes: written)
  }

  /// - Throws: where a histogram isn't one.
  func check() throws(InvalidBucket) {
    _ = try execAfter.histogram()
    _ = try lived.histogram()
  }
}
