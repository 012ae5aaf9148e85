/// Write faults on pages that were there, but not to be written.
public struct WriteFaultsPart: Codable, Sendable, Equatable {
  public var faults: UInt64
  /// By those of these faults that copied a page.
  public var copiedBytes: UInt64

  public init(faults: UInt64, copiedBytes: UInt64) {
    (self.faults, self.copiedBytes) = (faults, copiedBytes)
  }

  enum CodingKeys: String, CodingKey {
    case faults
    case copiedBytes = "copied_bytes"
  }
}

/// What was copied after forks, as their children and these children's parents wrote.
public struct CopyOnWritePart: Codable, Sendable, Equatable {
  /// Clones that copied the address space.
  public var forks: UInt64
  /// Until their exec.
  public var children: WriteFaultsPart
  public var parents: WriteFaultsPart
  /// For one fork, of those whose child has ended or called exec: by the child, and meanwhile by its
  /// parent.
  public var mostBytes: UInt64
  /// What the limit of the parent's cgroup, or of one above it, left; nil where there is none, or several
  /// parents.
  public var leftBytes: UInt64?

  public init(
    forks: UInt64, children: WriteFaultsPart, parents: WriteFaultsPart, mostBytes: UInt64,
    leftBytes: UInt64? = nil
  ) {
    self.forks = forks
    (self.children, self.parents) = (children, parents)
    (self.mostBytes, self.leftBytes) = (mostBytes, leftBytes)
  }

  enum CodingKeys: String, CodingKey {
    case forks, children, parents
    case mostBytes = "most_bytes"
    case leftBytes = "left_bytes"
  }
}

// MARK: - Merge

extension WriteFaultsPart {
  fileprivate func adding(_ other: Self) throws(MergeError) -> Self {
    WriteFaultsPart(
      faults: try faults.adding(other.faults),
      copiedBytes: try copiedBytes.adding(other.copiedBytes))
  }
}

extension CopyOnWritePart {
  static func sum(_ one: Self?, _ two: Self?) throws(MergeError) -> Self? {
    guard let one, let two else { return one ?? two }
    var left = one.leftBytes ?? two.leftBytes
    if let first = one.leftBytes, let second = two.leftBytes { left = min(first, second) }
    return CopyOnWritePart(
      forks: try one.forks.adding(two.forks), children: try one.children.adding(two.children),
      parents: try one.parents.adding(two.parents),
      mostBytes: max(one.mostBytes, two.mostBytes), leftBytes: left)
  }
}
