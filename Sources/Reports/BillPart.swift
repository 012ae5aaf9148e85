/// An item on the bill of forks: the calls, or what follows from them.
public enum BillItem: String, Codable, Sendable, CaseIterable {
  /// The calls themselves, on the CPU.
  case clone
  /// A child's write faults on pages that are there (`do_wp_page()`), and the parent's.
  case copyOnWrite = "copy_on_write"
  case parentCopyOnWrite = "parent_copy_on_write"
  /// A child's other page faults.
  case otherFaults = "other_faults"
  /// A child's mprotect calls and NUMA balancing.
  case protection
  /// Taking a child's pages out of the reverse mapping, and unmapping its memory.
  case reverseMapping = "reverse_mapping"
  case teardown
  /// The rest of a child's first exec, of its exit, and of its time in the kernel.
  case exec, exit
  case otherKernel = "other_kernel"
  /// A child in user space.
  case user

  /// As they stand on a bill.
  package static func precedes(_ one: Self, _ two: Self) -> Bool { one.place < two.place }

  /// What children that serve do for themselves.
  package var isOwnWork: Bool { self == .user || self == .otherKernel }

  private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// One item of the bill, of all forks together.
public struct BillItemPart: Codable, Sendable, Equatable {
  public var item: BillItem
  /// CPU time.
  public var ns: UInt64
  /// Calls, or samples.
  public var count: UInt64
  public var how: PhasePart.How
  /// For a sampled one: half the width of the 95 % confidence interval.
  public var uncertaintyNs: UInt64?

  public init(
    item: BillItem, ns: UInt64, count: UInt64, how: PhasePart.How, uncertaintyNs: UInt64? = nil
  ) {
    self.item = item
    self.ns = ns
    self.count = count
    self.how = how
    self.uncertaintyNs = uncertaintyNs
  }

  enum CodingKeys: String, CodingKey {
    case item, ns, count, how
    case uncertaintyNs = "uncertainty_ns"
  }
}

/// Address spaces that were copied for children that threw them away, as they called exec at once.
public struct DiscardedCopiesPart: Codable, Sendable, Equatable {
  public var count: UInt64
  /// What the copies took: of mappings and page tables.
  public var ns: UInt64
  public var how: PhasePart.How

  public init(count: UInt64, ns: UInt64, how: PhasePart.How) {
    self.count = count
    self.ns = ns
    self.how = how
  }
}

// MARK: - Merge

extension PhasePart.How {
  /// The one that is known less well.
  static func ofBoth(_ one: Self, _ two: Self) -> Self {
    if one == .derived || two == .derived { return .derived }
    return one == .sampled || two == .sampled ? .sampled : .measured
  }
}

/// The samples of the two are independent: their variances add up.
func uncertainty(_ one: UInt64?, _ two: UInt64?) throws(MergeError) -> UInt64? {
  guard let one, let two else { return one ?? two }
  let (a, b) = (Double(one), Double(two))
  let both = (a * a + b * b).squareRoot()
  guard both < 0x1p64 else { throw MergeError(description: "the sum exceeds 64 bits") }
  return UInt64(both)
}

extension [BillItemPart] {
  /// Nil where one isn't known: the other is of a part of the time.
  static func sum(_ one: Self?, _ two: Self?) throws(MergeError) -> Self? {
    guard let one, let two else { return nil }
    let all = try one.joined(with: two, same: { $0.item == $1.item }) {
      one, two throws(MergeError) in
      BillItemPart(
        item: one.item, ns: try one.ns.adding(two.ns), count: try one.count.adding(two.count),
        how: .ofBoth(one.how, two.how),
        uncertaintyNs: try uncertainty(one.uncertaintyNs, two.uncertaintyNs))
    }
    return all.sorted { BillItem.precedes($0.item, $1.item) }
  }
}

extension DiscardedCopiesPart {
  static func sum(_ one: Self?, _ two: Self?) throws(MergeError) -> Self? {
    guard let one, let two else { return one ?? two }
    return DiscardedCopiesPart(
      count: try one.count.adding(two.count), ns: try one.ns.adding(two.ns),
      how: .ofBoth(one.how, two.how))
  }
}
